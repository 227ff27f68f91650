//! KollectEventSink: destinations that take one event per change. Publishing is the sink crates'.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::SecretReference;

sink_spec! {
    /// A destination that takes one event per change.
    #[kube(
        kind = "KollectEventSink",
        plural = "kollecteventsinks",
        shortname = "kevt",
        doc = "Names a destination for change events: NATS, Kafka."
    )]
    pub struct EventSinkSpec {
        /// What the destination is; the block of the same name configures it.
        #[serde(rename = "type")]
        pub type_: EventType,
        /// Settings of nats.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub nats: Option<NatsSpec>,
        /// Settings of kafka.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub kafka: Option<KafkaSpec>,
    }
}

/// The types of event sinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventType {
    /// NATS JetStream.
    Nats,
    /// Apache Kafka.
    Kafka,
}

type_words!(EventType {
    Nats = "nats",
    Kafka = "kafka",
});

/// Settings of nats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NatsSpec {
    /// URL of the server; absent is spec.endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub url: Option<String>,
    /// First tokens of the subjects.
    #[schemars(length(min = 1, max = 253))]
    pub subject: String,
    /// Name of the stream.
    #[serde(default = "kollect_events")]
    #[schemars(length(min = 1, max = 253))]
    pub stream: String,
    /// Secret with token, username and password, nkey, or creds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
}

fn kollect_events() -> String {
    "kollect_events".to_owned()
}

/// Settings of kafka.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaSpec {
    /// Brokers to start from, each host:port.
    #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 261)), extend("x-kubernetes-list-type" = "atomic"))]
    pub brokers: Vec<String>,
    /// Name of the topic.
    #[schemars(length(min = 1, max = 249), regex(pattern = "^[A-Za-z0-9._-]+$"))]
    pub topic: String,
    /// Secret with username and password, or token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
    /// How to authenticate; absent follows the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sasl: Option<Sasl>,
}

/// SASL mechanisms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Sasl {
    /// SCRAM-SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// SCRAM-SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// PLAIN.
    #[serde(rename = "PLAIN")]
    Plain,
}

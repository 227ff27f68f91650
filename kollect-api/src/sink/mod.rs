//! The three kinds of sinks, and what their specs share. Connecting to a destination is the sink crates'.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::layout::{LayoutSpec, ProvisioningSpec, SerializationSpec};
use crate::profile::Column;
use crate::reference::{Family, SecretReference, TlsSpec};
use crate::schema;
use crate::validate::{self, Violation};

/// Defines the spec of a sink kind: its own fields, then those that all sinks have. A flattened struct would spare the
/// macro, and lose the path of a field that does not decode.
macro_rules! sink_spec {
    (
        $(#[doc = $doc:literal])+
        #[kube($($kube:tt)+)]
        pub struct $name:ident { $($own:tt)* }
    ) => {
        $(#[doc = $doc])+
        #[derive(
            kube::CustomResource, Clone, Debug, PartialEq, Eq,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[kube(
            group = "kollect.dev",
            version = "v1alpha1",
            category = "kollect",
            namespaced,
            status = "crate::sink::SinkStatus",
            derive = "PartialEq",
            printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
            printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.endpoint"),
            printcolumn(
                name = "Verified",
                type_ = "string",
                json_path = r#".status.conditions[?(@.type=="ConnectionVerified")].status"#
            ),
            printcolumn(
                name = "Ready",
                type_ = "string",
                json_path = r#".status.conditions[?(@.type=="Ready")].status"#
            ),
            printcolumn(
                name = "Reason",
                type_ = "string",
                json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
                priority = 1
            ),
            printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
            $($kube)+
        )]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $($own)*
            /// Where the sink is: a URL or, for folders, a relative path. Must hold no secret.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1, max = 2048))]
            pub endpoint: Option<String>,
            /// Secret with the credentials.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub secret_ref: Option<crate::reference::SecretReference>,
            /// TLS of the connection.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub tls: Option<crate::reference::TlsSpec>,
            /// Test the connection whenever the spec changes.
            #[serde(default = "crate::reference::yes")]
            pub connection_test: bool,
            /// Name of the source cluster, instead of the operator's --cluster-name.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(max = 63), regex(pattern = crate::schema::CLUSTER))]
            pub cluster: Option<String>,
            /// Path of a document: relative, with {namespace} and {name}; {cluster}, {generation} and {extension} too.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1, max = 1024))]
            pub path_template: Option<String>,
            /// How often an unchanged payload is confirmed, where the inventory's reference does not say it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub export_min_interval: Option<crate::duration::Duration>,
            /// How documents are encoded.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub serialization: Option<crate::layout::SerializationSpec>,
            /// Which documents there are, and where.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub layout: Option<crate::layout::LayoutSpec>,
            /// Who makes the destination.
            #[serde(default, skip_serializing_if = "crate::reference::is_default")]
            pub provisioning: crate::layout::ProvisioningSpec,
            /// Settings of the sink's type. No secrets.
            #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
            #[schemars(schema_with = "crate::schema::texts")]
            pub options: std::collections::BTreeMap<String, String>,
        }

        impl $name {
            /// The fields that all sinks have.
            #[must_use]
            pub fn common(&self) -> crate::sink::SinkCommon {
                crate::sink::SinkCommon {
                    endpoint: self.endpoint.clone(),
                    secret_ref: self.secret_ref.clone(),
                    tls: self.tls.clone(),
                    connection_test: self.connection_test,
                    cluster: self.cluster.clone(),
                    path_template: self.path_template.clone(),
                    export_min_interval: self.export_min_interval,
                    serialization: self.serialization.clone(),
                    layout: self.layout.clone(),
                    provisioning: self.provisioning.clone(),
                    options: self.options.clone(),
                }
            }
        }
    };
}

/// The word of a type, as it stands in `spec.type`.
macro_rules! type_words {
    ($name:ident { $($variant:ident = $word:literal,)+ }) => {
        impl $name {
            /// The word on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub mod database;
pub mod event;
pub mod snapshot;

pub use database::{DatabaseSinkSpec, KollectDatabaseSink};
pub use event::{EventSinkSpec, KollectEventSink};
pub use snapshot::{KollectSnapshotSink, SnapshotSinkSpec};

/// The fields that all sinks have, apart from their kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkCommon {
    /// Where the sink is.
    pub endpoint: Option<String>,
    /// Secret with the credentials.
    pub secret_ref: Option<SecretReference>,
    /// TLS of the connection.
    pub tls: Option<TlsSpec>,
    /// Test the connection whenever the spec changes.
    pub connection_test: bool,
    /// Name of the source cluster.
    pub cluster: Option<String>,
    /// Path of a document.
    pub path_template: Option<String>,
    /// How often an unchanged payload is confirmed.
    pub export_min_interval: Option<Duration>,
    /// How documents are encoded.
    pub serialization: Option<SerializationSpec>,
    /// Which documents there are, and where.
    pub layout: Option<LayoutSpec>,
    /// Who makes the destination.
    pub provisioning: ProvisioningSpec,
    /// Settings of the sink's type.
    pub options: BTreeMap<String, String>,
}

/// The spec of a sink of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkSpec {
    /// Of a KollectSnapshotSink.
    Snapshot(Box<SnapshotSinkSpec>),
    /// Of a KollectDatabaseSink.
    Database(Box<DatabaseSinkSpec>),
    /// Of a KollectEventSink.
    Event(Box<EventSinkSpec>),
}

impl SinkSpec {
    /// The family of the sink.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Snapshot(_) => Family::Snapshot,
            Self::Database(_) => Family::Database,
            Self::Event(_) => Family::Event,
        }
    }

    /// The word of the sink's type, such as `postgres`.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Snapshot(spec) => spec.type_.as_str(),
            Self::Database(spec) => spec.type_.as_str(),
            Self::Event(spec) => spec.type_.as_str(),
        }
    }

    /// The fields that all sinks have.
    #[must_use]
    pub fn common(&self) -> SinkCommon {
        match self {
            Self::Snapshot(spec) => spec.common(),
            Self::Database(spec) => spec.common(),
            Self::Event(spec) => spec.common(),
        }
    }

    /// Every rule that the spec breaks: those of its kind.
    #[must_use]
    pub fn validate(&self) -> Vec<Violation> {
        match self {
            Self::Snapshot(spec) => validate::sink::snapshot_rules(spec),
            Self::Database(spec) => validate::sink::database_rules(spec),
            Self::Event(spec) => validate::sink::event_rules(spec),
        }
    }

    /// Every Secret that the spec names, with the path of the field.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&'static str, SecretReference)> {
        let common = self.common();
        let tls = common.tls.unwrap_or_default();
        let mut found = vec![
            ("spec.secretRef", common.secret_ref),
            ("spec.tls.caSecretRef", tls.ca_secret_ref),
            ("spec.tls.clientCertSecretRef", tls.client_cert_secret_ref),
        ];
        match self {
            Self::Snapshot(spec) => {
                let auth = spec.git.as_ref().and_then(|git| git.auth.as_ref());
                found.push(("spec.git.auth.secretRef", auth.and_then(|auth| auth.secret_ref.clone())));
            }
            Self::Database(spec) => {
                let postgres = spec.postgres.as_ref().map(|block| block.database_ref.clone());
                found.push(("spec.postgres.databaseRef", postgres));
                let mongodb = spec.mongodb.as_ref().map(|block| block.database_ref.clone());
                found.push(("spec.mongodb.databaseRef", mongodb));
                let bigquery = spec.bigquery.as_ref().and_then(|block| block.secret_ref.clone());
                found.push(("spec.bigquery.secretRef", bigquery));
            }
            Self::Event(spec) => {
                let nats = spec.nats.as_ref().and_then(|block| block.secret_ref.clone());
                found.push(("spec.nats.secretRef", nats));
                let kafka = spec.kafka.as_ref().and_then(|block| block.secret_ref.clone());
                found.push(("spec.kafka.secretRef", kafka));
            }
        }
        found.into_iter().filter_map(|(path, secret)| secret.map(|secret| (path, secret))).collect()
    }
}

/// What became of a sink.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SinkStatus {
    /// Ready, ConnectionVerified, Degraded, TLSInsecure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Generation that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the sink is, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub endpoint: Option<String>,
    /// What an export would do, while the annotation kollect.dev/preview asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<PreviewStatus>,
}

/// What the first export into an empty destination would do, told without looking there. What the sink's type does not
/// have is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct PreviewStatus {
    /// When the preview was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub rendered_at: Option<Time>,
    /// Whether missing parts of the destination would be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning_mode: Option<String>,
    /// How documents would be encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serialization_format: Option<String>,
    /// The statements that make what is missing, as psql takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ddl: Option<String>,
    /// The columns of documents that are tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// Paths of up to three documents, relative to the endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample_paths: Vec<String>,
    /// Path of the index of the documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_path: Option<String>,
    /// Keys of up to three rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample_keys: Vec<String>,
    /// What is worth knowing before the first export.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

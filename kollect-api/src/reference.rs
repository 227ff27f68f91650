//! How objects refer to kinds, Secrets and sinks, and the families of sinks. Nothing is resolved here.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::duration::Duration;
use crate::schema;

/// A kind of Kubernetes objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupVersionKind {
    /// API group; empty is the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253), regex(pattern = schema::GROUP))]
    pub group: String,
    /// API version, such as v1.
    #[schemars(length(min = 1, max = 63), regex(pattern = schema::VERSION))]
    pub version: String,
    /// Kind, such as Deployment.
    #[schemars(length(min = 1, max = 63), regex(pattern = schema::KIND))]
    pub kind: String,
}

impl GroupVersionKind {
    /// The `apiVersion` of objects of this kind.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// True for `Secret` of the core group, in whatever version.
    #[must_use]
    pub fn is_core_secret(&self) -> bool {
        self.group.is_empty() && self.kind == "Secret"
    }
}

impl fmt::Display for GroupVersionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind, self.api_version())
    }
}

/// A Secret by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::SUBDOMAIN))]
    pub name: String,
    /// Namespace of the Secret; absent is the referring object's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = schema::LABEL))]
    pub namespace: Option<String>,
}

/// An object of another namespace, named by a cluster kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespacedName {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::SUBDOMAIN))]
    pub name: String,
    /// Namespace of the object.
    #[schemars(length(min = 1, max = 63), regex(pattern = schema::LABEL))]
    pub namespace: String,
}

/// TLS of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TlsSpec {
    /// Accept any certificate. The sink then carries the condition TLSInsecure.
    #[serde(default, skip_serializing_if = "is_false")]
    pub insecure_skip_verify: bool,
    /// Certificates of the trusted authorities, PEM. Excludes caSecretRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 262_144))]
    pub ca_bundle: Option<String>,
    /// Secret with the trusted authorities under ca.crt, tls.crt or ca.pem. Excludes caBundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretReference>,
    /// Secret with the client's certificate under tls.crt and its key under tls.key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert_secret_ref: Option<SecretReference>,
}

/// The three families of sinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Whole documents: git, object stores, HTTP, folders.
    Snapshot,
    /// One row per object.
    Database,
    /// One event per change.
    Event,
}

impl Family {
    /// All families, in the order in which references are listed.
    pub const ALL: [Self; 3] = [Self::Snapshot, Self::Database, Self::Event];

    /// The word in names of exports: `snapshot`, `database` or `event`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Database => "database",
            Self::Event => "event",
        }
    }

    /// The kind of this family's sinks.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Snapshot => "KollectSnapshotSink",
            Self::Database => "KollectDatabaseSink",
            Self::Event => "KollectEventSink",
        }
    }

    /// The field of an inventory that lists references of this family.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshotSinkRefs",
            Self::Database => "databaseSinkRefs",
            Self::Event => "eventSinkRefs",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// When an inventory writes to a sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Cadence {
    /// A changed payload is written at once; the interval bounds confirmations of an unchanged one.
    #[default]
    OnChange,
    /// The interval is a minimum between writes.
    Interval,
}

/// An item of a list of sink references: the name of a sink, or an object with it and settings of this one reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkRef {
    /// Name of the sink.
    pub name: String,
    /// Namespace of the sink, in cluster kinds only; absent is `spec.sinkNamespace`.
    pub namespace: Option<String>,
    /// Overrides the sink's and the inventory's interval.
    pub export_min_interval: Option<Duration>,
    /// Bytes after which a document of a snapshot sink is split.
    pub max_export_bytes: Option<NonZeroU64>,
    /// When to write.
    pub cadence: Cadence,
    /// Keys that the API server could not prune and that mean nothing. Not serialised.
    pub unknown_keys: BTreeSet<String>,
}

impl SinkRef {
    /// A reference with no settings of its own.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The name in `status.sinkExports`: `<family>/<sink>`, with the namespace between them if it is stated and not
    /// `home` (the inventory's own, or `spec.sinkNamespace` of a cluster inventory).
    #[must_use]
    pub fn export_name(&self, family: Family, home: &str) -> String {
        match &self.namespace {
            Some(namespace) if namespace != home => format!("{family}/{namespace}/{}", self.name),
            _ => format!("{family}/{}", self.name),
        }
    }

    fn is_plain(&self) -> bool {
        let Self { name: _, namespace, export_min_interval, max_export_bytes, cadence, unknown_keys: _ } =
            self;
        namespace.is_none()
            && export_min_interval.is_none()
            && max_export_bytes.is_none()
            && *cadence == Cadence::default()
    }
}

impl Serialize for SinkRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_plain() {
            return serializer.serialize_str(&self.name);
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        if let Some(namespace) = &self.namespace {
            map.serialize_entry("namespace", namespace)?;
        }
        if let Some(interval) = &self.export_min_interval {
            map.serialize_entry("exportMinInterval", interval)?;
        }
        if let Some(bytes) = &self.max_export_bytes {
            map.serialize_entry("maxExportBytes", bytes)?;
        }
        if self.cadence != Cadence::default() {
            map.serialize_entry("cadence", &self.cadence)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for SinkRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SinkRefVisitor)
    }
}

struct SinkRefVisitor;

impl<'de> Visitor<'de> for SinkRefVisitor {
    type Value = SinkRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a sink, or an object with the field name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<SinkRef, E> {
        Ok(SinkRef::new(name))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SinkRef, A::Error> {
        let mut name = None;
        let mut found = SinkRef::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => name = Some(map.next_value()?),
                "namespace" => found.namespace = map.next_value()?,
                "exportMinInterval" => found.export_min_interval = map.next_value()?,
                "maxExportBytes" => found.max_export_bytes = map.next_value()?,
                "cadence" => found.cadence = map.next_value::<Option<Cadence>>()?.unwrap_or_default(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    found.unknown_keys.insert(key);
                }
            }
        }
        found.name = name.ok_or_else(|| de::Error::missing_field("name"))?;
        Ok(found)
    }
}

/// For fields whose absence means false.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

/// For blocks that need not be written when they say nothing.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// For switches that are on unless the object says otherwise.
pub(crate) fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sink_ref_is_a_string_or_an_object() {
        let plain: SinkRef = serde_json::from_value(json!("warehouse")).unwrap();
        assert_eq!(plain, SinkRef::new("warehouse"));
        assert_eq!(serde_json::to_value(&plain).unwrap(), json!("warehouse"));

        let wire = json!({"name": "a", "namespace": "b", "exportMinInterval": "1m0s", "maxExportBytes": 5, "cadence": "Interval"});
        let full: SinkRef = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(full.cadence, Cadence::Interval);
        assert_eq!(serde_json::to_value(&full).unwrap(), wire);
    }

    #[test]
    fn a_sink_ref_keeps_the_names_of_unknown_keys() {
        let found: SinkRef =
            serde_json::from_value(json!({"name": "a", "candence": "Interval", "x": [1]})).unwrap();
        assert_eq!(found.unknown_keys, BTreeSet::from(["candence".to_owned(), "x".to_owned()]));
        assert_eq!(found.cadence, Cadence::OnChange);
    }

    #[test]
    fn a_sink_ref_of_another_type_is_refused() {
        for wrong in [
            json!(1),
            json!([]),
            json!(true),
            json!({}),
            json!({"name": 1}),
            json!({"name": "a", "maxExportBytes": 0}),
        ] {
            assert!(serde_json::from_value::<SinkRef>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn export_names_tell_foreign_namespaces() {
        let mut sink = SinkRef::new("pg");
        assert_eq!(sink.export_name(Family::Database, "kollect-system"), "database/pg");
        sink.namespace = Some("team".to_owned());
        assert_eq!(sink.export_name(Family::Database, "kollect-system"), "database/team/pg");
        assert_eq!(sink.export_name(Family::Database, "team"), "database/pg");
    }
}

//! An observed object: its JSON as it came, and the metadata that selection needs. Nothing else is decoded.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kollect_snapshot::object::ObjectHead;
use kube::Resource;
use kube::discovery::ApiResource;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One object as the API server (or a file) sent it.
///
/// Decoding it never fails on well-formed JSON: an object whose metadata cannot be read has an empty one, so
/// that one bad object does not end a watch.
#[derive(Clone, Debug)]
pub struct RawObject {
    raw: Box<RawValue>,
    meta: ObjectMeta,
}

impl RawObject {
    /// The object's JSON.
    pub fn json(&self) -> &str {
        self.raw.get()
    }

    /// Takes an object's JSON.
    pub fn from_raw(raw: Box<RawValue>) -> Self {
        let meta = read_meta(raw.get());
        Self { raw, meta }
    }

    /// The object's numeric resourceVersion, 0 where it has none.
    pub fn version(&self) -> u64 {
        self.meta.resource_version.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// The object's namespace, empty for a cluster-scoped one.
    pub fn namespace(&self) -> &str {
        self.meta.namespace.as_deref().unwrap_or_default()
    }

    /// The object's name.
    pub fn name(&self) -> &str {
        self.meta.name.as_deref().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from_raw)
    }
}

fn read_meta(raw: &str) -> ObjectMeta {
    let Ok(head) = ObjectHead::parse(raw) else { return ObjectMeta::default() };
    ObjectMeta {
        name: head.name.map(Cow::into_owned),
        namespace: head.namespace.map(Cow::into_owned),
        uid: head.uid.map(Cow::into_owned),
        resource_version: head.resource_version.map(Cow::into_owned),
        labels: Some(head.labels.into_iter().map(|(k, v)| (k.into_owned(), v.into_owned())).collect()),
        ..ObjectMeta::default()
    }
}

impl Resource for RawObject {
    type DynamicType = ApiResource;
    type Scope = kube::core::DynamicResourceScope;

    fn kind(kind: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&kind.kind)
    }

    fn group(kind: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&kind.group)
    }

    fn version(kind: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&kind.version)
    }

    fn plural(kind: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&kind.plural)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

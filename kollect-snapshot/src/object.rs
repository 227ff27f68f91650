//! The metadata of an object that selection needs, read from its JSON. Nothing else of it is decoded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

/// Name, labels and the like of one object; borrowed from its JSON where it has no escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectHead<'a> {
    /// `metadata.name`.
    pub name: Option<Cow<'a, str>>,
    /// `metadata.namespace`.
    pub namespace: Option<Cow<'a, str>>,
    /// `metadata.uid`.
    pub uid: Option<Cow<'a, str>>,
    /// `metadata.resourceVersion`.
    pub resource_version: Option<Cow<'a, str>>,
    /// `metadata.labels`.
    pub labels: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    metadata: Option<Metadata<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    uid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    resource_version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    labels: Option<BTreeMap<Cow<'a, str>, Option<Cow<'a, str>>>>,
}

impl<'a> ObjectHead<'a> {
    /// Reads the metadata. An object without any has an empty head.
    ///
    /// # Errors
    /// The text is no JSON object, or a field is of another type than Kubernetes gives it.
    pub fn parse(object: &'a str) -> Result<Self, serde_json::Error> {
        let object: Object<'a> = serde_json::from_str(object)?;
        let Some(metadata) = object.metadata else { return Ok(Self::default()) };
        let labels = metadata.labels.unwrap_or_default();
        Ok(Self {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            labels: labels.into_iter().filter_map(|(key, value)| Some((key, value?))).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_selection_needs_and_skips_the_rest() {
        let head = ObjectHead::parse(
            r#"{"spec":{"deep":[1,{"metadata":3}]},"metadata":{"name":"a","uid":"u\u0041","labels":{"x":"y","z":null}}}"#,
        )
        .unwrap();
        assert_eq!(head.name.as_deref(), Some("a"));
        assert_eq!(head.uid.as_deref(), Some("uA"));
        assert_eq!(head.labels.len(), 1);
        assert_eq!(ObjectHead::parse("{}").unwrap(), ObjectHead::default());
        assert_eq!(ObjectHead::parse(r#"{"metadata":null}"#).unwrap(), ObjectHead::default());
        assert!(ObjectHead::parse("[]").is_err());
        assert!(ObjectHead::parse(r#"{"metadata":{"name":1}}"#).is_err());
    }
}

//! The metadata of an object that selection needs, read from its JSON. Nothing else of it is decoded.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::canonical::JsonError;
use crate::extract::tree::Tree;
use crate::extract::trie::{Found, NodeId, Trie};

/// Name, labels and the like of one object; borrowed from its JSON where it has no escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectHead<'a> {
    /// `apiVersion`; items of a list have none.
    pub api_version: Option<Cow<'a, str>>,
    /// `kind`; items of a list have none.
    pub kind: Option<Cow<'a, str>>,
    /// `metadata.name`.
    pub name: Option<Cow<'a, str>>,
    /// `metadata.namespace`.
    pub namespace: Option<Cow<'a, str>>,
    /// `metadata.uid`.
    pub uid: Option<Cow<'a, str>>,
    /// `metadata.resourceVersion`.
    pub resource_version: Option<Cow<'a, str>>,
    /// `metadata.deletionTimestamp`: there while finalizers hold a deleted object.
    pub deletion_timestamp: Option<Cow<'a, str>>,
    /// `metadata.labels`.
    pub labels: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

/// Why an object's head cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The text is no JSON object.
    #[error("the object is not a JSON object")]
    NotAnObject,
    /// The text breaks off, or breaks JSON's grammar.
    #[error("the object cannot be read")]
    Json(#[source] JsonError),
    /// A field has another type than Kubernetes gives it.
    #[error("a field of the object's metadata has the wrong type")]
    Metadata,
}

/// The paths of the fields, and where one pass finds them.
struct Fields {
    trie: Trie,
    metadata: NodeId,
    api_version: NodeId,
    kind: NodeId,
    name: NodeId,
    namespace: NodeId,
    uid: NodeId,
    resource_version: NodeId,
    deletion_timestamp: NodeId,
    labels: NodeId,
}

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    let mut trie = Trie::default();
    Fields {
        metadata: trie.capture(["metadata"]),
        api_version: trie.capture(["apiVersion"]),
        kind: trie.capture(["kind"]),
        name: trie.capture(["metadata", "name"]),
        namespace: trie.capture(["metadata", "namespace"]),
        uid: trie.capture(["metadata", "uid"]),
        resource_version: trie.capture(["metadata", "resourceVersion"]),
        deletion_timestamp: trie.capture(["metadata", "deletionTimestamp"]),
        labels: trie.capture(["metadata", "labels"]),
        trie,
    }
});

impl<'a> ObjectHead<'a> {
    /// Reads the head. An object without metadata has an empty one; a label that is null is left out.
    ///
    /// Costs one pass over the text, however deep it is, and memory of the labels only. Of a key that stands twice the
    /// last value counts.
    ///
    /// # Errors
    /// [`HeadError`], which holds no value of the object.
    pub fn parse(object: &'a str) -> Result<Self, HeadError> {
        if !object.trim_ascii_start().starts_with('{') {
            return Err(HeadError::NotAnObject);
        }
        let fields = &*FIELDS;
        let found = fields.trie.walk(object).map_err(HeadError::Json)?;
        match found.text(fields.metadata) {
            None | Some("null") => {}
            Some(metadata) if metadata.starts_with('{') => {}
            Some(_) => return Err(HeadError::Metadata),
        }
        Ok(Self {
            api_version: read(&found, fields.api_version)?,
            kind: read(&found, fields.kind)?,
            name: read(&found, fields.name)?,
            namespace: read(&found, fields.namespace)?,
            uid: read(&found, fields.uid)?,
            resource_version: read(&found, fields.resource_version)?,
            deletion_timestamp: read(&found, fields.deletion_timestamp)?,
            labels: read(&found, fields.labels)?,
        })
    }
}

/// A field of the head that is read from JSON; null is its default.
trait Field<'a>: Default {
    fn read(value: Tree<'a>) -> Option<Self>;
}

impl<'a> Field<'a> for Option<Cow<'a, str>> {
    fn read(value: Tree<'a>) -> Option<Self> {
        match value {
            Tree::Null => Some(None),
            Tree::String(text) => Some(Some(text)),
            _ => None,
        }
    }
}

impl<'a> Field<'a> for BTreeMap<Cow<'a, str>, Cow<'a, str>> {
    fn read(value: Tree<'a>) -> Option<Self> {
        let members = match value {
            Tree::Null => return Some(Self::new()),
            Tree::Map(members) => members,
            _ => return None,
        };
        let mut map = Self::new();
        for (key, value) in members {
            match value {
                Tree::String(text) => drop(map.insert(key, text)),
                Tree::Null => {}
                _ => return None,
            }
        }
        Some(map)
    }
}

fn read<'a, F: Field<'a>>(found: &Found<'a>, node: NodeId) -> Result<F, HeadError> {
    let Some(value) = found.text(node) else { return Ok(F::default()) };
    let value = Tree::parse(value).map_err(HeadError::Json)?;
    F::read(value).ok_or(HeadError::Metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_selection_needs_and_skips_the_rest() {
        let head = ObjectHead::parse(
            r#"{"spec":{"deep":[1,{"metadata":3}]},"metadata":{"name":"a","uid":"u\u0041","labels":{"x":"y","z":null},
                "annotations":null,"managedFields":[{}],"deletionTimestamp":"2026-01-01T00:00:00Z"},"kind":"Pod"}"#,
        )
        .unwrap();
        assert!(matches!(head.name, Some(Cow::Borrowed("a"))));
        assert!(matches!(head.labels.first_key_value(), Some((Cow::Borrowed("x"), Cow::Borrowed("y")))));
        assert_eq!(head.uid.as_deref(), Some("uA"));
        assert_eq!(head.labels.len(), 1);
        assert_eq!(head.kind.as_deref(), Some("Pod"));
        assert!(head.deletion_timestamp.is_some() && head.api_version.is_none());
        assert_eq!(ObjectHead::parse("{}").unwrap(), ObjectHead::default());
        assert_eq!(ObjectHead::parse(r#"{"metadata":null}"#).unwrap(), ObjectHead::default());
        for broken in
            ["", "[]", "null", r#"{"metadata":{"name":1}}"#, r#"{"metadata":"#, r#"{"metadata":{}} x"#]
        {
            assert!(ObjectHead::parse(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!(
            r#"{{"x":{}{},"metadata":{{"name":"a"}}}}"#,
            "[".repeat(1_000_000),
            "]".repeat(1_000_000)
        );
        assert_eq!(ObjectHead::parse(&deep).unwrap().name.as_deref(), Some("a"));
    }
}

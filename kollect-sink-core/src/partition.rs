//! Partitions, the grain of knowledge, and the patterns that name unknown ones. It does not track what is known.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::scope::Text;

/// A target: what a user asked to be collected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// Namespace of the target, empty for a cluster target.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub namespace: Text,
    /// Name of the target.
    pub name: Text,
}

impl Target {
    /// Names a target.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// A group and a kind; the version is left out, because a served version may change while objects stay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupKind {
    /// API group, empty for the core group.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub group: Text,
    /// Kind.
    pub kind: Text,
}

/// The grain of knowledge: rows of one target, kind and namespace are known together or not at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The target.
    pub target: Target,
    /// Group and kind of the objects.
    pub kind: GroupKind,
    /// Namespace of the objects, empty for cluster-scoped ones.
    pub namespace: Text,
}

impl Partition {
    /// Names a partition.
    pub fn new(target: Target, group: &Text, kind: &Text, namespace: Text) -> Self {
        Self { target, kind: GroupKind { group: group.clone(), kind: kind.clone() }, namespace }
    }
}

/// Names partitions; an absent part stands for any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pattern {
    /// The target.
    pub target: Target,
    /// Group and kind, any where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<GroupKind>,
    /// Namespace, any where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Text>,
}

impl Pattern {
    /// Whether this pattern names `partition`.
    pub fn covers(&self, partition: &Partition) -> bool {
        self.target == partition.target
            && self.kind.as_ref().is_none_or(|kind| *kind == partition.kind)
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == partition.namespace)
    }

    fn subsumes(&self, other: &Self) -> bool {
        self.target == other.target
            && (self.kind.is_none() || self.kind == other.kind)
            && (self.namespace.is_none() || self.namespace == other.namespace)
    }
}

/// The partitions whose contents are not known. Nothing that it covers may be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unknown(BTreeSet<Pattern>);

impl Unknown {
    /// Everything is known.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether everything is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `partition` is unknown.
    pub fn covers(&self, partition: &Partition) -> bool {
        self.0.iter().any(|pattern| pattern.covers(partition))
    }

    /// Adds a pattern.
    pub fn insert(&mut self, pattern: Pattern) {
        self.0.insert(pattern);
    }

    /// The patterns, in order.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }

    /// The first pattern here that nothing in `other` covers: what became unknown since.
    pub fn beyond<'a>(&'a self, other: &Self) -> Option<&'a Pattern> {
        self.0.iter().find(|mine| !other.0.iter().any(|theirs| theirs.subsumes(mine)))
    }
}

impl FromIterator<Pattern> for Unknown {
    fn from_iter<I: IntoIterator<Item = Pattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

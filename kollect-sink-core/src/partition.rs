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

/// Names partitions of a target, by group and kind and by namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pattern {
    /// The target.
    pub target: Target,
    /// Group and kind, any where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<GroupKind>,
    /// The namespaces.
    #[serde(flatten)]
    pub namespaces: Namespaces,
}

/// Names namespaces. In JSON nothing, `"namespace": "a"`, or `"exceptNamespaces": ["a", "b"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum Namespaces {
    /// Any, and what belongs to none.
    #[default]
    Any,
    /// This one; the empty one is that of cluster-scoped objects.
    One(Text),
    /// Any but these, and not what belongs to none.
    Except(BTreeSet<Text>),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    except_namespaces: Option<BTreeSet<Text>>,
}

impl From<Written> for Namespaces {
    fn from(written: Written) -> Self {
        match written {
            Written { namespace: Some(one), .. } => Self::One(one),
            Written { except_namespaces: Some(except), .. } => Self::Except(except),
            Written { .. } => Self::Any,
        }
    }
}

impl From<Namespaces> for Written {
    fn from(namespaces: Namespaces) -> Self {
        match namespaces {
            Namespaces::Any => Self { namespace: None, except_namespaces: None },
            Namespaces::One(one) => Self { namespace: Some(one), except_namespaces: None },
            Namespaces::Except(except) => Self { namespace: None, except_namespaces: Some(except) },
        }
    }
}

impl From<Option<Text>> for Namespaces {
    fn from(one: Option<Text>) -> Self {
        one.map_or(Self::Any, Self::One)
    }
}

impl Namespaces {
    /// Whether `namespace` is among them.
    pub fn contains(&self, namespace: &Text) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => one == namespace,
            Self::Except(except) => !namespace.is_empty() && !except.contains(namespace),
        }
    }

    /// The one namespace, if it is one.
    pub fn one(&self) -> Option<&Text> {
        match self {
            Self::One(one) => Some(one),
            Self::Any | Self::Except(_) => None,
        }
    }

    fn subsume(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::One(one)) => self.contains(one),
            (Self::Except(mine), Self::Except(theirs)) => mine.is_subset(theirs),
            (Self::One(_), Self::Except(_)) | (_, Self::Any) => false,
        }
    }
}

impl Pattern {
    /// Names what a target has of a kind, or of all where it is absent, in a namespace, or in all where that is absent.
    pub fn new(target: Target, kind: Option<GroupKind>, namespace: Option<Text>) -> Self {
        Self { target, kind, namespaces: namespace.into() }
    }

    /// Whether this pattern names `partition`.
    pub fn covers(&self, partition: &Partition) -> bool {
        self.target == partition.target
            && self.kind.as_ref().is_none_or(|kind| *kind == partition.kind)
            && self.namespaces.contains(&partition.namespace)
    }

    fn subsumes(&self, other: &Self) -> bool {
        self.target == other.target
            && (self.kind.is_none() || self.kind == other.kind)
            && self.namespaces.subsume(&other.namespaces)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn except(names: &[&str]) -> Namespaces {
        Namespaces::Except(names.iter().map(|name| Text::from(*name)).collect())
    }

    #[test]
    fn any_but_some_namespaces_are_told_apart_from_what_belongs_to_none() {
        let but = except(&["a", "b"]);
        assert_eq!(["a", "b", "c", ""].map(|name| but.contains(&name.into())), [false, false, true, false]);
        assert!(Namespaces::Any.contains(&"".into()));
    }

    #[test]
    fn a_pattern_that_excepts_more_names_less() {
        let pattern = |namespaces| Pattern { target: Target::new("t", "a"), kind: None, namespaces };
        let unknown = |namespaces| Unknown::from_iter([pattern(namespaces)]);
        let one = |name: &str| Namespaces::One(name.into());
        let learned = |now: Namespaces, before: Namespaces| unknown(now).beyond(&unknown(before)).is_none();
        assert!(learned(except(&["a", "b"]), except(&["a"])));
        assert!(!learned(except(&["a"]), except(&["a", "b"])));
        assert!(learned(one("c"), except(&["a"])) && !learned(one("a"), except(&["a"])));
        assert!(!learned(Namespaces::Any, except(&[])) && learned(except(&[]), Namespaces::Any));
        assert!(!learned(except(&["a"]), one("c")));
    }

    #[test]
    fn patterns_are_written_as_they_always_were() {
        let pattern = |namespaces| Pattern { target: Target::new("t", "a"), kind: None, namespaces };
        let target = json!({"namespace": "t", "name": "a"});
        for (namespaces, written) in [
            (Namespaces::Any, json!({"target": target})),
            (Namespaces::One("c".into()), json!({"target": target, "namespace": "c"})),
            (except(&["b", "a"]), json!({"target": target, "exceptNamespaces": ["a", "b"]})),
        ] {
            let pattern = pattern(namespaces);
            assert_eq!(serde_json::to_value(&pattern).unwrap(), written);
            assert_eq!(serde_json::from_value::<Pattern>(written).unwrap(), pattern);
        }
    }
}

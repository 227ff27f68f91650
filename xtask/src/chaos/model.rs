//! What the cluster should hold after the changes so far, and the rows that follow from it. It shares no code with the
//! product, and talks to no server.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Group of the custom kind.
pub const GROUP: &str = "chaos.example.com";

/// Targets select namespaces by this label.
pub const NAMESPACE_LABEL: &str = "chaos";

/// Targets select objects by this label.
pub const OBJECT_LABEL: &str = "collect";

/// A kind that is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A built-in one.
    ConfigMap,
    /// One by a CustomResourceDefinition.
    Widget,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Widget => "Widget",
        }
    }

    /// Where its objects of a namespace are, or of all namespaces.
    #[must_use]
    pub fn path(self, namespace: Option<&str>) -> String {
        let inside = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
        match self {
            Self::ConfigMap => format!("/api/v1{inside}/configmaps"),
            Self::Widget => format!("/apis/{GROUP}/v1{inside}/widgets"),
        }
    }

    fn api_version(self) -> String {
        match self {
            Self::ConfigMap => "v1".into(),
            Self::Widget => format!("{GROUP}/v1"),
        }
    }

    /// The field that holds the values.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::ConfigMap => "data",
            Self::Widget => "spec",
        }
    }
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Whether its label has it collected.
    pub selected: bool,
    /// A label that is collected as an attribute.
    pub team: String,
    /// Changes with each change.
    pub value: String,
}

impl Object {
    /// As a user would send it.
    #[must_use]
    pub fn manifest(&self, kind: Kind, namespace: &str, name: &str) -> Value {
        json!({
            "apiVersion": kind.api_version(), "kind": kind.name(),
            "metadata": {
                "namespace": namespace, "name": name,
                "labels": {(OBJECT_LABEL): yes(self.selected), "team": self.team},
            },
            (kind.field()): {"value": self.value},
        })
    }

    /// What is collected of it.
    #[must_use]
    pub fn attributes(&self) -> Value {
        json!({"team": self.team, "value": self.value})
    }
}

/// A namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Whether its label has it collected.
    pub selected: bool,
    /// Its objects by kind and name.
    pub objects: BTreeMap<(Kind, String), Object>,
}

/// The value of a label that says yes or no.
#[must_use]
pub fn yes(selected: bool) -> &'static str {
    if selected { "yes" } else { "no" }
}

/// Namespaces by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// The namespaces.
    pub namespaces: BTreeMap<String, Namespace>,
}

/// A row's kind, namespace and name.
pub type Key = (String, String, String);

/// Attributes of each row. Two rows of one key make two entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows(BTreeMap<Key, Vec<Value>>);

impl Rows {
    /// Adds one.
    pub fn add(&mut self, key: Key, attributes: Value) {
        self.0.entry(key).or_default().push(attributes);
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether there is one with this key.
    #[must_use]
    pub fn has(&self, key: &Key) -> bool {
        self.0.contains_key(key)
    }

    /// Those whose key is as wanted.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(&Key) -> bool) -> Self {
        Self(
            self.0.iter().filter(|(key, _)| wanted(key)).map(|(key, of)| (key.clone(), of.clone())).collect(),
        )
    }

    /// The keys in which `found` is not as this says.
    #[must_use]
    pub fn against(&self, found: &Self) -> Difference {
        let mut difference = Difference::default();
        for (key, wanted) in &self.0 {
            match found.0.get(key) {
                None => difference.missing.push(key.clone()),
                Some(values) if values.len() > wanted.len() => difference.extra.push(key.clone()),
                Some(values) if values != wanted => difference.different.push(key.clone()),
                Some(_) => {}
            }
        }
        difference.extra.extend(found.0.keys().filter(|key| !self.has(key)).cloned());
        difference
    }
}

/// Keys that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Wanted, and not there.
    pub missing: Vec<Key>,
    /// There, and not wanted, or more than once.
    pub extra: Vec<Key>,
    /// There with other attributes.
    pub different: Vec<Key>,
}

impl Difference {
    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.different.is_empty()
    }

    /// The counts with the first keys of each sort.
    #[must_use]
    pub fn text(&self) -> String {
        let sort = |name: &str, keys: &[Key]| {
            let first: Vec<String> = keys.iter().take(5).map(|(k, ns, n)| format!("{k} {ns}/{n}")).collect();
            let more = if keys.len() > first.len() { ", .." } else { "" };
            (!keys.is_empty()).then(|| format!("{} {name} ({}{more})", keys.len(), first.join(", ")))
        };
        let sorts =
            [sort("missing", &self.missing), sort("extra", &self.extra), sort("different", &self.different)];
        sorts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

impl Model {
    /// The rows that follow.
    #[must_use]
    pub fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        for (namespace, held) in self.namespaces.iter().filter(|(_, held)| held.selected) {
            for ((kind, name), object) in held.objects.iter().filter(|(_, object)| object.selected) {
                let key = (kind.name().to_string(), namespace.clone(), name.clone());
                rows.add(key, object.attributes());
            }
        }
        rows
    }

    /// Takes in the namespaces of another.
    pub fn merge(&mut self, other: Self) {
        self.namespaces.extend(other.namespaces);
    }

    /// Forgets all objects of a kind.
    pub fn without(&mut self, kind: Kind) {
        for namespace in self.namespaces.values_mut() {
            namespace.objects.retain(|(of, _), _| *of != kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(of: &[(&str, &str)]) -> Rows {
        let mut rows = Rows::default();
        for (name, value) in of {
            rows.add(("K".into(), "n".into(), (*name).into()), json!(value));
        }
        rows
    }

    #[test]
    fn each_way_of_being_different_is_told() {
        let wanted = rows(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
        let found = rows(&[("b", "2"), ("c", "1"), ("c", "1"), ("d", "1"), ("e", "1")]);
        let difference = wanted.against(&found);
        let text = difference.text();
        assert_eq!(text, "1 missing (K n/a); 2 extra (K n/c, K n/e); 1 different (K n/b)");
        assert!(wanted.against(&wanted.clone()).is_none());
    }

    #[test]
    fn a_row_needs_both_labels() {
        let object = |selected| Object { selected, team: "t".into(), value: "v".into() };
        let mut model = Model::default();
        for (name, selected) in [("in", true), ("out", false)] {
            let objects = [("a", true), ("b", false)]
                .map(|(name, selected)| ((Kind::ConfigMap, name.to_string()), object(selected)));
            model.namespaces.insert(name.into(), Namespace { selected, objects: objects.into() });
        }
        let rows = model.rows();
        assert_eq!(rows.count(), 1);
        assert!(rows.has(&("ConfigMap".into(), "in".into(), "a".into())));
    }
}

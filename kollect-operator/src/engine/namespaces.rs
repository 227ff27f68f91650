//! What is known of namespaces: labels and the watch opt-in. It does not watch them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use kollect_api::labels;

/// What selection needs to know of one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceFacts {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it opted in (`Some(true)`) or out of being watched.
    pub watch: Option<bool>,
}

impl NamespaceFacts {
    /// Reads the facts from a namespace's metadata. The label wins over the annotation.
    pub fn new(labels: BTreeMap<String, String>, annotations: &BTreeMap<String, String>) -> Self {
        let watch = labels
            .get(labels::WATCH)
            .or_else(|| annotations.get(labels::NAMESPACE_WATCH))
            .and_then(|value| opt(value));
        Self { labels, watch }
    }
}

/// Reads `enabled` and `disabled`; anything else says nothing.
pub fn opt(value: &str) -> Option<bool> {
    match value {
        "enabled" => Some(true),
        "disabled" => Some(false),
        _ => None,
    }
}

/// The namespaces as last observed. One that was not observed yet has no labels.
#[derive(Debug, Default)]
pub struct Namespaces(RwLock<HashMap<String, Arc<NamespaceFacts>>>);

impl Namespaces {
    /// The facts of one namespace.
    pub fn get(&self, name: &str) -> Arc<NamespaceFacts> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
    }

    /// Whether a namespace was observed.
    pub fn has(&self, name: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(name)
    }

    /// Stores what was observed and answers what was known before.
    pub fn set(&self, name: &str, facts: NamespaceFacts) -> Arc<NamespaceFacts> {
        let facts = Arc::new(facts);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.to_owned(), facts).unwrap_or_default()
    }

    /// Forgets a namespace that is gone.
    pub fn remove(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// The names of all observed namespaces, sorted.
    pub fn names(&self) -> Vec<String> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> = all.keys().cloned().collect();
        names.sort_unstable();
        names
    }
}

//! What is known of namespaces: labels and the watch opt-in. It does not watch them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

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

/// The namespaces as last observed.
#[derive(Debug, Default)]
pub struct Namespaces {
    known: RwLock<HashMap<String, Arc<NamespaceFacts>>>,
    /// Namespaces that were asked for and not known, once all are watched; before, nothing.
    missed: RwLock<Option<BTreeSet<String>>>,
}

impl Namespaces {
    /// All namespaces are watched from now on: one that is not known is not yet known, and nothing is said of it.
    pub fn watched(&self) {
        self.missed.write().unwrap_or_else(PoisonError::into_inner).get_or_insert_default();
    }

    /// The facts of one namespace. One that was not observed has no labels.
    pub fn get(&self, name: &str) -> Arc<NamespaceFacts> {
        self.read().get(name).cloned().unwrap_or_default()
    }

    /// As [`Namespaces::get`], and nothing where all namespaces are watched and this one was not seen yet: what it says
    /// of its objects is still to come.
    pub fn look(&self, name: &str) -> Option<Arc<NamespaceFacts>> {
        let found = self.read().get(name).cloned();
        if found.is_some() || name.is_empty() {
            return Some(found.unwrap_or_default());
        }
        if let Some(missed) = &mut *self.missed.write().unwrap_or_else(PoisonError::into_inner) {
            missed.insert(name.to_owned());
        } else {
            return Some(Arc::default());
        }
        // It may have come while that was noted, and then nobody would ask for what was missed.
        self.read().get(name).cloned()
    }

    /// Whether an object of the namespace was passed over because the namespace was not known; forgets it.
    pub fn take_missed(&self, name: &str) -> bool {
        let mut missed = self.missed.write().unwrap_or_else(PoisonError::into_inner);
        missed.as_mut().is_some_and(|missed| missed.remove(name))
    }

    /// Whether a namespace was observed.
    pub fn has(&self, name: &str) -> bool {
        self.read().contains_key(name)
    }

    /// Stores what was observed and answers what was known before.
    pub fn set(&self, name: &str, facts: NamespaceFacts) -> Arc<NamespaceFacts> {
        let facts = Arc::new(facts);
        let mut all = self.known.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.to_owned(), facts).unwrap_or_default()
    }

    /// Forgets a namespace that is gone.
    pub fn remove(&self, name: &str) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.take_missed(name);
    }

    /// The names of all observed namespaces, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.read().keys().cloned().collect();
        names.sort_unstable();
        names
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Arc<NamespaceFacts>>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_is_not_known_yet_has_no_facts_once_all_are_watched() {
        let namespaces = Namespaces::default();
        assert!(namespaces.look("new").is_some(), "a dump may lack its namespaces");
        assert!(!namespaces.take_missed("new"));
        namespaces.watched();
        assert!(namespaces.look("").is_some(), "no namespace has to be known for what has none");
        assert!(namespaces.look("new").is_none());
        namespaces.set("new", NamespaceFacts::default());
        assert!(namespaces.take_missed("new") && !namespaces.take_missed("new"));
        assert!(namespaces.look("new").is_some());
    }
}

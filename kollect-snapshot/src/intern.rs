//! Strings and origins that many rows share, kept once. It does not keep them alive: what nothing else uses is
//! dropped again.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use kollect_sink_core::{Origin, Target, Text};

/// The fewest values that are looked through for unused ones.
const PRUNE_FROM: usize = 1024;

/// Hands out one shared copy of each string and origin.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    texts: Pool<str>,
    origins: Pool<Origin>,
}

impl Interner {
    pub(crate) fn text(&mut self, text: &str) -> Text {
        self.texts.get(text, |text| text.into())
    }

    pub(crate) fn origin(&mut self, target: &Target, group: &str, version: &str, kind: &str) -> Arc<Origin> {
        let target = Target { namespace: self.text(&target.namespace), name: self.text(&target.name) };
        let (group, version, kind) = (self.text(group), self.text(version), self.text(kind));
        let origin = Origin { target, group, version, kind };
        self.origins.get(&origin, |origin| Arc::new(origin.clone()))
    }
}

#[derive(Debug)]
struct Pool<T: ?Sized> {
    values: HashSet<Arc<T>>,
    prune_at: usize,
}

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self { values: HashSet::new(), prune_at: PRUNE_FROM }
    }
}

impl<T: ?Sized + Eq + Hash> Pool<T> {
    fn get(&mut self, value: &T, make: impl FnOnce(&T) -> Arc<T>) -> Arc<T>
    where
        Arc<T>: Borrow<T>,
    {
        if let Some(held) = self.values.get(value) {
            return Arc::clone(held);
        }
        if self.values.len() >= self.prune_at {
            // Looking again only once the pool has doubled keeps the cost of a new value constant on average.
            self.values.retain(|held| Arc::strong_count(held) > 1);
            self.prune_at = PRUNE_FROM.max(self.values.len().saturating_mul(2));
        }
        let made = make(value);
        self.values.insert(Arc::clone(&made));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_share_one_allocation() {
        let mut interner = Interner::default();
        let first = interner.text("default");
        assert!(Arc::ptr_eq(&first, &interner.text("default")));
        let target = Target::new("team", "apps");
        let origin = interner.origin(&target, "apps", "v1", "Deployment");
        assert!(Arc::ptr_eq(&origin, &interner.origin(&target, "apps", "v1", "Deployment")));
        assert_ne!(origin, interner.origin(&target, "apps", "v1", "StatefulSet"));
    }

    #[test]
    fn unused_strings_do_not_pile_up() {
        let mut interner = Interner::default();
        let kept = interner.text("kept");
        for number in 0..100 * PRUNE_FROM {
            interner.text(&number.to_string());
        }
        assert!(interner.texts.values.len() <= PRUNE_FROM);
        assert!(Arc::ptr_eq(&kept, &interner.text("kept")));
    }
}

//! Rows counted by namespace. It does not say whose rows: each target's are counted apart, so that targets come and go
//! without a recount.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use imbl::OrdMap;
use kollect_sink_core::{Row, ScopeDigest, Text};

/// The namespaces of an inventory's rows. Rows of cluster-scoped objects are in none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shards {
    /// Namespaces with rows.
    pub count: u64,
    /// Those with the most rows first, then by name.
    pub largest: Vec<Shard>,
}

/// The rows of one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The namespace.
    pub namespace: Text,
    /// Rows in it, at least one.
    pub rows: u64,
    /// Targets with rows in it.
    pub targets: u64,
    /// The order-independent sum over its rows.
    pub digest: ScopeDigest,
}

/// The rows of one target by namespace. A clone shares all and costs one pointer.
#[derive(Clone, Default)]
pub(crate) struct Tally(OrdMap<Text, Count>);

#[derive(Clone, Copy, Default)]
struct Count {
    rows: u64,
    digest: ScopeDigest,
}

impl Tally {
    pub(crate) fn count_in(&mut self, row: &Row) {
        let namespace = row.identity().namespace();
        if namespace.is_empty() {
            return;
        }
        let mut count = self.0.get(namespace).copied().unwrap_or_default();
        count.rows += 1;
        count.digest.add(row.digest());
        self.0.insert(Text::clone(namespace), count);
    }

    pub(crate) fn count_out(&mut self, row: &Row) {
        let namespace = row.identity().namespace();
        let Some(count) = self.0.get_mut(namespace) else { return };
        count.rows = count.rows.saturating_sub(1);
        count.digest.remove(row.digest());
        if count.rows == 0 {
            self.0.remove(namespace);
        }
    }
}

impl Shards {
    /// The namespaces of all `tallies`, the `most` largest of them by name. Costs O(namespaces of each tally).
    pub(crate) fn merge<'a>(tallies: impl Iterator<Item = &'a Tally>, most: usize) -> Self {
        let mut shards: BTreeMap<&Text, Shard> = BTreeMap::new();
        for (namespace, count) in tallies.flat_map(|tally| tally.0.iter()) {
            let shard = shards.entry(namespace).or_insert_with(|| Shard {
                namespace: Text::clone(namespace),
                rows: 0,
                targets: 0,
                digest: ScopeDigest::default(),
            });
            shard.rows += count.rows;
            shard.targets += 1;
            // The sum of sums is the sum over all rows.
            shard.digest.add(count.digest.as_digest());
        }
        let count = shards.len() as u64;
        let mut largest: Vec<Shard> = shards.into_values().collect();
        // Stable: they are in the order of their names.
        largest.sort_by_key(|shard| Reverse(shard.rows));
        largest.truncate(most);
        Self { count, largest }
    }
}

//! What the model says that views show, and what the store must hold for that. It changes nothing.

use std::cmp::Reverse;

use super::*;

impl World {
    pub(super) fn expected(&self, inventory: usize) -> Vec<Row> {
        let contents = &self.contents[inventory];
        let mut rows: Vec<Row> = self.rows.values().map(|(row, _)| row.clone()).collect();
        rows.retain(|row| contents.members.contains(row.identity().target()));
        if let Some(namespaces) = &contents.namespaces {
            rows.retain(|row| namespaces.contains(row.identity().namespace()));
        }
        rows.sort_by(|left, right| left.key().cmp(&right.key()));
        if contents.dedupe == Dedupe::ByUid {
            let mut shown = BTreeSet::new();
            rows.retain(|row| shown.insert(row.identity().uid().to_owned()));
        }
        rows
    }

    pub(super) fn check(&self) {
        for number in 0..INVENTORIES {
            let view = self.store.view(&inventory(number)).unwrap();
            check_view(&view, &self.contents[number], &self.expected(number));
            let members = view.counts().map(|(target, _)| target);
            assert!(members.eq(&self.contents[number].members));
        }
        // Whoever knows an old state and is told of changes since then knows the state as it is.
        for held in &self.held {
            let view = self.store.view(&inventory(held.inventory)).unwrap();
            let Some(changes) = view.changes_since(held.view.head().revision) else { continue };
            let mut copy = copy_of(&held.rows);
            apply(&mut copy, collect(changes));
            assert_eq!(copy, copy_of(&self.expected(held.inventory)));
        }
        let state = self.store.state();
        for (key, held) in &state.inventories {
            let ledgers: Vec<_> = match state.derived.get(key) {
                Some(derived) => derived.ledgers.values().collect(),
                None => held.contents.members.iter().map(|target| &state.targets[target].ledger).collect(),
            };
            assert_eq!(held.rows, ledgers.iter().map(|ledger| ledger.rows.len() as u64).sum::<u64>());
            let pending = held.base().map_or(0, |base| {
                let later = ledgers.iter().map(|it| {
                    let joined = it.joined(*key).unwrap();
                    it.journal.count(base.max(joined), u64::MAX)
                });
                later.sum()
            });
            assert_eq!(held.pending, pending);
        }
    }
}

pub(super) fn apply(copy: &mut Copied, changes: Vec<Change>) {
    for change in changes {
        match change {
            Change::Upsert(row) => copy.insert(row.key().to_owned(), row.digest()),
            Change::Remove(identity) => copy.remove(&identity.to_key()),
        };
    }
}

pub(super) fn check_view(view: &InventoryView, contents: &Contents, expected: &[Row]) {
    let rows = collect(view.rows());
    assert_eq!(rows, expected);
    assert_eq!(view.head().digest, digest_of(&rows));
    assert_eq!(view.head().rows, rows.len() as u64);
    assert_eq!(view.counts().map(|(_, rows)| rows).sum::<u64>(), rows.len() as u64);
    assert!(rows.iter().all(|row| view.row(row.key()).as_ref() == Some(row)));
    assert_eq!(view.changes_since(view.head().revision).map(collect), Some(Vec::new()));
    assert!(view.changes_since(view.head().revision + 1).is_none());
    assert!(view.changes_since(0).is_none());
    for most in [1, usize::MAX] {
        let expected = (contents.sharding == Sharding::ByNamespace).then(|| shards_of(&rows, most));
        assert_eq!(view.shards(most), expected);
    }
}

fn digest_of<'a>(rows: impl IntoIterator<Item = &'a Row>) -> ScopeDigest {
    let mut digest = ScopeDigest::default();
    rows.into_iter().for_each(|row| digest.add(row.digest()));
    digest
}

fn shards_of(rows: &[Row], most: usize) -> Shards {
    let mut namespaces: BTreeMap<Text, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.identity().namespace().is_empty()) {
        namespaces.entry(row.identity().namespace().clone()).or_default().push(row);
    }
    let count = namespaces.len() as u64;
    let shards = namespaces.into_iter().map(|(namespace, rows)| Shard {
        namespace,
        rows: rows.len() as u64,
        targets: rows.iter().map(|row| row.identity().target()).collect::<BTreeSet<_>>().len() as u64,
        digest: digest_of(rows),
    });
    let mut largest: Vec<Shard> = shards.collect();
    largest.sort_by_key(|shard| (Reverse(shard.rows), shard.namespace.clone()));
    largest.truncate(most);
    Shards { count, largest }
}

//! Random histories against a plain model: rows, digests, counters, views, and changes replayed onto old
//! copies. What each operation is for is told by the stories in `tests/store`.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use futures::executor::block_on;
use kollect_sink_core::{Batches, Change, Digest, GroupKind, RowKey, ScopeDigest, View};
use proptest::prelude::*;

use super::*;
use crate::{Dedupe, Shard, Sharding, Shards};
use check::{apply, check_view};
use step::{Step, steps};

mod check;
mod step;

const TARGETS: usize = 3;
const INVENTORIES: usize = 3;
const MIRRORS: usize = 4;
const LISTS: usize = 2;
/// Two that differ behind the packed part, one that differs within, and texts that are no UUIDs.
const UIDS: [&str; 6] = [
    "00c8a5ae-7a51-4d0e-9d0b-1f60b9a40001",
    "00c8a5ae-7a51-4d0e-9d0b-1f60b9a40002",
    "f0c8a5ae-7a51-4d0e-9d0b-1f60b9a40001",
    "00c8a5ae",
    "zone-a",
    "Zone-b",
];

type Copied = BTreeMap<RowKey, Digest>;

/// One who copies an inventory, as a sink does.
struct Mirror {
    inventory: InventoryId,
    reader: Reader,
    revision: Option<u64>,
    copy: Copied,
}

struct Listed {
    id: ListId,
    targets: BTreeSet<usize>,
    namespace: Option<u8>,
    /// Rows touched since the list began: by it or a live watch, or by another list.
    kept: BTreeSet<(usize, usize)>,
    doubtful: BTreeSet<(usize, usize)>,
    removed: BTreeMap<(usize, usize), Option<u64>>,
}

/// A view that was taken at some time, and what it showed.
struct Held {
    inventory: usize,
    view: InventoryView,
    contents: Contents,
    rows: Vec<Row>,
}

struct World {
    store: Store,
    rows: BTreeMap<(usize, usize), (Row, u64)>,
    contents: [Contents; INVENTORIES],
    left: [BTreeSet<Target>; INVENTORIES],
    lists: [Option<Listed>; LISTS],
    mirrors: Vec<Mirror>,
    held: Vec<Held>,
}

fn target(number: usize) -> Target {
    Target::new("team", &format!("target-{number}"))
}

fn inventory(number: usize) -> InventoryId {
    InventoryId::new("team", &format!("inventory-{number}"))
}

fn kind() -> GroupKind {
    GroupKind { group: "apps".into(), kind: "Deployment".into() }
}

/// An object never changes its namespace.
fn namespace(uid: usize) -> u8 {
    (uid % 3) as u8
}

/// The last is that of cluster-scoped objects.
fn namespace_text(number: u8) -> Text {
    ["0", "1", ""][usize::from(number)].into()
}

fn collect<T>(batches: Batches<'_, T>) -> Vec<T> {
    block_on(batches.try_collect::<Vec<Vec<T>>>()).unwrap().into_iter().flatten().collect()
}

fn copy_of(rows: &[Row]) -> Copied {
    rows.iter().map(|row| (row.key().to_owned(), row.digest())).collect()
}

impl World {
    fn new() -> Self {
        let store = Store::new();
        for number in 0..TARGETS {
            store.declare(&target(number), []);
        }
        for number in 0..INVENTORIES {
            store.set_inventory(&inventory(number), Contents::default(), Arc::default());
        }
        let mirrors = (0..MIRRORS).map(|number| {
            let inventory = inventory(number % INVENTORIES);
            let reader = store.reader(&inventory).unwrap();
            Mirror { inventory, reader, revision: None, copy: Copied::new() }
        });
        let mirrors = mirrors.collect();
        let (contents, left) = (Default::default(), Default::default());
        Self {
            store,
            rows: BTreeMap::new(),
            contents,
            left,
            lists: Default::default(),
            mirrors,
            held: Vec::new(),
        }
    }

    fn row(&self, target_number: usize, uid: usize, content: u8) -> Row {
        let origin = self.store.origin(&target(target_number), "apps", "v1", "Deployment");
        let namespace = self.store.intern(&namespace_text(namespace(uid)));
        let identity = Identity::new(origin, namespace, "name", UIDS[uid]).unwrap();
        Row::new(identity, format!("{{\"content\":{content}}}"))
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Upsert { target, uid, content, version, list } => {
                self.upsert(target, uid, content, version, list);
            }
            Step::Remove { target, uid, version } => self.remove(target, uid, version),
            Step::Begin { list, targets, namespace } => self.begin(list, targets, namespace),
            Step::End { list } => self.end(list),
            Step::Abort { list } => {
                if let Some(list) = self.lists[list].take() {
                    self.store.abort_list(list.id);
                }
            }
            Step::Withdraw { target: number } => {
                self.store.withdraw(&target(number));
                self.lists.iter_mut().flatten().for_each(|list| {
                    list.targets.remove(&number);
                });
            }
            Step::Retain { target: number, namespace: gone } => {
                let gone_text = namespace_text(gone);
                self.store.retain(&target(number), |identity| *identity.namespace() != gone_text);
                self.rows.retain(|(at, uid), _| *at != number || namespace(*uid) != gone);
                self.unmark();
            }
            Step::Forget { target: number } => {
                self.store.forget_target(&target(number));
                self.store.declare(&target(number), []);
                self.rows.retain(|(at, _), _| *at != number);
                self.unmark();
                self.lists.iter_mut().flatten().for_each(|list| {
                    list.targets.remove(&number);
                });
            }
            Step::Show { inventory, contents, meanwhile } => self.show(inventory, contents, meanwhile),
            Step::Follow { mirror, acknowledge } => self.follow(mirror, acknowledge),
            Step::Replace { mirror } => {
                let mirror = &mut self.mirrors[mirror];
                mirror.reader = self.store.reader(&mirror.inventory).unwrap();
                mirror.revision = None;
            }
            Step::Hold { inventory: number } => {
                let view = self.store.view(&inventory(number)).unwrap();
                let (contents, rows) = (self.contents[number].clone(), self.expected(number));
                self.held.push(Held { inventory: number, view, contents, rows });
            }
        }
    }

    fn upsert(&mut self, target: usize, uid: usize, content: u8, version: u64, list: Option<usize>) {
        let row = self.row(target, uid, content);
        let at = (target, uid);
        let running = list.and_then(|list| self.lists[list].as_ref());
        if list.is_some() && running.is_none() {
            return;
        }
        let refused = running.is_some_and(|list| {
            let overtaken =
                list.removed.get(&at).is_some_and(|removed| removed.is_none_or(|at| version <= at));
            overtaken || !list.targets.contains(&target)
        });
        let id = running.map(|list| list.id);
        let applied = self.store.upsert(row.clone(), version, id.as_ref());
        if refused {
            assert_eq!(applied, Applied::Stale);
            return;
        }
        for other in self.lists.iter_mut().flatten() {
            if id.is_none_or(|id| id == other.id) {
                other.kept.insert(at);
            } else {
                other.doubtful.insert(at);
            }
        }
        let expected = match self.rows.get(&at) {
            None => Applied::Inserted,
            Some((_, held)) if version < *held => Applied::Stale,
            Some((held, _)) if *held == row => Applied::Unchanged,
            Some(_) => Applied::Updated,
        };
        assert_eq!(applied, expected);
        if applied != Applied::Stale {
            self.rows.insert(at, (row, version));
        }
    }

    fn remove(&mut self, number: usize, uid: usize, version: Option<u64>) {
        let at = (number, uid);
        let held = self.rows.get(&at);
        let stale = held.is_some_and(|(_, held)| version.is_some_and(|version| version < *held));
        let removed = self.store.remove(&target(number), UIDS[uid], version);
        assert_eq!(removed, held.is_some() && !stale);
        if !stale {
            self.rows.remove(&at);
            self.unmark();
            for list in self.lists.iter_mut().flatten() {
                list.removed.insert(at, version);
            }
        }
    }

    fn begin(&mut self, list: usize, targets: Vec<usize>, namespace: Option<u8>) {
        if self.lists[list].is_some() {
            return;
        }
        let scope = ListScope {
            kind: kind(),
            targets: targets.iter().copied().map(target).collect(),
            namespace: namespace.map(namespace_text),
        };
        let id = self.store.begin_list(scope);
        let targets = targets.into_iter().collect();
        let (kept, doubtful, removed) = Default::default();
        self.lists[list] = Some(Listed { id, targets, namespace, kept, doubtful, removed });
    }

    fn end(&mut self, list: usize) {
        let Some(list) = self.lists[list].take() else { return };
        let before = self.rows.len();
        let swept = self.store.end_list(list.id);
        let in_scope = |(target, uid): &(usize, usize)| {
            list.targets.contains(target) && list.namespace.is_none_or(|listed| listed == namespace(*uid))
        };
        let state = self.store.state();
        self.rows.retain(|at, _| {
            let there = state.targets[&target(at.0)].ledger.rows.find(UIDS[at.1]).is_some();
            if !in_scope(at) || list.kept.contains(at) {
                assert!(there, "a row that must stay was swept");
            } else if !list.doubtful.contains(at) {
                assert!(!there, "a row that must go was kept");
            }
            there
        });
        drop(state);
        assert_eq!(swept.removed, before - self.rows.len());
        self.unmark();
    }

    /// A row that is gone takes its marks along.
    fn unmark(&mut self) {
        for list in self.lists.iter_mut().flatten() {
            list.kept.retain(|at| self.rows.contains_key(at));
            list.doubtful.retain(|at| self.rows.contains_key(at));
        }
    }

    /// Changes what an inventory shows, while `meanwhile` happens.
    fn show(&mut self, number: usize, contents: Contents, meanwhile: Vec<Step>) {
        let id = inventory(number);
        let shared = Arc::new(contents.clone());
        let draft = self.store.state().draft(&id, &shared);
        for step in meanwhile {
            self.step(step);
        }
        let recast = draft.map(Draft::weigh);
        self.store.change(|state, after| state.set_inventory(&id, shared, Arc::default(), recast, after));
        let (held, left) = (&self.contents[number], &mut self.left[number]);
        let switched = held.is_derived() != contents.is_derived();
        left.extend(held.members.difference(&contents.members).cloned());
        let came_back = contents.members.difference(&held.members).any(|joined| left.contains(joined));
        // Left and came back, or rows of its own for shared ones: those who have not heard of it are sent to a full pass.
        if switched || came_back && !contents.is_derived() {
            for mirror in self.mirrors.iter_mut().filter(|mirror| mirror.inventory == id) {
                mirror.revision = None;
            }
        }
        self.contents[number] = contents;
    }

    fn follow(&mut self, number: usize, acknowledge: bool) {
        let mirror = &mut self.mirrors[number];
        let view = self.store.view(&mirror.inventory).unwrap();
        let rows = collect(view.rows());
        if let Some(revision) = mirror.revision {
            let changes = view.changes_since(revision).expect("kept for the reader");
            let changes = collect(changes);
            assert!(changes.is_sorted_by(|left, right| left.key() < right.key()));
            apply(&mut mirror.copy, changes);
            assert_eq!(mirror.copy, copy_of(&rows));
        }
        // Without: copied, and crashed before the checkpoint was written. The next changes start where these did.
        if acknowledge {
            mirror.copy = copy_of(&rows);
            mirror.revision = Some(view.head().revision);
            mirror.reader.acknowledge(view.head().revision);
        }
    }
}

proptest! {
    #[test]
    fn any_history_gives_what_a_plain_map_would_hold(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
            world.check();
        }
        // What writers did later must not show in views that were taken before.
        for held in &world.held {
            check_view(&held.view, &held.contents, &held.rows);
        }
        // Once all have read everything, no change is kept.
        for number in 0..MIRRORS {
            world.follow(number, true);
        }
        let state = world.store.state();
        let of_inventories = state.derived.values().flat_map(|derived| derived.ledgers.values());
        let mut ledgers = state.targets.values().map(|held| &held.ledger).chain(of_inventories);
        prop_assert!(ledgers.all(|ledger| ledger.journal.is_empty()));
        for derived in state.derived.values() {
            prop_assert!(derived.ledgers.keys().eq(&derived.contents.members));
        }
    }
}

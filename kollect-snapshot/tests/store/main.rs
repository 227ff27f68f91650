//! Stories of the store, each named by what its user relies on. Random histories are in the crate itself.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod contents;
mod inventories;
mod knowledge;
mod lists;

use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use kollect_sink_core::{Batches, Change, GroupKind, Identity, Pattern, Row, Target, Text, View};
use kollect_snapshot::{Applied, Contents, InventoryId, InventoryView, ListId, ListScope, Store};

fn target(name: &str) -> Target {
    Target::new("team", name)
}

fn inventory(name: &str) -> InventoryId {
    InventoryId::new("team", name)
}

fn deployment() -> GroupKind {
    GroupKind { group: "apps".into(), kind: "Deployment".into() }
}

fn row(store: &Store, target: &Target, namespace: &str, uid: &str, attributes: &str) -> Row {
    let origin = store.origin(target, "apps", "v1", "Deployment");
    Row::new(Identity::new(origin, store.intern(namespace), uid, uid).unwrap(), attributes)
}

/// An event of a live watch.
fn see(store: &Store, target: &str, uid: &str, attributes: &str, version: u64) -> Applied {
    see_in(store, target, "default", uid, attributes, version)
}

fn see_in(
    store: &Store,
    target_name: &str,
    namespace: &str,
    uid: &str,
    attributes: &str,
    version: u64,
) -> Applied {
    store.upsert(row(store, &target(target_name), namespace, uid, attributes), version, None)
}

/// An item of a list.
fn list_item(store: &Store, list: &ListId, target_name: &str, uid: &str, version: u64) -> Applied {
    store.upsert(row(store, &target(target_name), "default", uid, "{}"), version, Some(list))
}

fn begin(store: &Store, targets: &[&str], namespace: Option<&str>) -> ListId {
    let targets = targets.iter().map(|name| target(name)).collect();
    store.begin_list(ListScope { kind: deployment(), targets, namespace: namespace.map(Text::from) })
}

/// A store in which the targets are known, and an inventory "all" that shows them.
fn store_with(targets: &[&str]) -> Store {
    let store = Store::new();
    for name in targets {
        store.declare(&target(name), []);
    }
    show(&store, "all", targets);
    store
}

fn show(store: &Store, name: &str, targets: &[&str]) {
    let contents = Contents::of(targets.iter().map(|name| target(name)));
    store.set_inventory(&inventory(name), contents, Arc::default());
}

fn view(store: &Store, name: &str) -> InventoryView {
    store.view(&inventory(name)).unwrap()
}

fn collect<T>(batches: Batches<'_, T>) -> Vec<T> {
    block_on(batches.try_collect::<Vec<Vec<T>>>()).unwrap().into_iter().flatten().collect()
}

fn uids(view: &InventoryView) -> Vec<String> {
    collect(view.rows()).iter().map(|row| row.identity().uid().to_owned()).collect()
}

/// The changes after `revision` as `+uid` and `-uid`; `None` = a full pass is due.
fn changes(view: &InventoryView, revision: u64) -> Option<Vec<String>> {
    let changes = collect(view.changes_since(revision)?);
    let told = changes.iter().map(|change| match change {
        Change::Upsert(row) => format!("+{}", row.identity().uid()),
        Change::Remove(identity) => format!("-{}", identity.uid()),
    });
    Some(told.collect())
}

fn pattern(name: &str, namespace: Option<&str>) -> Pattern {
    Pattern::new(target(name), Some(deployment()), namespace.map(Text::from))
}

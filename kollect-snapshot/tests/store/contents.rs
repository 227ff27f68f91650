//! Inventories that leave rows out, and rows counted by namespace.

use kollect_sink_core::ScopeDigest;
use kollect_snapshot::{Dedupe, Sharding, Shards, Why};

use super::*;

/// More rows than are told one by one.
const TOO_MANY: usize = 10_001;

fn set(store: &Store, name: &str, contents: Contents) {
    store.set_inventory(&inventory(name), contents, Arc::default());
}

fn members(targets: &[&str]) -> Contents {
    Contents::of(targets.iter().map(|name| target(name)))
}

fn narrowed(targets: &[&str], namespaces: &[&str]) -> Contents {
    let namespaces = namespaces.iter().map(|namespace| Text::from(*namespace)).collect();
    Contents { namespaces: Some(namespaces), ..members(targets) }
}

fn deduped(targets: &[&str]) -> Contents {
    Contents { dedupe: Dedupe::ByUid, ..members(targets) }
}

fn sharded(contents: Contents) -> Contents {
    Contents { sharding: Sharding::ByNamespace, ..contents }
}

/// The rows as target/uid.
fn shown(view: &InventoryView) -> Vec<String> {
    let told = |row: &Row| format!("{}/{}", row.identity().target().name, row.identity().uid());
    collect(view.rows()).iter().map(told).collect()
}

/// The changes after `revision` as +target/uid and -target/uid.
fn told(view: &InventoryView, revision: u64) -> Option<Vec<String>> {
    let changes = collect(view.changes_since(revision)?);
    let told = changes.iter().map(|change| {
        let (sign, identity) = match change {
            Change::Upsert(row) => ('+', row.identity()),
            Change::Remove(identity) => ('-', identity),
        };
        format!("{sign}{}/{}", identity.target().name, identity.uid())
    });
    Some(told.collect())
}

fn revision(store: &Store, name: &str) -> u64 {
    view(store, name).head().revision
}

#[test]
fn a_narrowed_inventory_shows_rows_of_its_namespaces_and_none_of_the_cluster() {
    let store = store_with(&["apps"]);
    see_in(&store, "apps", "early", "a", "{}", 1);
    see_in(&store, "apps", "other", "b", "{}", 1);
    see_in(&store, "apps", "", "node", "{}", 1);
    set(&store, "some", narrowed(&["apps"], &["early", "late"]));
    assert_eq!(uids(&view(&store, "some")), ["a"]);
    see_in(&store, "apps", "late", "c", "{}", 1);
    see_in(&store, "apps", "other", "d", "{}", 1);
    assert_eq!(uids(&view(&store, "some")), ["a", "c"]);
    assert_eq!(uids(&view(&store, "all")), ["a", "b", "c", "d", "node"]);
    set(&store, "none", narrowed(&["apps"], &[]));
    assert_eq!(view(&store, "none").head().rows, 0, "no namespace is not every namespace");
}

#[test]
fn what_a_narrowed_inventory_does_not_show_does_not_wake_it() {
    let store = store_with(&["apps"]);
    set(&store, "some", narrowed(&["apps"], &["mine"]));
    let mut wake = store.subscribe(&inventory("some")).unwrap();
    let before = revision(&store, "some");
    see_in(&store, "apps", "other", "a", "{}", 1);
    store.remove(&target("apps"), "a", None);
    assert!(!wake.has_changed().unwrap());
    assert_eq!(revision(&store, "some"), before);
    see_in(&store, "apps", "mine", "b", "{}", 1);
    assert!(wake.has_changed().unwrap());
    wake.mark_unchanged();
    store.declare(&target("apps"), [(pattern("apps", None), Why::Failed)]);
    assert!(wake.has_changed().unwrap(), "what is not known is told");
    assert_eq!(view(&store, "some").gaps().count(), 1);
}

#[test]
fn of_one_object_the_first_targets_row_is_shown() {
    let store = store_with(&["apps", "base", "core"]);
    set(&store, "one", deduped(&["apps", "base", "core"]));
    let _reader = store.reader(&inventory("one")).unwrap();
    see(&store, "base", "a", "{}", 1);
    see(&store, "core", "a", "{}", 1);
    see(&store, "core", "b", "{}", 1);
    assert_eq!(shown(&view(&store, "one")), ["base/a", "core/b"]);
    let before = revision(&store, "one");
    see(&store, "core", "a", r#"{"hidden":1}"#, 2);
    assert_eq!(revision(&store, "one"), before, "a row that is not shown does not concern it");
    see(&store, "apps", "a", "{}", 1);
    assert_eq!(told(&view(&store, "one"), before).unwrap(), ["+apps/a", "-base/a"]);
    let before = revision(&store, "one");
    store.remove(&target("apps"), "a", None);
    assert_eq!(told(&view(&store, "one"), before).unwrap(), ["-apps/a", "+base/a"]);
    let keys = view(&store, "one");
    assert!(keys.row(row(&store, &target("base"), "default", "a", "").key()).is_some());
    assert!(keys.row(row(&store, &target("core"), "default", "a", "").key()).is_none());
}

#[test]
fn the_next_row_comes_whatever_takes_the_first_away() {
    type Take = fn(&Store);
    let takes: [(&str, Take); 4] = [
        ("a sweep", |store| {
            let list = begin(store, &["apps"], None);
            store.end_list(list);
        }),
        ("a changed selection", |store| {
            store.retain(&target("apps"), |_| false);
        }),
        ("a target that is gone", |store| store.forget_target(&target("apps"))),
        ("a target that is not shown any more", |store| set(store, "one", deduped(&["base"]))),
    ];
    for (story, take) in takes {
        let store = store_with(&["apps", "base"]);
        set(&store, "one", deduped(&["apps", "base"]));
        let reader = store.reader(&inventory("one")).unwrap();
        see(&store, "apps", "a", "{}", 1);
        see(&store, "base", "a", "{}", 1);
        let before = revision(&store, "one");
        take(&store);
        let now = view(&store, "one");
        assert_eq!(told(&now, before).unwrap(), ["-apps/a", "+base/a"], "{story}");
        reader.acknowledge(now.head().revision);
        assert_eq!(shown(&view(&store, "one")), ["base/a"], "{story}");
        assert!(told(&view(&store, "one"), before).is_none(), "{story}: heard, and not kept any more");
    }
}

#[test]
fn a_reader_sees_one_row_of_an_object_at_any_time() {
    let store = store_with(&["apps", "base"]);
    set(&store, "one", deduped(&["apps", "base"]));
    see(&store, "base", "a", "{}", 1);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for version in 1..2_000 {
                see(&store, "apps", "a", "{}", version);
                store.remove(&target("apps"), "a", None);
            }
        });
        while !writer.is_finished() {
            assert_eq!(view(&store, "one").head().rows, 1);
        }
    });
}

#[test]
fn a_first_row_whose_partition_becomes_unknown_stays() {
    let store = store_with(&["apps", "base"]);
    set(&store, "one", deduped(&["apps", "base"]));
    see(&store, "apps", "a", "{}", 1);
    see(&store, "base", "a", "{}", 1);
    store.declare(&target("apps"), [(pattern("apps", None), Why::Failed)]);
    assert_eq!(shown(&view(&store, "one")), ["apps/a"]);
}

#[test]
fn a_target_that_is_not_listed_yet_hides_no_others_row() {
    let store = store_with(&["base"]);
    set(&store, "one", deduped(&["apps", "base"]));
    store.declare(&target("apps"), [(pattern("apps", None), Why::Failed)]);
    see(&store, "base", "a", "{}", 1);
    assert_eq!(shown(&view(&store, "one")), ["base/a"]);
    assert!(view(&store, "one").settled());
}

#[test]
fn a_row_outside_the_namespaces_hides_none_inside() {
    let store = store_with(&["apps", "base"]);
    let contents = Contents { dedupe: Dedupe::ByUid, ..narrowed(&["apps", "base"], &["mine"]) };
    set(&store, "one", contents);
    // Objects without a uid of their own get one; nothing says that two never meet.
    see_in(&store, "apps", "other", "a", "{}", 1);
    see_in(&store, "base", "mine", "a", "{}", 1);
    assert_eq!(shown(&view(&store, "one")), ["base/a"]);
}

#[test]
fn changed_contents_are_told_as_changes_while_few() {
    let store = store_with(&["apps", "base"]);
    see_in(&store, "apps", "x", "a", "{}", 1);
    see_in(&store, "apps", "y", "b", "{}", 1);
    see_in(&store, "base", "x", "a", "{}", 1);
    set(&store, "some", narrowed(&["apps"], &["x"]));
    let reader = store.reader(&inventory("some")).unwrap();
    let start = revision(&store, "some");
    let mut before = start;
    let mut wake = store.subscribe(&inventory("some")).unwrap();
    let both = Contents { dedupe: Dedupe::ByUid, ..narrowed(&["apps", "base"], &["y"]) };
    let steps: [(Contents, &[&str]); 6] = [
        (narrowed(&["apps"], &["y"]), &["-apps/a", "+apps/b"]),
        (narrowed(&["apps", "base"], &["x", "y"]), &["+apps/a", "+base/a"]),
        (Contents { namespaces: None, ..both.clone() }, &["-base/a"]),
        (both, &["-apps/a"]),
        (narrowed(&["base"], &["x", "y"]), &["-apps/b", "+base/a"]),
        (narrowed(&["apps"], &["x", "y"]), &["+apps/a", "+apps/b", "-base/a"]),
    ];
    for (contents, expected) in steps {
        set(&store, "some", contents);
        assert!(wake.has_changed().unwrap());
        wake.mark_unchanged();
        assert_eq!(told(&view(&store, "some"), before).unwrap(), expected);
        before = revision(&store, "some");
    }
    // Of what came, left and came again since the start, the end is told.
    let all = ["+apps/a", "+apps/b", "-base/a"];
    assert_eq!(told(&view(&store, "some"), start).unwrap(), all);
    reader.acknowledge(before);
    assert!(told(&view(&store, "some"), start).is_none());
}

#[test]
fn many_rows_that_are_shown_otherwise_force_a_full_pass() {
    let store = store_with(&["apps"]);
    set(&store, "some", narrowed(&["apps"], &["few"]));
    see_in(&store, "apps", "few", "a", "{}", 1);
    for number in 0..TOO_MANY {
        see_in(&store, "apps", "many", &format!("{number:05}"), "{}", 1);
    }
    let reader = store.reader(&inventory("some")).unwrap();
    for namespaces in [&["few", "many"][..], &["few"]] {
        let before = revision(&store, "some");
        set(&store, "some", narrowed(&["apps"], namespaces));
        let full = view(&store, "some");
        assert!(told(&full, before).is_none());
        assert_eq!(full.head().rows as usize, if namespaces.len() == 1 { 1 } else { TOO_MANY + 1 });
        see_in(&store, "apps", "few", "a", &format!(r#"{{"n":{}}}"#, namespaces.len()), 2);
        assert_eq!(told(&view(&store, "some"), full.head().revision).unwrap(), ["+apps/a"]);
        reader.acknowledge(revision(&store, "some"));
    }
}

#[test]
fn a_slow_reader_of_a_narrowed_inventory_is_sent_to_a_full_pass() {
    let store = store_with(&["apps"]);
    set(&store, "some", narrowed(&["apps"], &["default"]));
    let _reader = store.reader(&inventory("some")).unwrap();
    let before = revision(&store, "some");
    for number in 1..TOO_MANY {
        see(&store, "apps", &format!("{number:05}"), "{}", 1);
        see_in(&store, "apps", "other", &format!("other-{number:05}"), "{}", 1);
    }
    assert_eq!(told(&view(&store, "some"), before).unwrap().len(), TOO_MANY - 1);
    see(&store, "apps", "one too many", "{}", 1);
    assert!(told(&view(&store, "some"), before).is_none());
}

#[test]
fn an_inventory_that_begins_or_ceases_to_leave_rows_out_is_read_in_full() {
    let store = store_with(&["apps", "base"]);
    for name in ["apps", "base"] {
        see(&store, name, "a", "{}", 1);
    }
    let _reader = store.reader(&inventory("all")).unwrap();
    let targets = ["apps", "base"];
    for (contents, expected) in [(deduped(&targets), 1), (members(&targets), 2), (deduped(&targets), 1)] {
        let before = revision(&store, "all");
        set(&store, "all", contents);
        let now = view(&store, "all");
        assert!(told(&now, before).is_none());
        assert_eq!(now.head().rows, expected);
        see(&store, "apps", "b", &format!(r#"{{"n":{}}}"#, now.head().revision), 1);
        assert_eq!(told(&view(&store, "all"), now.head().revision).unwrap(), ["+apps/b"]);
        store.remove(&target("apps"), "b", None);
    }
}

#[test]
fn writers_go_on_while_contents_change() {
    let store = store_with(&["apps", "base"]);
    let shapes = [
        narrowed(&["apps", "base"], &["x"]),
        sharded(deduped(&["apps", "base"])),
        sharded(narrowed(&["base"], &["x", "y"])),
        sharded(members(&["apps", "base"])),
    ];
    set(&store, "one", shapes[0].clone());
    std::thread::scope(|scope| {
        for name in ["apps", "base"] {
            let store = &store;
            scope.spawn(move || {
                for turn in 0..4_000_u64 {
                    let uid = format!("{:03}", turn * 7 % 500);
                    let namespace = if turn * 7 % 2 == 0 { "x" } else { "y" };
                    see_in(store, name, namespace, &uid, &format!(r#"{{"n":{turn}}}"#), turn);
                    store.remove(&target(name), &format!("{:03}", turn * 11 % 500), None);
                }
            });
        }
        for turn in 0..400 {
            set(&store, "one", shapes[turn % shapes.len()].clone());
            if turn % 50 == 0 {
                set(&store, "two", shapes[turn / 50 % shapes.len()].clone());
            }
        }
    });
    // One that is made of the rows as they are now shows the same.
    for shape in shapes {
        set(&store, "one", shape.clone());
        set(&store, "fresh", shape);
        let (kept, fresh) = (view(&store, "one"), view(&store, "fresh"));
        assert_eq!(collect(kept.rows()), collect(fresh.rows()));
        assert_eq!(kept.head().digest, fresh.head().digest);
        assert_eq!(kept.shards(usize::MAX), fresh.shards(usize::MAX));
        store.remove_inventory(&inventory("fresh"));
    }
}

#[test]
fn shards_are_the_largest_namespaces_by_rows_then_by_name() {
    let store = store_with(&["apps", "base"]);
    see_in(&store, "apps", "early", "before it was asked for", "{}", 1);
    set(&store, "counted", sharded(members(&["apps", "base"])));
    for (name, namespace, uid) in [
        ("apps", "big", "a"),
        ("base", "big", "a"),
        ("base", "big", "b"),
        ("base", "alike", "c"),
        ("base", "", "of the cluster"),
    ] {
        see_in(&store, name, namespace, uid, "{}", 1);
    }
    let summary = |shards: &Shards| -> Vec<(String, u64, u64)> {
        let told = shards.largest.iter().map(|it| (it.namespace.to_string(), it.rows, it.targets));
        told.collect()
    };
    let shards = view(&store, "counted").shards(2).unwrap();
    assert_eq!(shards.count, 3);
    assert_eq!(summary(&shards), [("big".to_owned(), 3, 2), ("alike".to_owned(), 1, 1)]);
    let mut digest = ScopeDigest::default();
    let rows = collect(view(&store, "counted").rows());
    rows.iter().filter(|row| **row.identity().namespace() == *"big").for_each(|row| digest.add(row.digest()));
    assert_eq!(shards.largest[0].digest, digest);

    store.remove(&target("base"), "c", None);
    set(&store, "counted", sharded(members(&["base"])));
    let shards = view(&store, "counted").shards(100).unwrap();
    assert_eq!((shards.count, summary(&shards)), (1, vec![("big".to_owned(), 2, 1)]));
    assert!(view(&store, "all").shards(100).is_none(), "nobody asked");
}

#[test]
fn shards_count_what_is_shown() {
    let store = store_with(&["apps", "base"]);
    set(&store, "one", sharded(deduped(&["apps", "base"])));
    see_in(&store, "apps", "x", "a", "{}", 1);
    see_in(&store, "base", "x", "a", "{}", 1);
    see_in(&store, "base", "x", "b", "{}", 1);
    let shards = view(&store, "one").shards(9).unwrap();
    assert_eq!((shards.largest[0].rows, shards.largest[0].targets), (2, 2));
    store.remove(&target("base"), "b", None);
    assert_eq!(view(&store, "one").shards(9).unwrap().largest[0].targets, 1);
}

//! Inventories: shared rows, views, journals and membership.

use kollect_sink_core::{Column, ColumnType, Schema, ScopeDigest};

use super::*;

/// More changes than are kept for a reader of a small inventory.
const TOO_MANY: usize = 10_001;

fn fill(store: &Store, name: &str, rows: usize, attributes: &str, version: u64) {
    for number in 0..rows {
        see(store, name, &format!("{number:05}"), attributes, version);
    }
}

#[test]
fn two_inventories_share_a_targets_rows() {
    let store = store_with(&["apps", "other"]);
    show(&store, "mine", &["apps"]);
    see(&store, "apps", "a", "{}", 1);
    see(&store, "other", "b", "{}", 1);
    assert_eq!(uids(&view(&store, "all")), ["a", "b"]);
    assert_eq!(uids(&view(&store, "mine")), ["a"]);
    assert_eq!(store.totals().rows, 2, "rows live once");
    let (mine, all) = (view(&store, "mine").head().revision, view(&store, "all").head().revision);
    see(&store, "other", "c", "{}", 1);
    assert_eq!(view(&store, "mine").head().revision, mine, "what it does not show does not concern it");
    assert!(view(&store, "all").head().revision > all);
}

#[test]
fn a_removed_inventory_leaves_the_rows_and_closes_its_channel() {
    let store = store_with(&["apps"]);
    see(&store, "apps", "a", "{}", 1);
    let reader = store.reader(&inventory("all")).unwrap();
    let wake = store.subscribe(&inventory("all")).unwrap();
    store.remove_inventory(&inventory("all"));
    assert!(wake.has_changed().is_err());
    assert!(store.view(&inventory("all")).is_none());
    show(&store, "all", &["apps"]);
    // The reader of the removed inventory says nothing about the new one of that name.
    reader.acknowledge(u64::MAX);
    drop(reader);
    assert_eq!(uids(&view(&store, "all")), ["a"]);
    assert!(changes(&view(&store, "all"), 1).is_none());
}

#[test]
fn a_view_stays_the_same_while_writers_go_on() {
    let store = store_with(&["apps"]);
    let _reader = store.reader(&inventory("all"));
    fill(&store, "apps", 500, "{}", 1);
    let old = view(&store, "all");
    let (rows, head) = (collect(old.rows()), old.head().clone());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            fill(&store, "apps", 700, r#"{"new":1}"#, 2);
            for number in 0..100 {
                store.remove(&target("apps"), &format!("{number:05}"), None);
            }
        });
        for _ in 0..20 {
            assert_eq!(collect(old.rows()), rows);
        }
    });
    assert_eq!(collect(old.rows()), rows);
    let new = view(&store, "all");
    assert_eq!(new.head().rows, 600);
    assert_ne!(new.head().digest, head.digest);
    assert_eq!(changes(&new, head.revision).unwrap().len(), 700);
    assert_eq!(changes(&old, head.revision).unwrap().len(), 0);
}

#[test]
fn the_digest_equals_its_recomputation() {
    let store = store_with(&["apps", "other"]);
    fill(&store, "apps", 50, "{}", 1);
    fill(&store, "other", 50, "{}", 1);
    fill(&store, "apps", 25, r#"{"new":1}"#, 2);
    store.remove(&target("other"), "00007", None);
    let view = view(&store, "all");
    let mut digest = ScopeDigest::default();
    collect(view.rows()).iter().for_each(|row| digest.add(row.digest()));
    assert_eq!(view.head().digest, digest);
    assert_eq!(view.head().rows, 99);
    assert_eq!(view.counts().map(|(_, rows)| rows).collect::<Vec<_>>(), [50, 49]);
}

#[test]
fn changes_collapse_to_one_per_row_in_key_order() {
    let store = store_with(&["apps", "base"]);
    let _reader = store.reader(&inventory("all"));
    see(&store, "base", "0", "{}", 1);
    see(&store, "apps", "was", "{}", 1);
    let before = view(&store, "all").head().revision;
    for version in 2..50 {
        see(&store, "apps", "hot", &format!(r#"{{"n":{version}}}"#), version);
    }
    store.remove(&target("base"), "0", None);
    store.remove(&target("apps"), "was", None);
    see(&store, "base", "1", "{}", 1);
    see(&store, "apps", "flash", "{}", 1);
    store.remove(&target("apps"), "flash", None);
    assert_eq!(changes(&view(&store, "all"), before).unwrap(), ["-flash", "+hot", "-was", "-0", "+1"]);
}

#[test]
fn what_all_readers_have_is_not_kept() {
    let store = store_with(&["apps"]);
    let (fast, slow) = (store.reader(&inventory("all")).unwrap(), store.reader(&inventory("all")).unwrap());
    let start = view(&store, "all").head().revision;
    see(&store, "apps", "a", "{}", 1);
    let middle = view(&store, "all").head().revision;
    see(&store, "apps", "b", "{}", 1);
    let end = view(&store, "all").head().revision;
    fast.acknowledge(end);
    assert_eq!(changes(&view(&store, "all"), start).unwrap(), ["+a", "+b"], "kept for the slow one");
    slow.acknowledge(middle);
    assert!(changes(&view(&store, "all"), start).is_none());
    assert_eq!(changes(&view(&store, "all"), middle).unwrap(), ["+b"]);
    slow.acknowledge(start);
    assert_eq!(changes(&view(&store, "all"), middle).unwrap(), ["+b"], "nobody goes back");
    drop(slow);
    assert!(changes(&view(&store, "all"), middle).is_none(), "one who is gone keeps nothing");
    assert_eq!(changes(&view(&store, "all"), end).unwrap().len(), 0);
}

#[test]
fn without_a_reader_no_change_is_kept() {
    let store = store_with(&["apps"]);
    see(&store, "apps", "a", "{}", 1);
    let before = view(&store, "all").head().revision;
    see(&store, "apps", "b", "{}", 1);
    assert!(changes(&view(&store, "all"), before).is_none());
    let _reader = store.reader(&inventory("all")).unwrap();
    let before = view(&store, "all").head().revision;
    see(&store, "apps", "c", "{}", 1);
    assert_eq!(changes(&view(&store, "all"), before).unwrap(), ["+c"]);
}

#[test]
fn journal_overflow_forces_a_full_pass() {
    let store = store_with(&["apps"]);
    let reader = store.reader(&inventory("all")).unwrap();
    let before = view(&store, "all").head().revision;
    fill(&store, "apps", TOO_MANY - 1, "{}", 1);
    assert_eq!(changes(&view(&store, "all"), before).unwrap().len(), TOO_MANY - 1);
    // The same rows again: changes collapse, and nothing overflows.
    fill(&store, "apps", TOO_MANY - 1, r#"{"n":2}"#, 2);
    assert_eq!(changes(&view(&store, "all"), before).unwrap().len(), TOO_MANY - 1);
    see(&store, "apps", "one too many", "{}", 1);
    assert!(changes(&view(&store, "all"), before).is_none());
    // The full pass that follows is a base for changes again.
    let full = view(&store, "all").head().revision;
    see(&store, "apps", "x", "{}", 1);
    assert_eq!(changes(&view(&store, "all"), full).unwrap(), ["+x"]);
    reader.acknowledge(full);
    assert_eq!(changes(&view(&store, "all"), full).unwrap(), ["+x"]);
}

#[test]
fn a_slow_reader_of_one_inventory_costs_no_other_its_changes() {
    let store = store_with(&["apps"]);
    show(&store, "mine", &["apps"]);
    let _stuck = store.reader(&inventory("all")).unwrap();
    let reader = store.reader(&inventory("mine")).unwrap();
    let stuck_at = view(&store, "all").head().revision;
    fill(&store, "apps", TOO_MANY - 10, "{}", 1);
    let read = view(&store, "mine").head().revision;
    reader.acknowledge(read);
    for number in 0..20 {
        see(&store, "apps", &format!("late{number:02}"), "{}", 1);
    }
    assert!(changes(&view(&store, "all"), stuck_at).is_none());
    assert_eq!(changes(&view(&store, "mine"), read).unwrap().len(), 20);
}

#[test]
fn few_rows_that_come_and_go_with_their_targets_are_told_as_changes() {
    let store = store_with(&["apps"]);
    let reader = store.reader(&inventory("all")).unwrap();
    store.declare(&target("base"), []);
    see(&store, "apps", "a", "{}", 1);
    see(&store, "base", "b", "{}", 1);
    let mut wake = store.subscribe(&inventory("all")).unwrap();
    wake.mark_unchanged();
    let before = view(&store, "all").head().revision;
    show(&store, "all", &["base"]);
    assert!(wake.has_changed().unwrap());
    let both = view(&store, "all");
    assert_eq!(changes(&both, before).unwrap(), ["-a", "+b"]);
    assert_eq!((both.head().rows, uids(&both)), (1, vec!["b".to_owned()]));
    // What happens to them later follows.
    see(&store, "apps", "unseen", "{}", 1);
    store.remove(&target("base"), "b", None);
    see(&store, "base", "c", "{}", 1);
    let now = view(&store, "all");
    assert_eq!(changes(&now, before).unwrap(), ["-a", "-b", "+c"]);
    assert_eq!(changes(&now, both.head().revision).unwrap(), ["-b", "+c"]);
    reader.acknowledge(now.head().revision);
    assert!(changes(&view(&store, "all"), before).is_none());
}

#[test]
fn many_rows_that_come_or_go_with_their_targets_force_a_full_pass() {
    let store = store_with(&["apps"]);
    store.declare(&target("big"), []);
    fill(&store, "big", TOO_MANY, "{}", 1);
    let _reader = store.reader(&inventory("all")).unwrap();
    for members in [&["apps", "big"][..], &["apps"]] {
        let before = view(&store, "all").head().revision;
        show(&store, "all", members);
        assert!(changes(&view(&store, "all"), before).is_none());
        let full = view(&store, "all").head().revision;
        see(&store, "apps", &format!("after {}", members.len()), "{}", 1);
        assert_eq!(changes(&view(&store, "all"), full).unwrap().len(), 1);
    }
}

#[test]
fn a_target_that_left_and_came_back_unheard_forces_a_full_pass() {
    let store = store_with(&["apps"]);
    let _reader = store.reader(&inventory("all")).unwrap();
    see(&store, "apps", "a", "{}", 1);
    let before = view(&store, "all").head().revision;
    show(&store, "all", &[]);
    store.remove(&target("apps"), "a", None);
    show(&store, "all", &["apps"]);
    assert!(changes(&view(&store, "all"), before).is_none());
}

#[test]
fn who_asks_too_late_is_not_told_that_a_target_never_left() {
    let store = store_with(&["apps"]);
    see(&store, "apps", "a", "{}", 1);
    let before = view(&store, "all").head().revision;
    show(&store, "all", &[]);
    assert!(changes(&view(&store, "all"), before).is_none(), "nobody read, so nothing was kept");

    show(&store, "all", &["apps"]);
    let reader = store.reader(&inventory("all")).unwrap();
    let before = view(&store, "all").head().revision;
    show(&store, "all", &[]);
    let after = view(&store, "all").head().revision;
    assert_eq!(changes(&view(&store, "all"), before).unwrap(), ["-a"]);
    reader.acknowledge(after);
    assert!(changes(&view(&store, "all"), before).is_none(), "heard, and not kept any more");
    assert_eq!(changes(&view(&store, "all"), after).unwrap().len(), 0);
}

#[test]
fn a_changed_schema_is_told_and_changes_no_row() {
    let store = store_with(&["apps"]);
    let before = view(&store, "all").head().revision;
    let mut wake = store.subscribe(&inventory("all")).unwrap();
    wake.mark_unchanged();
    show(&store, "all", &["apps"]);
    assert!(!wake.has_changed().unwrap(), "the same again is no change");
    let column = Column { name: "image".into(), column_type: ColumnType::String };
    let schema = Arc::new(Schema::union([column]).0);
    let contents = Contents::of([target("apps")]);
    store.set_inventory(&inventory("all"), contents, Arc::clone(&schema));
    assert!(wake.has_changed().unwrap());
    assert_eq!(view(&store, "all").head().schema, schema);
    assert_eq!(view(&store, "all").head().revision, before);
}

#[test]
fn a_row_is_found_by_its_key() {
    let store = store_with(&["apps"]);
    see(&store, "apps", "a", r#"{"x":1}"#, 1);
    let found = view(&store, "all").row(row(&store, &target("apps"), "default", "a", "").key());
    assert_eq!(found.unwrap().attributes(), r#"{"x":1}"#);
    assert!(view(&store, "all").row(row(&store, &target("apps"), "default", "b", "").key()).is_none());
    assert!(view(&store, "all").row(row(&store, &target("base"), "default", "a", "").key()).is_none());
}

#[test]
fn each_change_wakes_those_who_wait() {
    let store = store_with(&["apps", "other"]);
    show(&store, "mine", &["apps"]);
    let mut mine = store.subscribe(&inventory("mine")).unwrap();
    let mut all = store.subscribe(&inventory("all")).unwrap();
    let mut woken = |story: &str| {
        assert!(all.has_changed().unwrap(), "{story}");
        all.mark_unchanged();
    };
    see(&store, "apps", "a", "{}", 1);
    woken("a new row");
    see(&store, "apps", "a", r#"{"new":1}"#, 2);
    woken("a changed row");
    store.remove(&target("apps"), "a", Some(3));
    woken("a removed row");
    mine.mark_unchanged();
    see(&store, "other", "a", "{}", 1);
    woken("a row of another target");
    store.retain(&target("other"), |_| false);
    woken("rows that are not selected any more");
    assert!(!mine.has_changed().unwrap(), "it does not show that target");
    store.forget_target(&target("other"));
    woken("a target that is gone");
}

#[test]
fn removals_overflow_as_changes_do() {
    let store = store_with(&["apps"]);
    fill(&store, "apps", TOO_MANY, "{}", 1);
    let _reader = store.reader(&inventory("all")).unwrap();
    let before = view(&store, "all").head().revision;
    store.retain(&target("apps"), |identity| identity.uid() == "00000");
    assert_eq!(changes(&view(&store, "all"), before).unwrap().len(), TOO_MANY - 1);
    store.remove(&target("apps"), "00000", None);
    assert!(changes(&view(&store, "all"), before).is_none());
}

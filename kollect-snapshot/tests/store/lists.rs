//! Events and lists: what is taken in, and what the end of a list removes.

use super::*;

#[test]
fn an_older_version_never_overwrites_a_newer_one() {
    let store = store_with(&["apps"]);
    assert_eq!(see(&store, "apps", "a", r#"{"replicas":2}"#, 20), Applied::Inserted);
    assert_eq!(see(&store, "apps", "a", r#"{"replicas":1}"#, 19), Applied::Stale);
    assert!(!store.remove(&target("apps"), "a", Some(18)));
    assert_eq!(collect(view(&store, "all").rows())[0].attributes(), r#"{"replicas":2}"#);
    // The same version from another profile counts: the object is the same, the row is not.
    assert_eq!(see(&store, "apps", "a", r#"{"ready":2}"#, 20), Applied::Updated);
    assert!(store.remove(&target("apps"), "a", Some(21)));
    assert!(uids(&view(&store, "all")).is_empty());
}

#[test]
fn churn_that_changes_no_row_wakes_nobody() {
    let store = store_with(&["apps"]);
    let _reader = store.reader(&inventory("all"));
    see(&store, "apps", "a", "{}", 1);
    let mut wake = store.subscribe(&inventory("all")).unwrap();
    wake.mark_unchanged();
    let before = view(&store, "all").head().revision;
    for version in 2..100 {
        assert_eq!(see(&store, "apps", "a", "{}", version), Applied::Unchanged);
    }
    assert!(!wake.has_changed().unwrap());
    assert_eq!(view(&store, "all").head().revision, before);
    // The version has moved on all the same.
    assert_eq!(see(&store, "apps", "a", r#"{"old":1}"#, 98), Applied::Stale);
}

#[test]
fn a_list_removes_what_it_does_not_contain_any_more() {
    let store = store_with(&["apps", "other"]);
    see(&store, "apps", "a", "{}", 1);
    see(&store, "apps", "b", "{}", 2);
    see(&store, "other", "b", "{}", 2);
    let list = begin(&store, &["apps"], None);
    assert_eq!(list_item(&store, &list, "apps", "a", 1), Applied::Unchanged);
    assert_eq!(list_item(&store, &list, "apps", "c", 3), Applied::Inserted);
    assert_eq!(uids(&view(&store, "all")), ["a", "b", "c", "b"], "rows stay until the list has ended");
    assert_eq!(store.end_list(list).removed, 1);
    assert_eq!(uids(&view(&store, "all")), ["a", "c", "b"]);
    assert_eq!(store.end_list(list).removed, 0, "a list ends once");
}

#[test]
fn a_failed_list_sweeps_nothing() {
    let store = store_with(&["apps"]);
    see(&store, "apps", "a", "{}", 1);
    let list = begin(&store, &["apps"], None);
    store.abort_list(list);
    assert_eq!(store.end_list(list).removed, 0);
    assert_eq!(list_item(&store, &list, "apps", "b", 2), Applied::Stale, "it does not run any more");
    assert_eq!(uids(&view(&store, "all")), ["a"]);
}

#[test]
fn a_list_sweeps_only_its_kind_and_namespace() {
    let store = store_with(&["apps"]);
    see_in(&store, "apps", "one", "a", "{}", 1);
    see_in(&store, "apps", "two", "b", "{}", 1);
    let origin = store.origin(&target("apps"), "apps", "v1", "StatefulSet");
    let other = Identity::new(origin, store.intern("one"), "c", "c").unwrap();
    store.upsert(Row::new(other, "{}"), 1, None);
    let list = begin(&store, &["apps"], Some("one"));
    assert_eq!(store.end_list(list).removed, 1);
    assert_eq!(uids(&view(&store, "all")), ["b", "c"]);
}

#[test]
fn a_uid_touched_by_the_live_watch_during_a_list_is_not_swept() {
    let store = store_with(&["apps"]);
    see(&store, "apps", "old", "{}", 1);
    see(&store, "apps", "changed", "{}", 1);
    let list = begin(&store, &["apps"], None);
    see(&store, "apps", "changed", "{}", 5);
    see(&store, "apps", "created", "{}", 6);
    list_item(&store, &list, "apps", "unrelated", 9);
    assert_eq!(store.end_list(list).removed, 1);
    assert_eq!(uids(&view(&store, "all")), ["changed", "created", "unrelated"]);
}

#[test]
fn an_object_that_the_live_watch_saw_leave_is_not_brought_back_by_a_list() {
    let store = store_with(&["apps"]);
    see(&store, "apps", "deleted", "{}", 3);
    let list = begin(&store, &["apps"], None);
    assert!(store.remove(&target("apps"), "deleted", Some(7)));
    assert!(!store.remove(&target("apps"), "never-matched", None));
    assert_eq!(list_item(&store, &list, "apps", "deleted", 3), Applied::Stale);
    assert_eq!(list_item(&store, &list, "apps", "never-matched", 4), Applied::Stale);
    // It matches again since: the list read it after it had left.
    assert_eq!(list_item(&store, &list, "apps", "deleted", 8), Applied::Inserted);
    store.end_list(list);
    assert_eq!(uids(&view(&store, "all")), ["deleted"]);
}

#[test]
fn two_lists_at_once_keep_what_either_may_be_right_about() {
    let store = store_with(&["apps"]);
    for uid in ["both", "gone", "newer"] {
        see(&store, "apps", uid, "{}", 1);
    }
    let all = begin(&store, &["apps"], None);
    let one = begin(&store, &["apps"], Some("default"));
    list_item(&store, &all, "apps", "both", 5);
    list_item(&store, &one, "apps", "both", 5);
    // The second list read them both; the first, which is newer than one of them, did not.
    list_item(&store, &one, "apps", "gone", 1);
    list_item(&store, &one, "apps", "newer", 6);
    assert_eq!(store.end_list(all).removed, 1);
    assert_eq!(uids(&view(&store, "all")), ["both", "newer"]);
    assert_eq!(store.end_list(one).removed, 0);
}

#[test]
fn a_list_that_skipped_a_namespace_removes_nothing_of_it_once_it_is_selected() {
    let store = store_with(&["web"]);
    show(&store, "all", &["web"]);
    // The list reads the namespace while it is not selected, so that it brings none of its rows.
    let all = begin(&store, &["web"], None);
    list_item(&store, &all, "web", "newest", 9);
    let shop = store.intern("shop");
    store.withdraw_namespace(&target("web"), &shop);
    let namespace = begin(&store, &["web"], Some("shop"));
    let selected = row(&store, &target("web"), "shop", "selected", "{}");
    store.upsert(selected, 5, Some(&namespace));
    store.end_list(namespace);
    assert_eq!(store.end_list(all).removed, 0);
    assert_eq!(uids(&view(&store, "all")), ["newest", "selected"]);
}

#[test]
fn a_list_of_a_namespace_that_changed_does_not_answer_for_it() {
    let store = store_with(&["web"]);
    show(&store, "all", &["web"]);
    let before = begin(&store, &["web"], Some("shop"));
    store.withdraw_namespace(&target("web"), &store.intern("shop"));
    let late = row(&store, &target("web"), "shop", "late", "{}");
    assert_eq!(store.upsert(late, 5, Some(&before)), Applied::Stale);
    store.end_list(before);
}

#[test]
fn a_changed_selection_takes_the_target_out_of_lists_that_run() {
    let store = store_with(&["apps", "other"]);
    see(&store, "apps", "a", "{}", 1);
    see(&store, "other", "a", "{}", 1);
    let list = begin(&store, &["apps", "other"], None);
    store.withdraw(&target("apps"));
    assert_eq!(list_item(&store, &list, "apps", "b", 2), Applied::Stale);
    assert_eq!(store.end_list(list).removed, 1);
    assert_eq!(uids(&view(&store, "all")), ["a"]);
    assert_eq!(store.counts(&target("apps")).rows, 1);
}

#[test]
fn rows_of_a_namespace_that_left_the_selection_leave_at_once() {
    let store = store_with(&["apps"]);
    let _reader = store.reader(&inventory("all"));
    see_in(&store, "apps", "stays", "a", "{}", 1);
    let before = view(&store, "all").head().revision;
    for number in 0..1000 {
        see_in(&store, "apps", "leaves", &format!("b{number:03}"), "{}", 1);
    }
    let kept = |identity: &Identity| {
        // The store may be asked meanwhile: the lock is free.
        store.counts(&target("apps"));
        &**identity.namespace() == "stays"
    };
    assert_eq!(store.retain(&target("apps"), kept), 1000);
    assert_eq!(uids(&view(&store, "all")), ["a"]);
    assert_eq!(changes(&view(&store, "all"), before).map(|changes| changes.len()), Some(1000));
}

#[test]
fn what_is_counted_comes_back_to_nothing() {
    let store = store_with(&["apps", "other"]);
    see(&store, "apps", "a", r#"{"a":"b"}"#, 1);
    let one = store.counts(&target("apps"));
    assert_eq!(one.rows, 1);
    assert!(one.bytes > 11);
    see(&store, "apps", "a", r#"{"a":"longer"}"#, 2);
    assert_eq!(store.counts(&target("apps")).bytes, one.bytes + 5);
    see(&store, "other", "a", "{}", 1);
    assert_eq!(store.totals().rows, 2);
    store.forget_target(&target("apps"));
    store.forget_target(&target("other"));
    assert_eq!(store.totals(), kollect_snapshot::Counts::default());
}

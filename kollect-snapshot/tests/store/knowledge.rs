//! What is not known: who waits for it, and what becomes of rows.

use kollect_sink_core::Partition;
use kollect_snapshot::Why;

use super::*;

fn partition(name: &str, namespace: &str) -> Partition {
    let kind = deployment();
    Partition::new(target(name), &kind.group, &kind.kind, namespace.into())
}

#[test]
fn a_target_of_which_nothing_was_said_is_pending_as_a_whole() {
    let store = Store::new();
    show(&store, "all", &["apps"]);
    assert_eq!(see(&store, "apps", "a", "{}", 1), Applied::Stale);
    let view = view(&store, "all");
    assert!(!view.settled());
    assert!(view.head().unknown.covers(&partition("apps", "default")));
    assert_eq!(store.settled(&inventory("all")), Some(false));
    assert_eq!(store.settled(&inventory("none")), None);
}

#[test]
fn a_part_is_known_once_its_list_has_ended() {
    let store = Store::new();
    store.declare(&target("apps"), [(pattern("apps", None), Why::Pending)]);
    show(&store, "all", &["apps"]);
    let mut wake = store.subscribe(&inventory("all")).unwrap();
    wake.mark_unchanged();
    let list = begin(&store, &["apps"], None);
    assert!(!view(&store, "all").settled());
    assert!(!wake.has_changed().unwrap());
    store.end_list(list);
    assert!(wake.has_changed().unwrap(), "knowledge wakes without a row");
    assert!(view(&store, "all").settled());
    assert!(view(&store, "all").head().unknown.is_empty());
}

#[test]
fn a_list_that_began_before_a_selection_grew_does_not_answer_for_it() {
    let store = Store::new();
    store.declare(&target("apps"), [(pattern("apps", Some("one")), Why::Pending)]);
    show(&store, "all", &["apps"]);
    let list = begin(&store, &["apps"], None);
    let grown = ["one", "two"].map(|namespace| (pattern("apps", Some(namespace)), Why::Pending));
    store.declare(&target("apps"), grown);
    store.end_list(list);
    assert_eq!(store.gaps(&target("apps")), [(pattern("apps", Some("two")), Why::Pending)]);
    let list = begin(&store, &["apps"], Some("two"));
    store.end_list(list);
    assert!(view(&store, "all").settled());
}

#[test]
fn a_forbidden_namespace_keeps_its_rows_and_is_named_unknown() {
    let store = store_with(&["apps"]);
    see_in(&store, "apps", "secret", "a", "{}", 1);
    see_in(&store, "apps", "open", "b", "{}", 1);
    let mut wake = store.subscribe(&inventory("all")).unwrap();
    wake.mark_unchanged();
    store.declare(&target("apps"), [(pattern("apps", Some("secret")), Why::Failed)]);
    assert!(wake.has_changed().unwrap());
    let list = begin(&store, &["apps"], Some("open"));
    assert_eq!(store.end_list(list).removed, 1);
    let view = view(&store, "all");
    assert_eq!(uids(&view), ["a"]);
    assert!(view.settled(), "what has failed is not waited for");
    assert!(view.head().unknown.covers(&partition("apps", "secret")));
    assert!(!view.head().unknown.covers(&partition("apps", "open")));
    assert_eq!(view.gaps().collect::<Vec<_>>(), [(&pattern("apps", Some("secret")), Why::Failed)]);
}

#[test]
fn a_relist_keeps_rows_while_its_part_is_pending() {
    let store = store_with(&["apps"]);
    see(&store, "apps", "a", "{}", 1);
    store.declare(&target("apps"), [(pattern("apps", None), Why::Pending)]);
    let list = begin(&store, &["apps"], None);
    assert_eq!(uids(&view(&store, "all")), ["a"]);
    assert!(view(&store, "all").head().unknown.covers(&partition("apps", "default")));
    list_item(&store, &list, "apps", "a", 1);
    store.end_list(list);
    assert_eq!(uids(&view(&store, "all")), ["a"]);
    assert!(view(&store, "all").settled());
}

#[test]
fn a_deleted_target_is_known_to_be_empty() {
    let store = store_with(&["apps", "other"]);
    let reader = store.reader(&inventory("all")).unwrap();
    see(&store, "apps", "a", "{}", 1);
    see(&store, "apps", "b", "{}", 1);
    see(&store, "other", "c", "{}", 1);
    store.declare(&target("apps"), [(pattern("apps", None), Why::Pending)]);
    let before = view(&store, "all").head().revision;
    reader.acknowledge(before);
    let list = begin(&store, &["apps"], None);
    store.forget_target(&target("apps"));
    let view = view(&store, "all");
    assert!(view.settled() && view.head().unknown.is_empty());
    assert_eq!(changes(&view, before).unwrap(), ["-a", "-b"]);
    assert_eq!(see(&store, "apps", "late", "{}", 2), Applied::Stale, "a late event makes no rows");
    assert_eq!(list_item(&store, &list, "apps", "late", 2), Applied::Stale);
}

#[test]
fn a_target_that_comes_back_starts_unknown() {
    let store = store_with(&["apps"]);
    store.forget_target(&target("apps"));
    assert!(view(&store, "all").settled());
    store.declare(&target("apps"), [(pattern("apps", None), Why::Pending)]);
    assert!(!view(&store, "all").settled());
    show(&store, "all", &[]);
    store.forget_target(&target("apps"));
    show(&store, "all", &["apps"]);
    assert!(!view(&store, "all").settled(), "nothing is left of what was said of it before");
}

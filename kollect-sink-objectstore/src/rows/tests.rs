//! Shards and paths: which rows are to be written, and which meet.

use std::collections::BTreeSet;
use std::sync::Arc;

use kollect_sink_core::{Identity, Origin, Row, Target, Unknown};
use proptest::collection::vec;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::{Entry, Ledger, Place, read_entries, shard_of, write_entries};
use crate::format::Sha256;

fn row(uid: &str, attributes: &str) -> Row {
    let origin = Origin {
        target: Target::new("team-a", "pods"),
        group: "".into(),
        version: "v1".into(),
        kind: "Pod".into(),
    };
    Row::new(Identity::new(Arc::new(origin), "shop".into(), "web", uid).unwrap(), attributes)
}

fn entry(row: &Row, path: &str) -> Entry {
    Entry {
        identity: row.identity().clone(),
        path: path.into(),
        digest: row.digest(),
        bytes: 2,
        sha256: Sha256([7; 32]),
        form: None,
    }
}

/// A ledger that has loaded these rows.
fn loaded(rows: &[(&Row, &str)]) -> Ledger {
    let mut ledger = Ledger::default();
    let mut shards = std::collections::BTreeMap::<u8, Vec<Entry>>::new();
    for (row, path) in rows {
        shards.entry(shard_of(row.key())).or_default().push(entry(row, path));
    }
    shards.into_iter().for_each(|(number, entries)| ledger.load(number, entries));
    ledger
}

#[test]
fn entries_are_read_as_they_were_written() {
    let entries = [entry(&row("a/1 é", "{}"), "x/a\"b.json"), entry(&row("b", r#"{"a":1}"#), "x/b.json")];
    let bytes = write_entries(entries.iter()).unwrap();
    assert_eq!(read_entries(&*bytes, "part").unwrap(), entries);
    let garbled = read_entries(&bytes[..bytes.len() - 9], "part").unwrap_err().to_string();
    assert!(garbled.starts_with("part: this part of the manifest cannot be read"), "{garbled}");
}

#[test]
fn only_what_differs_is_written() {
    let (one, other) = (row("1", "{}"), row("2", "{}"));
    let mut ledger = loaded(&[(&one, "p1"), (&other, "p2")]);
    assert_eq!(ledger.place(&one, "p1").unwrap(), Place::Kept);
    ledger.keep(one.key());
    assert_eq!(ledger.place(&row("2", r#"{"a":1}"#), "p2").unwrap(), Place::Ours);
    assert_eq!(ledger.place(&row("3", "{}"), "p3").unwrap(), Place::Fresh);
    assert_eq!(ledger.changed().count(), 0);
    assert_eq!(ledger.sweep(&Unknown::none()), 1);
    assert_eq!(ledger.released().collect::<Vec<_>>(), ["p2"]);
    assert_eq!(ledger.changed().count(), 1);
}

#[test]
fn a_row_takes_the_path_that_another_leaves() {
    // An object that was deleted and made anew has another uid, and by its name the same path.
    let (old, new) = (row("1", "{}"), row("2", "{}"));
    for new_first in [true, false] {
        let mut ledger = loaded(&[(&old, "web")]);
        if new_first {
            assert_eq!(ledger.place(&new, "web").unwrap(), Place::Later);
        }
        assert!(ledger.remove(old.key()));
        assert_eq!(ledger.place(&new, "web").unwrap(), Place::Ours);
        assert!(ledger.collision_at(&new, "web").is_none());
        ledger.put(entry(&new, "web"));
        assert_eq!(ledger.released().count(), 0, "the new row's document stays");
        assert!(!ledger.remove(old.key()));
    }
}

#[test]
fn two_rows_that_stay_do_not_share_a_path() {
    let (one, other) = (row("1", "{}"), row("2", "{}"));
    let mut ledger = loaded(&[(&one, "web")]);
    ledger.keep(one.key());
    let error = ledger.place(&other, "web").unwrap_err().to_string();
    assert!(error.starts_with("layout.pathTemplate: "), "{error}");
    assert!(error.contains("(1) and ") && error.contains("(2) meet in web"), "{error}");
    // The other one has not come yet: only the end tells.
    let ledger = loaded(&[(&one, "web")]);
    assert_eq!(ledger.place(&other, "web").unwrap(), Place::Later);
    assert!(ledger.collision_at(&other, "web").unwrap().to_string().contains("meet in web"));
}

#[test]
fn rows_may_swap_their_paths() {
    let (one, other) = (row("1", "{}"), row("2", "{}"));
    let mut ledger = loaded(&[(&one, "a"), (&other, "b")]);
    assert_eq!(ledger.place(&one, "c").unwrap(), Place::Fresh);
    ledger.put(entry(&one, "c"));
    assert_eq!(ledger.place(&other, "a").unwrap(), Place::Ours);
    ledger.put(entry(&other, "a"));
    assert_eq!(ledger.released().collect::<Vec<_>>(), ["b"]);
}

proptest! {
    /// Any moves of rows between few paths: no path ever has two, and what nobody has any more is released.
    #[test]
    fn a_path_has_at_most_one_row(moves in vec((0_u8..6, 0_u8..6, any::<bool>()), 0..40)) {
        let mut ledger = Ledger::default();
        let mut used = BTreeSet::new();
        for (uid, path, stays) in moves {
            let (row, path) = (row(&uid.to_string(), "{}"), path.to_string());
            if !stays {
                ledger.remove(row.key());
            } else if let Ok(Place::Ours | Place::Fresh) = ledger.place(&row, &path) {
                used.insert(path.clone());
                ledger.put(entry(&row, &path));
            }
            let paths: Vec<&str> = ledger.entries().map(|entry| &*entry.path).collect();
            let distinct: BTreeSet<&str> = paths.iter().copied().collect();
            prop_assert_eq!(paths.len(), distinct.len());
            let released: BTreeSet<&str> = ledger.released().collect();
            prop_assert!(released.is_disjoint(&distinct));
            prop_assert_eq!(released.len() + distinct.len(), used.len());
        }
    }
}

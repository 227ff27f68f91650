//! What counts as a difference when a sink is looked at twice.

use std::sync::Arc;

use futures::{StreamExt, stream};
use kollect_sink_core::{Identity, Origin, Target};

use super::*;

fn row(uid: &str, contents: u32) -> Row {
    let origin = Origin {
        target: Target::new("team", "apps"),
        group: "".into(),
        version: "v1".into(),
        kind: "Pod".into(),
    };
    let identity = Identity::new(Arc::new(origin), "shop".into(), uid, uid).unwrap();
    Row::new(identity, format!("{{\"a\":{contents}}}"))
}

/// Looks at a sink with these rows beside an inventory with those, each given by uid and contents.
fn see(inventory: &[(&str, u32)], sink: &[(&str, u32)], earlier: Option<&Seen>, limit: usize) -> Seen {
    let rows: Vec<Row> = inventory.iter().map(|(uid, contents)| row(uid, *contents)).collect();
    let held: Vec<Held> = sink.iter().map(|(uid, contents)| Held::of(&row(uid, *contents))).collect();
    let (rows, held) = (stream::iter([Ok(rows)]).boxed(), stream::iter([Ok(held)]).boxed());
    let unknown = Unknown::none();
    let judged = judge(rows, held, &unknown, earlier.map(|seen| &seen.prints), limit);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(judged).unwrap()
}

#[test]
fn a_single_look_counts_all_and_names_the_first() {
    let seen = see(&[("a", 1), ("b", 1), ("c", 2)], &[("b", 1), ("c", 1), ("d", 1)], None, 2);
    assert_eq!(seen.counts, Counts { missing: 1, only_in_sink: 1, different: 1 });
    let named: Vec<_> = seen.rows.iter().map(|row| (row.difference, &*row.key.uid)).collect();
    assert_eq!(named, [(Difference::Missing, "a"), (Difference::Different, "c")]);
    assert!(!seen.equal());
}

#[test]
fn a_second_look_counts_what_both_saw() {
    let first = see(&[("a", 1), ("b", 2)], &[("b", 1), ("x", 1)], None, 9);
    // `b` arrived and another row is on its way; `a` and `x` stayed as they were.
    let second = see(&[("a", 1), ("b", 2), ("n", 1)], &[("b", 2), ("x", 1)], Some(&first), 9);
    assert_eq!(second.counts, Counts { missing: 1, only_in_sink: 1, different: 0 });
    assert_eq!(second.in_flight, 1);
    assert!(!second.equal());
    let third = see(&[("a", 1)], &[("a", 1)], Some(&second), 9);
    assert!(third.equal());
}

#[test]
fn a_row_that_keeps_changing_counts_only_if_the_sink_stands_still() {
    let first = see(&[("a", 2)], &[("a", 1)], None, 9);
    let follows = see(&[("a", 4)], &[("a", 3)], Some(&first), 9);
    assert_eq!((follows.counts.sum(), follows.in_flight), (0, 1));
    let stuck = see(&[("a", 4)], &[("a", 1)], Some(&first), 9);
    assert_eq!((stuck.counts.different, stuck.in_flight), (1, 0));
}

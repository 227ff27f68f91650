//! Laws of the comparison: it finds exactly the differences, spares what is unknown, keeps the order.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::executor::block_on;
use futures::stream::{self, StreamExt, TryStreamExt};
use proptest::prelude::*;

use super::{HeldMap, Merge, Next, Step, steps};
use crate::error::{Error, ErrorKind};
use crate::partition::{Pattern, Target, Unknown};
use crate::rebatch::{Keyed, Limits};
use crate::row::{Identity, Origin, Row};
use crate::sink::Held;
use crate::source::SourceError;

const WIDE: Limits = Limits { rows: 100, bytes: 1 << 20 };

fn row(uid: u8, namespace: u8, value: u8) -> Row {
    let origin =
        Origin { target: Target::new("", "t"), group: "".into(), version: "v1".into(), kind: "K".into() };
    let namespace = format!("ns{namespace}");
    let identity = Identity::new(Arc::new(origin), namespace.as_str().into(), "n", &format!("{uid:03}"))
        .expect("no control character");
    Row::new(identity, format!("{{\"v\":{value}}}"))
}

fn held(row: &Row) -> Held {
    Held::of(row)
}

fn unknown(namespaces: &[u8]) -> Unknown {
    namespaces
        .iter()
        .map(|namespace| {
            Pattern::new(Target::new("", "t"), None, Some(format!("ns{namespace}").as_str().into()))
        })
        .collect()
}

/// One row of a random state: absent, or in a namespace with a value. The namespace follows from the uid,
/// as a row's partition never changes.
fn state() -> impl Strategy<Value = Vec<Option<u8>>> {
    proptest::collection::vec(proptest::option::of(0u8..3), 0..40)
}

fn rows_of(state: &[Option<u8>]) -> Vec<Row> {
    let cells = state.iter().enumerate();
    cells.filter_map(|(uid, value)| value.map(|value| row(uid as u8, uid as u8 % 4, value))).collect()
}

fn cut<T: Clone>(all: &[T], size: usize) -> Vec<Vec<T>> {
    all.chunks(size).map(<[T]>::to_vec).collect()
}

proptest! {
    #[test]
    fn applying_the_steps_makes_both_sides_equal(
        before in state(),
        after in state(),
        namespaces in proptest::collection::vec(0u8..4, 0..3),
        chunks in (1usize..9, 1usize..9, 1usize..9),
    ) {
        let (before, after) = (rows_of(&before), rows_of(&after));
        let unknown = unknown(&namespaces);
        let listing: Vec<Held> = before.iter().map(held).collect();
        let limits = Limits { rows: chunks.2, bytes: 400 };
        let stream = steps(
            stream::iter(cut(&listing, chunks.0).into_iter().map(Ok::<_, Error>)).boxed(),
            stream::iter(cut(&after, chunks.1).into_iter().map(Ok)).boxed(),
            unknown.clone(),
            limits,
        );
        let batches: Vec<Vec<Step>> = block_on(stream.try_collect()).unwrap();
        for batch in &batches {
            prop_assert!(!batch.is_empty() && batch.len() <= limits.rows);
            prop_assert!(batch.len() == 1 || batch.iter().map(Keyed::bytes).sum::<usize>() <= limits.bytes);
        }
        let flat = batches.concat();
        prop_assert!(flat.windows(2).all(|pair| pair[0].key() < pair[1].key()));

        let mut state: BTreeMap<_, _> = before.iter().map(|row| (row.identity().to_key(), row.clone())).collect();
        for step in &flat {
            match step {
                Step::Upsert(row) => {
                    let old = state.insert(row.identity().to_key(), row.clone());
                    prop_assert_ne!(old.as_ref(), Some(row), "an equal row was written");
                }
                Step::Remove(key) => prop_assert!(state.remove(key).is_some()),
            }
        }
        let expected: BTreeMap<_, _> = before
            .iter()
            .filter(|row| unknown.covers(&row.identity().partition()))
            .chain(&after)
            .map(|row| (row.identity().to_key(), row.clone()))
            .collect();
        prop_assert_eq!(&state, &expected);

        // The same without order in the listing, through the map.
        let map: HeldMap = listing.into_iter().rev().collect();
        let rows = stream::iter(cut(&after, chunks.1).into_iter().map(Ok)).boxed();
        let again: Vec<Vec<Step>> =
            block_on(steps(map.into_batches(chunks.0), rows, unknown, limits).try_collect()).unwrap();
        prop_assert_eq!(again, batches);
    }
}

#[test]
fn equal_sides_make_no_step_and_wait_for_both_ends() {
    let rows = vec![row(1, 0, 0), row(2, 0, 0)];
    let mut merge = Merge::new(Unknown::none(), WIDE);
    merge.feed_held(Some(rows.iter().map(held).collect()));
    merge.feed_rows(Some(rows));
    assert_eq!(merge.advance().unwrap(), Next::Held);
    merge.feed_held(None);
    assert_eq!(merge.advance().unwrap(), Next::Rows);
    merge.feed_rows(None);
    assert_eq!(merge.advance().unwrap(), Next::Done);
    assert_eq!(merge.advance().unwrap(), Next::Done);
}

#[test]
fn a_listing_out_of_order_deletes_nothing_after_the_fault() {
    let (low, high) = (row(1, 0, 0), row(2, 0, 0));
    let mut merge = Merge::new(Unknown::none(), WIDE);
    merge.feed_held(Some(vec![held(&high), held(&low)]));
    merge.feed_rows(None);
    let error = merge.advance().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(merge.advance().unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn rows_out_of_order_across_batches_are_an_error_of_the_source() {
    let mut merge = Merge::new(Unknown::none(), WIDE);
    merge.feed_held(None);
    merge.feed_rows(Some(vec![row(2, 0, 0)]));
    assert_eq!(merge.advance().unwrap(), Next::Rows);
    merge.feed_rows(Some(vec![row(2, 0, 1)]));
    assert_eq!(merge.advance().unwrap_err().kind(), ErrorKind::Source);
}

#[test]
fn errors_keep_the_side_they_come_from() {
    let none = || stream::empty().boxed();
    let broken = stream::iter([Err(Error::new(ErrorKind::Timeout, "no answer"))]).boxed();
    let first = block_on(steps(broken, none(), Unknown::none(), WIDE).next()).unwrap();
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Timeout);

    let broken = stream::iter([Err(SourceError("cut".into()))]).boxed();
    let empty = stream::empty::<Result<Vec<Held>, Error>>().boxed();
    let first = block_on(steps(empty, broken, Unknown::none(), WIDE).next()).unwrap();
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Source);

    // A listing's error travels inside a SourceError and keeps its kind.
    let inner = Error::new(ErrorKind::Permission, "may not read");
    let broken = stream::iter([Err(SourceError(Box::new(inner)))]).boxed();
    let first = block_on(steps(broken, none(), Unknown::none(), WIDE).next()).unwrap();
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Permission);
}

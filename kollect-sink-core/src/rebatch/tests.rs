//! Tests of batch limits and of the order check.

use std::sync::Arc;

use futures::executor::block_on;
use futures::stream::{self, StreamExt};
use proptest::prelude::*;

use super::{Keyed, Limits, rebatch};
use crate::partition::Target;
use crate::row::{Identity, Origin, Row};
use crate::source::{Batches, SourceError};

fn row(uid: u32, size: usize) -> Row {
    let origin =
        Origin { target: Target::new("", "t"), group: "".into(), version: "v1".into(), kind: "K".into() };
    let identity =
        Identity::new(Arc::new(origin), "".into(), "n", &format!("{uid:08}")).expect("no control character");
    Row::new(identity, format!("{{\"a\":\"{}\"}}", "x".repeat(size)))
}

fn source(batches: Vec<Vec<Row>>) -> Batches<'static, Row> {
    stream::iter(batches.into_iter().map(Ok)).boxed()
}

fn uids(batch: &[Row]) -> Vec<String> {
    batch.iter().map(|row| row.identity().uid().to_owned()).collect()
}

#[test]
fn a_row_larger_than_the_limit_stands_alone() {
    let rows = vec![vec![row(1, 1), row(2, 5000), row(3, 1), row(4, 1)]];
    let out: Vec<_> =
        block_on(rebatch(source(rows), Limits { rows: 10, bytes: 200 }).map(Result::unwrap).collect());
    let sizes: Vec<usize> = out.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 1, 2]);
}

#[test]
fn a_limit_of_zero_still_makes_progress() {
    let rows = vec![vec![row(1, 1), row(2, 1)]];
    let out: Vec<_> =
        block_on(rebatch(source(rows), Limits { rows: 0, bytes: 0 }).map(Result::unwrap).collect());
    assert_eq!(out.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_repeated_key_ends_the_stream_with_an_error_after_what_came_before() {
    for rows in [
        vec![vec![row(1, 1), row(2, 1), row(2, 1), row(3, 1)]],
        vec![vec![row(1, 1), row(2, 1)], vec![row(1, 1)]],
    ] {
        let out: Vec<_> = block_on(rebatch(source(rows), Limits { rows: 10, bytes: 10_000 }).collect());
        assert_eq!(out.len(), 2, "{out:?}");
        assert_eq!(uids(out[0].as_ref().unwrap()), ["00000001", "00000002"]);
        let cause = out[1].as_ref().unwrap_err().0.to_string();
        assert!(cause.starts_with("keys are not ascending"), "{cause}");
    }
}

#[test]
fn an_error_of_the_source_comes_after_what_was_read() {
    let broken =
        stream::iter(vec![Ok(vec![row(1, 1)]), Err(SourceError("cut".into())), Ok(vec![row(2, 1)])]).boxed();
    let out: Vec<_> = block_on(rebatch(broken, Limits { rows: 10, bytes: 10_000 }).collect());
    assert_eq!(out.len(), 2);
    assert_eq!(uids(out[0].as_ref().unwrap()), ["00000001"]);
    assert_eq!(out[1].as_ref().unwrap_err().0.to_string(), "cut");
}

proptest! {
    #[test]
    fn nothing_is_lost_and_limits_hold(
        shape in proptest::collection::vec(proptest::collection::vec(0usize..300, 0..8), 0..8),
        rows in 1usize..6,
        bytes in 1usize..600,
    ) {
        let mut uid = 0;
        let input: Vec<Vec<Row>> = shape
            .into_iter()
            .map(|sizes| sizes.into_iter().map(|size| { uid += 1; row(uid, size) }).collect())
            .collect();
        let expected: Vec<Row> = input.iter().flatten().cloned().collect();
        let out: Vec<Vec<Row>> =
            block_on(rebatch(source(input), Limits { rows, bytes }).map(Result::unwrap).collect());
        for batch in &out {
            prop_assert!(!batch.is_empty() && batch.len() <= rows);
            let total: usize = batch.iter().map(Keyed::bytes).sum();
            prop_assert!(total <= bytes || batch.len() == 1);
        }
        // Greedy: no batch could have taken the first element of the next one.
        for pair in out.windows(2) {
            let total: usize = pair[0].iter().map(Keyed::bytes).sum();
            prop_assert!(pair[0].len() == rows || total + pair[1][0].bytes() > bytes);
        }
        prop_assert_eq!(out.concat(), expected);
    }
}

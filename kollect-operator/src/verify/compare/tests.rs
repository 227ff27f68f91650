//! The comparison, by a table of cases and against a naive one.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use kollect_sink_core::{Identity, Origin, Pattern, Target};
use proptest::prelude::*;

use super::*;

/// A row of target `t/<target>`, whose partition is the namespace that its uid begins with.
fn row(target: &str, uid: &str, contents: u32) -> Row {
    let origin = Origin {
        target: Target::new("t", target),
        group: "apps".into(),
        version: "v1".into(),
        kind: "Deployment".into(),
    };
    let namespace = uid.split('-').next().unwrap().into();
    let identity = Identity::new(Arc::new(origin), namespace, &format!("name-{uid}"), uid).unwrap();
    Row::new(identity, format!("{{\"a\":{contents}}}"))
}

fn held(row: &Row) -> Held {
    Held::of(row)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn batches<'a, T: Clone + Send + 'a>(items: &[T], size: usize) -> Batches<'a, T> {
    let chunks: Vec<_> = items.chunks(size).map(|chunk| Ok(chunk.to_vec())).collect();
    stream::iter(chunks).boxed()
}

fn unknown_namespace(namespace: &str) -> Unknown {
    let namespace = Some(namespace.into());
    [Pattern::new(Target::new("t", "a"), None, namespace)].into_iter().collect()
}

fn run(rows: &[Row], held: &[Held], unknown: &Unknown, size: usize) -> (Compared, Vec<Differing>) {
    let mut found = Vec::new();
    let compared = compare(batches(rows, size), batches(held, size), unknown, |one| found.push(one));
    (block_on(compared).unwrap(), found)
}

/// What was found, as `<difference> <uid>`.
fn said(found: &[Differing]) -> Vec<String> {
    found.iter().map(|one| format!("{:?} {}", one.difference, one.key.uid)).collect()
}

#[test]
fn every_way_to_differ_is_told_apart() {
    let (a, b, c) = (row("a", "x-1", 1), row("a", "x-2", 1), row("b", "x-1", 1));
    let edited = row("a", "x-2", 9);
    let none: &[&str] = &[];
    type Case<'a> = (&'a str, Vec<&'a Row>, Vec<&'a Row>, &'a [&'a str]);
    let table: [Case<'_>; 9] = [
        ("nothing anywhere", vec![], vec![], none),
        ("equal", vec![&a, &b, &c], vec![&a, &b, &c], none),
        ("an empty sink", vec![&a, &c], vec![], &["Missing x-1", "Missing x-1"]),
        ("an empty inventory", vec![], vec![&a, &c], &["OnlyInSink x-1", "OnlyInSink x-1"]),
        ("missing at the start", vec![&a, &b], vec![&b], &["Missing x-1"]),
        ("missing at the end", vec![&a, &b], vec![&a], &["Missing x-2"]),
        ("one too many in the middle", vec![&a, &c], vec![&a, &b, &c], &["OnlyInSink x-2"]),
        ("edited", vec![&a, &b], vec![&a, &edited], &["Different x-2"]),
        ("one for another", vec![&a], vec![&b], &["Missing x-1", "OnlyInSink x-2"]),
    ];
    for (case, rows, stored, wanted) in table {
        let rows: Vec<Row> = rows.into_iter().cloned().collect();
        let stored: Vec<Held> = stored.into_iter().map(held).collect();
        for size in [1, 2, 100] {
            let (compared, found) = run(&rows, &stored, &Unknown::none(), size);
            assert_eq!(said(&found), wanted, "{case}");
            assert_eq!(compared.inventory.rows, rows.len() as u64, "{case}");
            assert_eq!(compared.sink.rows, stored.len() as u64, "{case}");
            assert_eq!(compared.inventory == compared.sink, wanted.is_empty(), "{case}");
        }
    }
}

#[test]
fn rows_are_named_by_their_objects() {
    let (_, found) = run(&[row("a", "x-1", 1)], &[held(&row("a", "y-2", 1))], &Unknown::none(), 10);
    assert_eq!(found[0].name.as_deref(), Some("name-x-1"));
    assert_eq!((&*found[0].namespace, &*found[0].kind.kind), ("x", "Deployment"));
    assert_eq!((&*found[1].namespace, found[1].name.as_deref()), ("y", Some("name-y-2")));
}

#[test]
fn what_only_the_sink_has_in_an_unknown_partition_is_not_judged() {
    let stored = [held(&row("a", "dark-1", 1)), held(&row("a", "lit-1", 1))];
    let (compared, found) = run(&[], &stored, &unknown_namespace("dark"), 10);
    assert_eq!(said(&found), ["OnlyInSink lit-1"]);
    assert_eq!((compared.unjudged, compared.sink.rows), (1, 1));
    // A row that was seen there exists: the sink must have it.
    let seen = [row("a", "dark-1", 2), row("a", "dark-2", 2)];
    let (compared, found) = run(&seen, &stored[..1], &unknown_namespace("dark"), 10);
    assert_eq!(said(&found), ["Different dark-1", "Missing dark-2"]);
    assert_eq!(compared.unjudged, 0);
}

#[test]
fn a_listing_out_of_order_is_an_error_and_no_verdict() {
    let (first, second) = (held(&row("a", "x-1", 1)), held(&row("a", "x-2", 1)));
    for wrong in [[second.clone(), first.clone()], [first.clone(), first]] {
        for size in [1, 2] {
            let unknown = Unknown::none();
            let compared = compare(batches(&[], 1), batches(&wrong, size), &unknown, |_| {});
            let error = block_on(compared).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert!(error.to_string().contains("the sink lists row t/a/x-1"), "{error}");
        }
    }
}

#[test]
fn an_error_of_the_sink_ends_the_comparison_as_it_is() {
    let lost = Error::new(ErrorKind::Unreachable, "the connection was lost");
    let broken =
        vec![Ok(vec![held(&row("a", "x-1", 1))]), Err(kollect_sink_core::SourceError(Box::new(lost)))];
    let unknown = Unknown::none();
    let compared = compare(batches(&[], 1), stream::iter(broken).boxed(), &unknown, |_| {});
    assert_eq!(block_on(compared).unwrap_err().kind(), ErrorKind::Unreachable);
}

/// Rows by target, namespace and number, with their contents.
fn contents() -> impl Strategy<Value = BTreeMap<(bool, bool, u8), u32>> {
    proptest::collection::btree_map((any::<bool>(), any::<bool>(), 0_u8..6), 0_u32..3, 0..16)
}

fn rows_of(contents: &BTreeMap<(bool, bool, u8), u32>) -> Vec<Row> {
    let mut rows: Vec<Row> = contents
        .iter()
        .map(|((target, dark, number), value)| {
            let namespace = if *dark { "dark" } else { "lit" };
            row(if *target { "a" } else { "b" }, &format!("{namespace}-{number}"), *value)
        })
        .collect();
    rows.sort_by(|left, right| left.key().cmp(&right.key()));
    rows
}

proptest! {
    #[test]
    fn it_finds_what_a_comparison_of_maps_finds(
        inventory in contents(), sink in contents(), size in 1_usize..5, dark in any::<bool>(),
    ) {
        let unknown = if dark { unknown_namespace("dark") } else { Unknown::none() };
        let stored: Vec<Row> = rows_of(&sink);
        let stored_held: Vec<Held> = stored.iter().map(held).collect();
        let rows = rows_of(&inventory);
        let (compared, found) = run(&rows, &stored_held, &unknown, size);

        let digests = |rows: &[Row]| -> BTreeMap<RowKey, Digest> {
            rows.iter().map(|row| (row.identity().to_key(), row.digest())).collect()
        };
        let (left, right) = (digests(&rows), digests(&stored));
        let mut naive: BTreeMap<RowKey, Difference> = BTreeMap::new();
        for (key, digest) in &left {
            match right.get(key) {
                None => drop(naive.insert(key.clone(), Difference::Missing)),
                Some(other) if other != digest => drop(naive.insert(key.clone(), Difference::Different)),
                Some(_) => {}
            }
        }
        let mut unjudged = 0;
        for row in stored.iter().filter(|row| !left.contains_key(&row.identity().to_key())) {
            if unknown.covers(&row.identity().partition()) {
                unjudged += 1;
            } else {
                naive.insert(row.identity().to_key(), Difference::OnlyInSink);
            }
        }
        let found: Vec<(RowKey, Difference)> =
            found.into_iter().map(|one| (one.key, one.difference)).collect();
        prop_assert_eq!(found, naive.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(compared.unjudged, unjudged);
        prop_assert_eq!(compared.inventory.rows, rows.len() as u64);
        prop_assert_eq!(compared.sink.rows + unjudged, stored.len() as u64);
    }
}

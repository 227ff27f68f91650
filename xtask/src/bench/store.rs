//! The store: bytes per row beside its attributes, and microseconds per changed row, as inventories grow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use kollect_sink_core::{Identity, Row, Target, View};
use kollect_snapshot::{Contents, InventoryId, Store};

use super::floor::resident_bytes;
use super::report::Report;

/// Bytes of attributes of each row, as the design budgets them.
const ATTRIBUTES: usize = 300;

/// Changes per measure.
const CHANGES: usize = 10_000;

const SIZES: [(&str, usize); 4] = [("1k", 1_000), ("10k", 10_000), ("100k", 100_000), ("1m", 1_000_000)];

/// Measures what the report wants.
///
/// # Errors
/// A row that cannot be made.
pub fn run(report: &mut Report) -> Result<()> {
    let (mut floor, mut plain_floor) = (None, None);
    for (label, rows) in SIZES {
        let (overhead, change) = (format!("store/overhead/{label}"), format!("store/change/{label}"));
        if !report.wants(&overhead) && !report.wants(&change) {
            continue;
        }
        let before = resident_bytes()?;
        let (store, id) = filled(rows)?;
        let used = resident_bytes()?.saturating_sub(before);
        // The kernel counts pages, and the allocator keeps those of the size before: small ones are estimated.
        let estimate = store.totals().bytes;
        let bytes = if rows < 100_000 { estimate as f64 } else { used as f64 };
        report.add(&overhead, bytes / rows as f64 - ATTRIBUTES as f64, "bytes/row", None);
        let took = changes(&store, &id, rows)?;
        // Flat means: a million rows cost what a thousand do.
        let smallest = *floor.get_or_insert(took);
        report.add(&change, took, "µs", Some(smallest));
        drop(store);
        let took = plain(rows);
        let smallest = *plain_floor.get_or_insert(took);
        report.add(&format!("store/change-plain/{label}"), took, "µs", Some(smallest));
    }
    Ok(())
}

fn filled(rows: usize) -> Result<(Store, InventoryId)> {
    let store = Store::new();
    let target = Target::new("platform", "deployments");
    store.declare(&target, []);
    let id = InventoryId::new("platform", "all");
    store.set_inventory(&id, Contents::of([target]), Arc::default());
    for number in 0..rows {
        store.upsert(row(&store, number, 0)?, 1, None);
    }
    Ok((store, id))
}

/// Microseconds per changed row, with a reader that looks after every hundred as a worker does.
fn changes(store: &Store, id: &InventoryId, rows: usize) -> Result<f64> {
    let reader = store.reader(id);
    let made: Vec<Row> =
        (0..CHANGES).map(|change| row(store, change * 7919 % rows, change + 1)).collect::<Result<_>>()?;
    let begun = Instant::now();
    for (change, row) in made.into_iter().enumerate() {
        store.upsert(row, 2 + change as u64, None);
        if change.is_multiple_of(100)
            && let (Some(view), Some(reader)) = (store.view(id), &reader)
        {
            reader.acknowledge(view.head().revision);
        }
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / CHANGES as f64)
}

/// As [`changes`], in a map of the standard library that does nothing else: what memory alone costs as it grows.
fn plain(rows: usize) -> f64 {
    let key = |number: usize| (number as u128) << 96 | number as u128;
    let value = |number: usize| {
        let text: Box<str> = format!("{number:0>ATTRIBUTES$}").into();
        Box::new((text, format!("deployment-{number:06}").into_boxed_str()))
    };
    let mut map: BTreeMap<_, _> = (0..rows).map(|number| (key(number), value(number))).collect();
    let made: Vec<_> = (0..CHANGES).map(|change| (key(change * 7919 % rows), value(change))).collect();
    let begun = Instant::now();
    for (key, value) in made {
        map.insert(key, value);
    }
    begun.elapsed().as_secs_f64() * 1e6 / CHANGES as f64
}

fn row(store: &Store, number: usize, turn: usize) -> Result<Row> {
    let target = Target::new("platform", "deployments");
    let origin = store.origin(&target, "apps", "v1", "Deployment");
    let namespace = store.intern(&format!("load-{:02}", number % 20));
    let uid = format!("{number:08x}-10ad-4000-8000-{number:012x}");
    let identity = Identity::new(origin, namespace, &format!("deployment-{number:06}"), &uid)?;
    let head = format!(r#"{{"number":{number},"turn":{turn},"text":""#);
    let filler = "x".repeat(ATTRIBUTES.saturating_sub(head.len() + 2));
    Ok(Row::new(identity, format!(r#"{head}{filler}"}}"#)))
}

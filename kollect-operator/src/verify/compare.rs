//! Compares the rows of an inventory with what a sink holds, both ascending by key. It remembers no difference:
//! it hands each one over as it finds it, and holds one batch of each side.

use std::cmp::Ordering;
use std::collections::VecDeque;

use futures::TryStreamExt;
use kollect_sink_core::{
    Batches, Digest, Error, ErrorKind, GroupKind, Held, Keyed, Result, Row, RowKey, ScopeDigest, Text,
    Unknown,
};
use serde::Serialize;

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Difference {
    /// The inventory has it, the sink lacks it.
    Missing,
    /// The sink holds it, the inventory does not have it.
    OnlyInSink,
    /// Both have it, with different contents.
    Different,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// How.
    pub difference: Difference,
    /// Its key.
    pub key: RowKey,
    /// Group and kind of its object.
    pub kind: GroupKind,
    /// Namespace of its object.
    pub namespace: Text,
    /// Name of its object; absent where only the sink has the row, and what it holds is none.
    pub name: Option<Box<str>>,
    /// The digest that the sink holds.
    pub held: Option<Digest>,
}

/// The rows of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many.
    pub rows: u64,
    /// The sum of their digests, whatever their order.
    pub digest: ScopeDigest,
}

impl Totals {
    fn count(&mut self, row: Digest) {
        self.rows += 1;
        self.digest.add(row);
    }
}

/// What a comparison went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The inventory's rows.
    pub inventory: Totals,
    /// The sink's rows, without those that could not be judged.
    pub sink: Totals,
    /// Rows that only the sink has, of partitions of which nobody knows what they hold.
    pub unjudged: u64,
}

/// Hands every difference between `rows` and `held` to `found`, ascending by key. A row that only the sink has
/// is none where `unknown` covers it. Both totals are equal exactly if nothing was handed over.
///
/// # Errors
/// Those of the streams, and `Protocol` where one of them does not ascend strictly. What was handed over before
/// is as it was read.
pub async fn compare(
    rows: Batches<'_, Row>,
    held: Batches<'_, Held>,
    unknown: &Unknown,
    mut found: impl FnMut(Differing),
) -> Result<Compared> {
    let mut rows = Side::new(rows, "the inventory");
    let mut held = Side::new(held, "the sink");
    let mut compared = Compared::default();
    loop {
        rows.fill().await?;
        held.fill().await?;
        let order = match (rows.waiting.front(), held.waiting.front()) {
            (None, None) => return Ok(compared),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(row), Some(held)) => row.key().cmp(&held.key.as_ref()),
        };
        let row = if order.is_le() { rows.waiting.pop_front() } else { None };
        let held = if order.is_ge() { held.waiting.pop_front() } else { None };
        if let Some(row) = &row {
            compared.inventory.count(row.digest());
        }
        match (row, held) {
            (_, Some(held)) if order.is_gt() && unknown.covers(&held.partition) => compared.unjudged += 1,
            (row, Some(held)) => {
                compared.sink.count(held.digest);
                match row {
                    None => found(only_in_sink(held)),
                    Some(row) if row.digest() != held.digest => {
                        found(of_inventory(&row, Difference::Different, Some(held.digest)));
                    }
                    Some(_) => {}
                }
            }
            (Some(row), None) => found(of_inventory(&row, Difference::Missing, None)),
            (None, None) => {}
        }
    }
}

fn of_inventory(row: &Row, difference: Difference, held: Option<Digest>) -> Differing {
    let identity = row.identity();
    Differing {
        difference,
        key: identity.to_key(),
        kind: GroupKind { group: identity.group().clone(), kind: identity.kind().clone() },
        namespace: identity.namespace().clone(),
        name: Some(identity.name().into()),
        held,
    }
}

fn only_in_sink(held: Held) -> Differing {
    let Held { key, partition, name, digest } = held;
    Differing {
        difference: Difference::OnlyInSink,
        key,
        kind: partition.kind,
        namespace: partition.namespace,
        name,
        held: Some(digest),
    }
}

/// One side, read a batch at a time.
struct Side<'a, T> {
    batches: Batches<'a, T>,
    waiting: VecDeque<T>,
    last: Option<RowKey>,
    name: &'static str,
}

impl<'a, T: Keyed> Side<'a, T> {
    fn new(batches: Batches<'a, T>, name: &'static str) -> Self {
        Self { batches, waiting: VecDeque::new(), last: None, name }
    }

    /// Reads on where nothing waits, until there is something or the end.
    async fn fill(&mut self) -> Result<()> {
        while self.waiting.is_empty() {
            let Some(batch) = self.batches.try_next().await? else { return Ok(()) };
            let mut previous = self.last.as_ref().map(RowKey::as_ref);
            for element in &batch {
                let key = element.key();
                if previous.is_some_and(|previous| previous >= key) {
                    let message = format!("{} lists row {key} twice, or not in the order of keys", self.name);
                    return Err(Error::new(ErrorKind::Protocol, message));
                }
                previous = Some(key);
            }
            self.last = previous.map(|key| key.to_owned());
            self.waiting = batch.into();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! One look at one inventory and one sink: what differs, and what of it differed at the look before. It reads
//! nothing that a sink says about itself, only what it holds.

use std::collections::HashSet;

use futures::TryStreamExt;
use indicatif::ProgressBar;
use kollect_sink_core::{Batches, Digest, Held, Listing, Result, Row, Unknown, View};
use kollect_snapshot::InventoryView;

use super::compare::{Compared, Difference, Differing, compare};
use super::subject::Opened;

/// The differences of a look, each in 16 bytes: two looks see the same one if the sink held the same.
#[derive(Debug, Default)]
pub struct Prints(HashSet<Digest>);

/// Rows by the way in which they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that the sink lacks.
    pub missing: u64,
    /// Rows that only the sink has.
    pub only_in_sink: u64,
    /// Rows that both have, with different contents.
    pub different: u64,
}

impl Counts {
    /// All of them.
    pub fn sum(self) -> u64 {
        self.missing + self.only_in_sink + self.different
    }
}

/// What a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Rows and digests of both sides.
    pub compared: Compared,
    /// Differences that count: those of this look that the look before had too, all if there was none.
    pub counts: Counts,
    /// The first of them, ascending by key.
    pub rows: Vec<Differing>,
    /// Differences of this look that the look before did not have: rows that are on their way.
    pub in_flight: u64,
    /// What was not known.
    pub unknown: Unknown,
    /// All differences of this look, for the next one.
    pub prints: Prints,
}

impl Seen {
    /// Whether both sides were equal.
    pub fn equal(&self) -> bool {
        self.counts.sum() + self.in_flight == 0
    }
}

/// Looks once. `earlier` is the look before; `limit` is how many rows are kept by name. Memory: a batch of each
/// side, those rows, and the prints.
///
/// # Errors
/// The sink cannot be read.
pub async fn look(
    view: &InventoryView,
    opened: &Opened,
    earlier: Option<&Prints>,
    limit: usize,
    bar: &ProgressBar,
) -> Result<Seen> {
    let held = opened.sink.list(&opened.scope, Listing::Recomputed);
    let held = held.inspect_ok(|batch| bar.inc(batch.len() as u64));
    judge(view.rows(), Box::pin(held), &view.head().unknown, earlier, limit).await
}

async fn judge(
    rows: Batches<'_, Row>,
    held: Batches<'_, Held>,
    unknown: &Unknown,
    earlier: Option<&Prints>,
    limit: usize,
) -> Result<Seen> {
    let mut seen = Seen { unknown: unknown.clone(), ..Seen::default() };
    let compared = compare(rows, held, unknown, |one| {
        let print = print(&one);
        if earlier.is_some_and(|earlier| !earlier.0.contains(&print)) {
            seen.in_flight += 1;
        } else {
            let count = match one.difference {
                Difference::Missing => &mut seen.counts.missing,
                Difference::OnlyInSink => &mut seen.counts.only_in_sink,
                Difference::Different => &mut seen.counts.different,
            };
            *count += 1;
            if seen.rows.len() < limit {
                seen.rows.push(one);
            }
        }
        seen.prints.0.insert(print);
    })
    .await?;
    seen.compared = compared;
    Ok(seen)
}

/// What the sink holds decides, not what it should hold: a row that changes all the time and never arrives is
/// one difference, and a row that arrives and changes again is none.
fn print(one: &Differing) -> Digest {
    let way: &[u8] = match one.difference {
        Difference::Missing => b"missing",
        Difference::OnlyInSink => b"only in sink",
        Difference::Different => b"different",
    };
    let key = &one.key;
    let held = one.held.as_ref().map_or(&[][..], |held| &held.0[..]);
    Digest::of(&[way, key.target_namespace.as_bytes(), key.target_name.as_bytes(), key.uid.as_bytes(), held])
}

#[cfg(test)]
mod tests;

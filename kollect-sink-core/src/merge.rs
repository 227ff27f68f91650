//! Compares what a destination holds with what it shall hold, both ascending by key. It neither reads nor
//! writes a destination, and holds one batch of each side at a time.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::mem;

use futures::stream::{self, BoxStream, StreamExt};

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::partition::{Partition, Unknown};
use crate::rebatch::{Keyed, Limits, OrderError, ascending, key_bytes};
use crate::row::{KeyRef, Row, RowKey};
use crate::sink::Held;
use crate::source::{Batches, SourceError};

/// One difference between a destination and the rows it shall hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The destination lacks this row, or holds it with another digest.
    Upsert(Row),
    /// The destination holds a row that is gone, of a partition that is known.
    Remove(RowKey),
}

impl Keyed for Step {
    fn key(&self) -> KeyRef<'_> {
        match self {
            Self::Upsert(row) => row.key(),
            Self::Remove(key) => key.as_ref(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Upsert(row) => row.bytes(),
            Self::Remove(key) => key_bytes(key.as_ref()),
        }
    }
}

/// What a [`Merge`] wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// More of what the destination holds: call [`Merge::feed_held`].
    Held,
    /// More of what it shall hold: call [`Merge::feed_rows`].
    Rows,
    /// Write these differences, then ask again.
    Steps(Vec<Step>),
    /// Both sides are equal, once the steps handed out are written.
    Done,
}

/// The comparison without I/O: a loop asks [`Merge::advance`] what to do, so that one connection can read a
/// cursor and write in turn. [`steps`] wraps it for a destination that reads and writes independently.
///
/// Equal digests make no step. A held row that the rows lack is removed, unless `unknown` covers its
/// partition. Steps ascend by key, within the limits given. Memory: one batch of each side and one of steps.
///
/// ```
/// # use kollect_sink_core::{Held, Limits, Merge, Result, Row, Unknown, merge::{Next, Step}};
/// # fn compare(mut held: Vec<Vec<Held>>, mut rows: Vec<Vec<Row>>) -> Result<Vec<Step>> {
/// let mut merge = Merge::new(Unknown::none(), Limits { rows: 1000, bytes: 1 << 20 });
/// let mut written = Vec::new();
/// loop {
///     match merge.advance()? {
///         Next::Held => merge.feed_held(held.pop()),
///         Next::Rows => merge.feed_rows(rows.pop()),
///         Next::Steps(steps) => written.extend(steps),
///         Next::Done => return Ok(written),
///     }
/// }
/// # }
/// # assert_eq!(compare(vec![], vec![]).unwrap(), []);
/// ```
#[derive(Debug)]
pub struct Merge {
    held: Side<Held>,
    rows: Side<Row>,
    unknown: Unknown,
    limits: Limits,
    steps: Vec<Step>,
    bytes: usize,
}

impl Merge {
    /// A comparison that removes nothing that `unknown` covers and hands out steps within `limits`.
    pub fn new(unknown: Unknown, limits: Limits) -> Self {
        Self { held: Side::new(), rows: Side::new(), unknown, limits, steps: Vec::new(), bytes: 0 }
    }

    /// Takes the next batch of what the destination holds; `None` ends it.
    pub fn feed_held(&mut self, batch: Option<Vec<Held>>) {
        self.held.feed(batch);
    }

    /// Takes the next batch of what the destination shall hold; `None` ends it.
    pub fn feed_rows(&mut self, batch: Option<Vec<Row>>) {
        self.rows.feed(batch);
    }

    /// What to do now.
    ///
    /// # Errors
    /// `Source` where the rows do not ascend strictly, `Protocol` where what the destination lists does not,
    /// which a wrong collation would cause. Nothing may be written after an error.
    pub fn advance(&mut self) -> Result<Next> {
        loop {
            let held = self.held.peek().map_err(listing_order)?;
            let row = self.rows.peek().map_err(source_order)?;
            let order = match (held, row) {
                (Peek::Hungry, _) => return Ok(Next::Held),
                (_, Peek::Hungry) => return Ok(Next::Rows),
                (Peek::Ended, Peek::Ended) if self.steps.is_empty() => return Ok(Next::Done),
                (Peek::Ended, Peek::Ended) => return Ok(Next::Steps(self.hand_out())),
                (Peek::At(held), Peek::At(row)) => held.key.as_ref().cmp(&row.key()),
                (Peek::At(_), Peek::Ended) => Ordering::Less,
                (Peek::Ended, Peek::At(_)) => Ordering::Greater,
            };
            let held = if order.is_le() { self.held.waiting.pop_front() } else { None };
            let row = if order.is_ge() { self.rows.waiting.pop_front() } else { None };
            let full = match (held, row) {
                (Some(held), Some(row)) if held.digest == row.digest() => None,
                (_, Some(row)) => self.push(Step::Upsert(row)),
                (Some(held), None) if self.unknown.covers(&held.partition) => None,
                (Some(held), None) => self.push(Step::Remove(held.key)),
                (None, None) => None,
            };
            if let Some(steps) = full {
                return Ok(Next::Steps(steps));
            }
        }
    }

    /// Adds a step; where it does not fit any more, what came before it is handed out.
    fn push(&mut self, step: Step) -> Option<Vec<Step>> {
        let size = step.bytes();
        let fits =
            self.steps.len() < self.limits.rows && self.bytes.saturating_add(size) <= self.limits.bytes;
        let full = if fits || self.steps.is_empty() { None } else { Some(self.hand_out()) };
        self.bytes += size;
        self.steps.push(step);
        full
    }

    fn hand_out(&mut self) -> Vec<Step> {
        self.bytes = 0;
        mem::take(&mut self.steps)
    }
}

fn listing_order(error: OrderError) -> Error {
    Error::caused_by(ErrorKind::Protocol, "the destination lists its rows out of order", error)
}

fn source_order(error: OrderError) -> Error {
    SourceError(Box::new(error)).into()
}

#[derive(Debug)]
struct Side<T> {
    waiting: VecDeque<T>,
    last: Option<RowKey>,
    broken: Option<OrderError>,
    ended: bool,
}

enum Peek<'a, T> {
    Hungry,
    Ended,
    At(&'a T),
}

impl<T: Keyed> Side<T> {
    fn new() -> Self {
        Self { waiting: VecDeque::new(), last: None, broken: None, ended: false }
    }

    /// Takes a batch up to the first key that is out of order.
    fn feed(&mut self, batch: Option<Vec<T>>) {
        let Some(batch) = batch else {
            self.ended = true;
            return;
        };
        let mut previous = self.last.as_ref().map(RowKey::as_ref);
        let mut sound = 0;
        for element in &batch {
            if let Err(error) = ascending(previous, element.key()) {
                self.broken = Some(error);
                break;
            }
            previous = Some(element.key());
            sound += 1;
        }
        self.last = previous.map(KeyRef::to_owned);
        self.waiting.extend(batch.into_iter().take(sound));
    }

    fn peek(&self) -> Result<Peek<'_, T>, OrderError> {
        match (self.waiting.front(), &self.broken) {
            (Some(element), _) => Ok(Peek::At(element)),
            (None, Some(error)) => Err(error.clone()),
            (None, None) if self.ended => Ok(Peek::Ended),
            (None, None) => Ok(Peek::Hungry),
        }
    }
}

/// The differences between `held` and `rows` as a stream; see [`Merge`]. It ends after the first error, and
/// what was handed out before it may have been written: only a checkpoint that is stored after the end says
/// that both sides are equal.
///
/// # Errors
/// Those of `held` as they are, those of `rows` as `Source`, and those of [`Merge::advance`].
pub fn steps<'a, E>(
    held: BoxStream<'a, Result<Vec<Held>, E>>,
    rows: Batches<'a, Row>,
    unknown: Unknown,
    limits: Limits,
) -> BoxStream<'a, Result<Vec<Step>>>
where
    E: Into<Error> + 'a,
{
    let merge = Merge::new(unknown, limits);
    stream::try_unfold((merge, held, rows), |(mut merge, mut held, mut rows)| async move {
        loop {
            match merge.advance()? {
                Next::Held => merge.feed_held(held.next().await.transpose().map_err(Into::into)?),
                Next::Rows => merge.feed_rows(rows.next().await.transpose()?),
                Next::Steps(steps) => return Ok(Some((steps, (merge, held, rows)))),
                Next::Done => return Ok(None),
            }
        }
    })
    .boxed()
}

/// The rows of a destination that can only list them without order: some 200 bytes of memory a row.
#[derive(Clone, Debug, Default)]
pub struct HeldMap(BTreeMap<RowKey, (Partition, Option<Box<str>>, Digest)>);

impl HeldMap {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a row; a later note of the same key replaces the earlier one.
    pub fn insert(&mut self, held: Held) {
        self.0.insert(held.key, (held.partition, held.name, held.digest));
    }

    /// Notes that a row is gone.
    pub fn remove(&mut self, key: &RowKey) {
        self.0.remove(key);
    }

    /// How many rows are noted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes up to `rows` rows out, the lowest keys first; `None` where none is left. The answers suit
    /// [`Merge::feed_held`].
    pub fn take_batch(&mut self, rows: usize) -> Option<Vec<Held>> {
        let mut batch = Vec::new();
        while batch.len() < rows.max(1) {
            let Some((key, (partition, name, digest))) = self.0.pop_first() else { break };
            batch.push(Held { key, partition, name, digest });
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// All rows, ascending by key, as [`steps`] and [`Sink::list`](crate::sink::Sink::list) want them.
    pub fn into_batches(mut self, rows: usize) -> Batches<'static, Held> {
        stream::iter(std::iter::from_fn(move || self.take_batch(rows).map(Ok))).boxed()
    }
}

impl FromIterator<Held> for HeldMap {
    fn from_iter<I: IntoIterator<Item = Held>>(rows: I) -> Self {
        let mut map = Self::new();
        rows.into_iter().for_each(|held| map.insert(held));
        map
    }
}

#[cfg(test)]
mod tests;

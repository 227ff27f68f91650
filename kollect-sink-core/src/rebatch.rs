//! Cuts a stream of rows or changes to a destination's limits and proves its order. It never holds more than
//! one batch that came in and one that goes out.

use std::collections::VecDeque;

use futures::stream::{self, StreamExt};

use crate::capability::Capabilities;
use crate::change::Change;
use crate::row::{Identity, KeyRef, Row, RowKey};
use crate::sink::Held;
use crate::source::{Batches, SourceError};

/// What a batch may hold. At least one element always fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Elements at most.
    pub rows: usize,
    /// Bytes at most, by [`Keyed::bytes`]; a single larger element stands alone in its batch.
    pub bytes: usize,
}

impl From<&Capabilities> for Limits {
    fn from(capabilities: &Capabilities) -> Self {
        Self { rows: capabilities.batch_rows, bytes: capabilities.batch_bytes }
    }
}

/// What has a row's key and a size.
pub trait Keyed {
    /// The row's key.
    fn key(&self) -> KeyRef<'_>;

    /// Bytes of payload: the text of identity and attributes, without what a destination adds around it.
    fn bytes(&self) -> usize;
}

impl Keyed for Row {
    fn key(&self) -> KeyRef<'_> {
        Row::key(self)
    }

    fn bytes(&self) -> usize {
        identity_bytes(self.identity()) + self.attributes().len()
    }
}

impl Keyed for Change {
    fn key(&self) -> KeyRef<'_> {
        Change::key(self)
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Upsert(row) => row.bytes(),
            Self::Remove(identity) => identity_bytes(identity),
        }
    }
}

impl Keyed for Held {
    fn key(&self) -> KeyRef<'_> {
        self.key.as_ref()
    }

    fn bytes(&self) -> usize {
        key_bytes(self.key.as_ref())
    }
}

fn identity_bytes(identity: &Identity) -> usize {
    key_bytes(identity.key())
        + identity.namespace().len()
        + identity.name().len()
        + identity.group().len()
        + identity.version().len()
        + identity.kind().len()
}

pub(crate) fn key_bytes(key: KeyRef<'_>) -> usize {
    key.target_namespace.len() + key.target_name.len() + key.uid.len()
}

/// Two neighbours of a stream that are not in strictly ascending order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("keys are not ascending: {next} follows {previous}")]
pub struct OrderError {
    /// The key that came first.
    pub previous: RowKey,
    /// The key that should have been greater.
    pub next: RowKey,
}

/// Cuts `source` into batches within `limits`, none of them empty, and checks that keys ascend strictly.
///
/// A violation of the order, and an error of the source, is the last item of the stream; the elements before
/// it are delivered first. Dropping the stream drops the source.
pub fn rebatch<'a, T>(source: Batches<'a, T>, limits: Limits) -> Batches<'a, T>
where
    T: Keyed + Send + 'a,
{
    let cutter = Cutter { source, incoming: VecDeque::new(), limits, last: None, failed: None, ended: false };
    stream::unfold(cutter, |mut cutter| async move { cutter.next().await.map(|item| (item, cutter)) }).boxed()
}

struct Cutter<'a, T> {
    source: Batches<'a, T>,
    incoming: VecDeque<T>,
    limits: Limits,
    /// The last key delivered.
    last: Option<RowKey>,
    failed: Option<SourceError>,
    ended: bool,
}

impl<T: Keyed> Cutter<'_, T> {
    async fn next(&mut self) -> Option<Result<Vec<T>, SourceError>> {
        let mut batch: Vec<T> = Vec::new();
        let mut bytes = 0usize;
        loop {
            while let Some(element) = self.incoming.pop_front() {
                let size = element.bytes();
                let full = batch.len() >= self.limits.rows || bytes.saturating_add(size) > self.limits.bytes;
                if full && !batch.is_empty() {
                    self.incoming.push_front(element);
                    return self.deliver(batch);
                }
                if let Err(error) = self.check(batch.last(), &element) {
                    self.incoming.clear();
                    self.ended = true;
                    self.failed = Some(SourceError(Box::new(error)));
                    return self.deliver(batch);
                }
                bytes = bytes.saturating_add(size);
                batch.push(element);
            }
            if self.ended {
                return self.deliver(batch);
            }
            match self.source.next().await {
                Some(Ok(more)) => self.incoming = more.into(),
                Some(Err(error)) => {
                    self.ended = true;
                    self.failed = Some(error);
                }
                None => self.ended = true,
            }
        }
    }

    fn check(&self, neighbour: Option<&T>, next: &T) -> Result<(), OrderError> {
        let previous = neighbour.map(Keyed::key).or_else(|| self.last.as_ref().map(RowKey::as_ref));
        ascending(previous, next.key())
    }

    fn deliver(&mut self, batch: Vec<T>) -> Option<Result<Vec<T>, SourceError>> {
        let Some(last) = batch.last() else {
            return self.failed.take().map(Err);
        };
        self.last = Some(last.key().to_owned());
        Some(Ok(batch))
    }
}

pub(crate) fn ascending(previous: Option<KeyRef<'_>>, next: KeyRef<'_>) -> Result<(), OrderError> {
    match previous {
        Some(previous) if previous >= next => {
            Err(OrderError { previous: previous.to_owned(), next: next.to_owned() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

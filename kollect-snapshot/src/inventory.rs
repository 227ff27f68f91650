//! Inventories: what they show, and how far their readers have come. They hold no rows: those that leave some out have
//! rows of their own in `derived`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kollect_sink_core::{Schema, Target, Text};
use tokio::sync::watch;

use crate::contents::Contents;
use crate::journal::Journal;
use crate::rows::Rows;

/// Changes that are always kept for a reader that lags.
pub(crate) const PENDING_FLOOR: usize = 10_000;
/// Of an inventory's rows, the part whose changes are kept for a reader that lags: beyond, a full pass is cheaper.
const PENDING_SHARE: u64 = 4;

/// Names an inventory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InventoryId {
    /// Its namespace, empty for a cluster-scoped one.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
}

impl InventoryId {
    /// Names an inventory.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for InventoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// How a change moves the number of rows.
#[derive(Clone, Copy)]
pub(crate) enum Growth {
    One,
    None,
    MinusOne,
}

/// One inventory.
pub(crate) struct Inventory {
    pub(crate) contents: Arc<Contents>,
    /// Targets that left while a reader still has to hear of it.
    pub(crate) departed: Vec<Departed>,
    pub(crate) schema: Arc<Schema>,
    /// Sequence number of the last change of membership.
    pub(crate) moved: u64,
    /// Changes up to and with this sequence number cannot be told any more.
    pub(crate) floor: u64,
    pub(crate) rows: u64,
    /// Entries in the members' journals after the base.
    pub(crate) pending: usize,
    pub(crate) wake: watch::Sender<()>,
    /// How many rows came or went with each change of membership after the base.
    moves: Vec<(u64, usize)>,
    readers: BTreeMap<u64, u64>,
    slowest: Option<u64>,
}

/// A target that left an inventory, as it was then.
#[derive(Clone)]
pub(crate) struct Departed {
    pub(crate) target: Target,
    pub(crate) rows: Rows,
    pub(crate) journal: Journal,
    pub(crate) joined: u64,
    pub(crate) left: u64,
}

impl Inventory {
    /// An inventory without members, made at `sequence`.
    pub(crate) fn new(schema: Arc<Schema>, sequence: u64) -> Self {
        Self {
            contents: Arc::default(),
            departed: Vec::new(),
            schema,
            moved: sequence,
            floor: sequence,
            rows: 0,
            pending: 0,
            wake: watch::Sender::new(()),
            moves: Vec::new(),
            readers: BTreeMap::new(),
            slowest: None,
        }
    }

    /// The sequence number after which changes are kept; `None` while nobody reads.
    pub(crate) fn base(&self) -> Option<u64> {
        self.slowest.map(|slowest| slowest.max(self.floor))
    }

    pub(crate) fn grow(&mut self, growth: Growth) {
        match growth {
            Growth::One => self.rows += 1,
            Growth::None => {}
            Growth::MinusOne => self.rows = self.rows.saturating_sub(1),
        }
    }

    pub(crate) fn is_overflowing(&self) -> bool {
        let moved: usize = self.moves.iter().map(|(_, rows)| *rows).sum();
        let kept = self.pending + moved;
        kept > PENDING_FLOOR && kept as u64 > self.rows / PENDING_SHARE
    }

    /// Gives up on telling changes up to `sequence`: who has not heard of them reads all rows.
    pub(crate) fn overflow(&mut self, sequence: u64) {
        self.floor = self.floor.max(sequence);
        self.pending = 0;
        self.departed.clear();
        self.moves.clear();
    }

    /// Notes that `rows` rows came or went at once.
    pub(crate) fn note_move(&mut self, sequence: u64, rows: usize) {
        if self.base().is_some() {
            self.moves.push((sequence, rows));
        }
    }

    /// Sets how far a reader has come (`None`: it is gone). Returns the base before and after, if that moved.
    pub(crate) fn advance(&mut self, reader: u64, read: Option<u64>) -> Option<(u64, Option<u64>)> {
        let before = self.base();
        match read {
            Some(revision) => {
                let reached = self.readers.entry(reader).or_insert(revision);
                *reached = revision.max(*reached);
            }
            None => {
                self.readers.remove(&reader);
            }
        }
        self.slowest = self.readers.values().min().copied();
        let after = self.base();
        let heard = after.unwrap_or(u64::MAX);
        let gone = self.departed.iter().map(|departed| departed.left).filter(|left| *left <= heard).max();
        // That they left can be told to nobody any more who asks from before.
        self.floor = self.floor.max(gone.unwrap_or_default());
        self.departed.retain(|departed| departed.left > heard);
        self.moves.retain(|(sequence, _)| *sequence > heard);
        before.filter(|_| before != after).map(|before| (before, after))
    }

    pub(crate) fn knows(&self, reader: u64) -> bool {
        self.readers.contains_key(&reader)
    }
}

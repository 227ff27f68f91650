//! Rows that the destination refused, as far as this process knows them. It does not decide when to try again.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::header::Rejected;
use crate::receipt::{REJECTED_SAMPLE, Rejections};
use crate::row::RowKey;
use crate::source::View;

/// Refused rows: all counted, a bounded number known by key.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    rows: BTreeMap<RowKey, Digest>,
    /// Those that are counted only: beyond the sample, or refused before this process started. They stay
    /// counted until the next full pass counts anew.
    nameless: u64,
    inherited: bool,
    example: Option<String>,
}

impl Refused {
    pub(crate) fn keys(&self) -> impl Iterator<Item = &RowKey> {
        self.rows.keys()
    }

    pub(crate) fn count(&self) -> u64 {
        self.nameless + self.rows.len() as u64
    }

    /// Takes over what the destination counts, where that is not what is known here: it was counted by a former
    /// process, or by a write whose answer was lost.
    pub(crate) fn agree(&mut self, stored: &Rejected) {
        if stored.count != self.count() {
            self.rows.clear();
            self.nameless = stored.count;
            self.inherited = stored.count > 0;
            self.example.clone_from(&stored.example);
        }
    }

    /// Whether some are known only by the destination's count: no delta can tell when one of them is mended.
    pub(crate) fn inherited(&self) -> bool {
        self.inherited
    }

    /// What a delta to `view` leaves refused. Rows that changed are sent again, and counted again if they are
    /// refused again; rows that vanished are gone.
    pub(crate) fn still_in(&self, view: &dyn View) -> Self {
        let same = |key: &RowKey, digest| view.row(key.as_ref()).is_some_and(|row| row.digest() == digest);
        let kept = self.rows.iter().filter(|(key, digest)| same(key, **digest));
        Self {
            rows: kept.map(|(key, digest)| (key.clone(), *digest)).collect(),
            nameless: self.nameless,
            inherited: self.inherited,
            example: self.example.clone(),
        }
    }

    /// For the checkpoint.
    pub(crate) fn summary(&self) -> Rejected {
        let named = self.rows.keys().next().map(ToString::to_string);
        let nameless = self.example.clone().filter(|_| self.nameless > 0);
        Rejected { count: self.count(), example: named.or(nameless) }
    }

    /// Counts what an export refused.
    pub(crate) fn add(&mut self, rejections: &Rejections) {
        let before = self.rows.len() as u64;
        for row in rejections.rows.iter().take(REJECTED_SAMPLE.saturating_sub(self.rows.len())) {
            self.rows.insert(row.key.clone(), row.digest);
        }
        self.nameless += rejections.count.saturating_sub(self.rows.len() as u64 - before);
    }

    /// The known ones with the digest that was refused: a change to that very state need not be sent.
    pub(crate) fn rows(&self) -> &BTreeMap<RowKey, Digest> {
        &self.rows
    }
}

//! Which rows of a target changed, and when: sequence numbers and identities, never rows. It does not decide
//! how far back it must reach.

use imbl::OrdMap;
use kollect_sink_core::Identity;

use crate::rows::Place;

/// The changes of one target, each row at its last change. A clone shares all entries and costs one pointer.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    entries: OrdMap<u64, Identity>,
    /// The last sequence number whose change was left out or dropped.
    floor: u64,
}

impl Journal {
    /// Notes a change. `previous` is the sequence number of the same row's last change, whose entry this one
    /// replaces; 0 if there is none.
    pub(crate) fn append(&mut self, sequence: u64, identity: Identity, previous: u64) {
        if previous > self.floor {
            self.entries.remove(&previous);
        }
        self.entries.insert(sequence, identity);
    }

    /// Notes that a change is not kept. Nothing before it can be asked for again.
    pub(crate) fn skip(&mut self, sequence: u64) {
        self.entries = OrdMap::new();
        self.floor = sequence;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The last change that cannot be told any more, 0 if there is none.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// Drops the changes up to and with `sequence`.
    pub(crate) fn trim(&mut self, sequence: u64) {
        match self.entries.get_max() {
            None => return,
            Some((last, _)) if *last <= sequence => return self.skip(*last),
            Some(_) => {}
        }
        while let Some(first) =
            self.entries.get_min().map(|(first, _)| *first).filter(|first| *first <= sequence)
        {
            self.entries.remove(&first);
            self.floor = first;
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.trim(u64::MAX);
    }

    /// How many entries are later than `after`, up to and with `last`.
    pub(crate) fn count(&self, after: u64, last: u64) -> usize {
        if after >= last { 0 } else { self.entries.range(after + 1..=last).count() }
    }

    /// Whether all changes after `sequence` are here.
    pub(crate) fn reaches(&self, sequence: u64) -> bool {
        sequence >= self.floor
    }

    /// The rows that changed after `sequence`, each once, by uid. Takes memory for those.
    pub(crate) fn since(&self, sequence: u64) -> Vec<Place> {
        let later = self.entries.range(sequence.saturating_add(1)..);
        let mut places: Vec<Place> = later.map(|(_, identity)| Place::of(identity)).collect();
        // Stable: of two entries of one row (removed, then made again) the later stands behind.
        places.sort();
        places.dedup_by(|later, kept| {
            let same = later == kept;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        places
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kollect_sink_core::{Origin, Target};

    use super::*;

    fn identity(uid: &str) -> Identity {
        let target = Target::new("team", "apps");
        let origin = Origin { target, group: "".into(), version: "v1".into(), kind: "Pod".into() };
        Identity::new(Arc::new(origin), "default".into(), uid, uid).unwrap()
    }

    fn uids(journal: &Journal, after: u64) -> Vec<String> {
        journal.since(after).iter().map(|place| place.identity().uid().to_owned()).collect()
    }

    #[test]
    fn a_row_that_changed_twice_is_there_once_at_its_last_change() {
        let mut journal = Journal::default();
        journal.append(1, identity("b"), 0);
        journal.append(2, identity("a"), 0);
        journal.append(3, identity("b"), 1);
        assert_eq!(journal.count(0, 9), 2);
        assert_eq!(uids(&journal, 0), ["a", "b"]);
        assert_eq!(uids(&journal, 2), ["b"]);
        assert_eq!(journal.count(0, 2), 1);
    }

    #[test]
    fn a_trimmed_journal_knows_how_far_back_it_reaches() {
        let mut journal = Journal::default();
        for sequence in 1..=10 {
            journal.append(sequence, identity(&format!("u{sequence:02}")), 0);
        }
        journal.trim(4);
        assert!(journal.reaches(4) && !journal.reaches(3));
        assert_eq!(journal.count(0, 99), 6);
        journal.trim(50);
        assert!(journal.reaches(10) && !journal.reaches(9));
        journal.skip(12);
        assert!(!journal.reaches(11));
    }
}

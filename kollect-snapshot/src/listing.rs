//! Lists that are under way: what they cover, and which rows their end may remove. It does not read objects.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kollect_sink_core::{GroupKind, Identity, Pattern, Target, Text};

use crate::rows::{Entry, Touch};

/// Names a list that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId(pub(crate) u32);

/// What a list answers for once it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListScope {
    /// The kind that is listed.
    pub kind: GroupKind,
    /// The targets whose rows are made from it.
    pub targets: Vec<Target>,
    /// The namespace that is listed; `None` = all namespaces, or a cluster-scoped kind.
    pub namespace: Option<Text>,
}

/// What the end of a list did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows that the list did not contain any more.
    pub removed: usize,
}

/// A list under way.
pub(crate) struct RunningList {
    pub(crate) sweep: Sweep,
    /// Uids that a live watch removed meanwhile, per target, each with the version of its removal.
    pub(crate) targets: BTreeMap<Target, HashMap<Box<str>, Option<u64>>>,
}

impl RunningList {
    pub(crate) fn new(id: ListId, scope: ListScope, unlisted: BTreeMap<Target, Vec<Pattern>>) -> Self {
        let (kind, namespace) = (scope.kind, scope.namespace);
        let sweep = Sweep { id: id.0, kind, namespace, newest: 0, spared: BTreeMap::new(), unlisted };
        Self { sweep, targets: scope.targets.into_iter().map(|target| (target, HashMap::new())).collect() }
    }

    /// Stops answering for a namespace of a target.
    pub(crate) fn spare(&mut self, target: &Target, namespace: &Text) {
        match &self.sweep.namespace {
            None if self.targets.contains_key(target) => {
                self.sweep.spared.entry(target.clone()).or_default().insert(namespace.clone());
            }
            Some(listed) if listed == namespace => drop(self.targets.remove(target)),
            None | Some(_) => {}
        }
    }

    /// Notes that a live watch saw an object leave.
    pub(crate) fn note_removal(&mut self, target: &Target, uid: &str, version: Option<u64>) {
        if let Some(removed) = self.targets.get_mut(target) {
            removed.insert(uid.into(), version);
        }
    }

    /// Whether an item of the list counts: the list answers for the target, and no live watch has seen the
    /// object leave after the list read it.
    pub(crate) fn admits(&self, identity: &Identity, version: u64) -> bool {
        let Some(removed) = self.targets.get(identity.target()) else { return false };
        removed.get(identity.uid()).is_none_or(|at| at.is_some_and(|at| version > at))
    }
}

/// Which rows the end of a list removes.
#[derive(Clone)]
pub(crate) struct Sweep {
    pub(crate) id: u32,
    pub(crate) kind: GroupKind,
    pub(crate) namespace: Option<Text>,
    /// The highest version of the list's items.
    pub(crate) newest: u64,
    /// Namespaces that the list does not answer for any more.
    spared: BTreeMap<Target, BTreeSet<Text>>,
    /// What the list never answers for: it is unknown whatever is listed.
    unlisted: BTreeMap<Target, Vec<Pattern>>,
}

impl Sweep {
    /// Whether the row is in the list's scope and the list has shown that its object is gone.
    pub(crate) fn removes(&self, entry: &Entry) -> bool {
        self.missed(entry.touch, entry.version) && self.covers(entry.row.identity())
    }

    fn missed(&self, touch: Touch, version: u64) -> bool {
        if touch.time < self.id {
            return true;
        }
        // Seen by a live watch, or by this list: stays. Seen by another list only: whichever is newer is
        // right, and the versions tell unless the row is newer than all that this list contained.
        touch.by != 0 && touch.by != self.id && version <= self.newest
    }

    fn covers(&self, identity: &Identity) -> bool {
        *identity.kind() == self.kind.kind
            && *identity.group() == self.kind.group
            && self.namespace.as_ref().is_none_or(|namespace| namespace == identity.namespace())
            && self.spared.get(identity.target()).is_none_or(|spared| !spared.contains(identity.namespace()))
            && self.unlisted.get(identity.target()).is_none_or(|unlisted| {
                let partition = identity.partition();
                !unlisted.iter().any(|pattern| pattern.covers(&partition))
            })
    }
}

/// The time in which touches are counted.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    /// Lists begun so far.
    pub(crate) now: u32,
    /// The oldest list that is still under way.
    pub(crate) oldest: Option<u32>,
}

impl Clock {
    /// The touch of a row that was touched as `before` says.
    pub(crate) fn touch(self, before: Option<Touch>, list: Option<ListId>) -> Touch {
        let by = match (list, self.oldest, before) {
            (None, ..) => 0,
            // Another list that still runs, or a live watch beside it, has seen the row too: no list alone.
            (Some(list), Some(oldest), Some(before)) if before.time >= oldest && before.by != list.0 => 0,
            (Some(list), ..) => list.0,
        };
        Touch { time: self.now, by }
    }
}

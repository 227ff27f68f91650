//! What is not known of a target, and why. It does not know rows: a partition that becomes unknown keeps them.

use std::collections::BTreeMap;

use kollect_sink_core::{GroupKind, Pattern, Target, Text};

/// Why a part of a target is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// It failed and nothing is under way: forbidden, denied, invalid, no profile, suspended since the start.
    Failed,
    /// It is being listed, or will be: the first export waits for it.
    Pending,
}

/// What is known of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// Nobody has said anything yet: all of it is pending.
    #[default]
    Undeclared,
    /// All is known but these.
    Declared(BTreeMap<Pattern, Gap>),
    /// The target does not exist: known to be empty.
    Forgotten,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    why: Why,
    /// How many lists had begun when the gap was declared: only later ones can close it.
    since: u32,
}

/// What is not known of one target, while it is being amended.
#[derive(Debug)]
pub struct Gaps<'a> {
    target: &'a Target,
    gaps: &'a mut BTreeMap<Pattern, Gap>,
    now: u32,
}

impl Gaps<'_> {
    /// Whether a gap is open for exactly this namespace of a kind; `None` = the kind as a whole.
    pub fn has(&self, kind: &GroupKind, namespace: Option<&Text>) -> bool {
        self.gaps.contains_key(&self.pattern(kind, namespace))
    }

    /// Not known from now on: only a list that begins later closes the gap.
    pub fn open(&mut self, kind: &GroupKind, namespace: Option<&Text>, why: Why) {
        let pattern = self.pattern(kind, namespace);
        self.gaps.insert(pattern, Gap { why, since: self.now });
    }

    /// Nothing is under way any more for the open gaps of a kind, or of one namespace of it.
    pub fn give_up(&mut self, kind: &GroupKind, namespace: Option<&Text>) {
        for (pattern, gap) in self.gaps.iter_mut() {
            if pattern.kind.as_ref() == Some(kind)
                && (namespace.is_none() || pattern.namespaces.one() == namespace)
            {
                gap.why = Why::Failed;
            }
        }
    }

    /// Closes the gaps of a kind that `keep` refuses by their namespace: what they are about does not exist, or is
    /// told by other gaps. `None` stands for the kind as a whole.
    pub fn retain(&mut self, kind: &GroupKind, keep: impl Fn(Option<&Text>) -> bool) {
        self.gaps.retain(|pattern, _| pattern.kind.as_ref() != Some(kind) || keep(pattern.namespaces.one()));
    }

    fn pattern(&self, kind: &GroupKind, namespace: Option<&Text>) -> Pattern {
        Pattern::new(self.target.clone(), Some(kind.clone()), namespace.cloned())
    }
}

impl Knowledge {
    /// Whether rows of the target are taken in.
    pub(crate) fn is_declared(&self) -> bool {
        matches!(self, Self::Declared(_))
    }

    pub(crate) fn is_forgotten(&self) -> bool {
        matches!(self, Self::Forgotten)
    }

    /// Replaces what is unknown, and says whether that differs from before. A pattern that stays keeps its
    /// age; of two reasons for one pattern, `Pending` counts.
    pub(crate) fn declare(
        &mut self,
        target: &Target,
        parts: impl IntoIterator<Item = (Pattern, Why)>,
        now: u32,
    ) -> bool {
        let mut next: BTreeMap<Pattern, Gap> = BTreeMap::new();
        for (pattern, why) in parts {
            let pattern = Pattern { target: target.clone(), ..pattern };
            let since = match self {
                Self::Declared(gaps) => gaps.get(&pattern).map_or(now, |gap| gap.since),
                _ => now,
            };
            let gap = next.entry(pattern).or_insert(Gap { why, since });
            gap.why = gap.why.max(why);
        }
        let next = Self::Declared(next);
        let changed = *self != next;
        *self = next;
        changed
    }

    /// Changes what is unknown, if anything was declared, and says whether that differs from before.
    pub(crate) fn amend(&mut self, target: &Target, now: u32, amend: impl FnOnce(&mut Gaps<'_>)) -> bool {
        let Self::Declared(gaps) = self else { return false };
        let before = gaps.clone();
        amend(&mut Gaps { target, gaps, now });
        *gaps != before
    }

    /// Closes the gaps that a finished list answers, and says whether there were any.
    pub(crate) fn close(&mut self, kind: &GroupKind, namespace: Option<&Text>, list: u32) -> bool {
        let Self::Declared(gaps) = self else { return false };
        let before = gaps.len();
        gaps.retain(|pattern, gap| {
            let covered = pattern.kind.as_ref() == Some(kind)
                && (namespace.is_none() || pattern.namespaces.one() == namespace);
            !covered || gap.since >= list
        });
        gaps.len() != before
    }

    /// What no list answers for, whatever it finds: what is unknown of all kinds.
    pub(crate) fn unlisted(&self) -> Vec<Pattern> {
        match self {
            Self::Declared(gaps) => gaps.keys().filter(|pattern| pattern.kind.is_none()).cloned().collect(),
            Self::Undeclared | Self::Forgotten => Vec::new(),
        }
    }

    /// Whether something is yet to come.
    pub(crate) fn is_pending(&self) -> bool {
        match self {
            Self::Undeclared => true,
            Self::Declared(gaps) => gaps.values().any(|gap| gap.why == Why::Pending),
            Self::Forgotten => false,
        }
    }

    /// The unknown patterns of `target`.
    pub(crate) fn unknown(&self, target: &Target) -> Vec<(Pattern, Why)> {
        match self {
            Self::Undeclared => {
                vec![(Pattern::new(target.clone(), None, None), Why::Pending)]
            }
            Self::Declared(gaps) => gaps.iter().map(|(pattern, gap)| (pattern.clone(), gap.why)).collect(),
            Self::Forgotten => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(kind: Option<&str>, namespace: Option<&str>) -> Pattern {
        let kind = kind.map(|kind| GroupKind { group: "".into(), kind: kind.into() });
        Pattern::new(Target::new("team", "apps"), kind, namespace.map(Text::from))
    }

    fn pod() -> GroupKind {
        GroupKind { group: "".into(), kind: "Pod".into() }
    }

    #[test]
    fn a_list_of_a_namespace_says_nothing_about_others() {
        let mut knowledge = Knowledge::default();
        let parts = [
            (pattern(Some("Pod"), Some("a")), Why::Pending),
            (pattern(Some("Pod"), Some("b")), Why::Failed),
            (pattern(Some("Pod"), None), Why::Pending),
            (pattern(None, None), Why::Failed),
        ];
        assert!(knowledge.declare(&Target::new("team", "apps"), parts, 0));
        assert!(knowledge.close(&pod(), Some(&"a".into()), 1));
        assert_eq!(knowledge.unknown(&Target::new("team", "apps")).len(), 3);
        assert!(knowledge.close(&pod(), None, 2));
        // A list of one kind cannot answer for all kinds.
        let left = knowledge.unknown(&Target::new("team", "apps"));
        assert_eq!(left, [(pattern(None, None), Why::Failed)]);
        assert!(!knowledge.is_pending());
    }

    #[test]
    fn a_list_closes_only_what_was_declared_before_it_began() {
        let target = Target::new("team", "apps");
        let mut knowledge = Knowledge::default();
        knowledge.declare(&target, [(pattern(Some("Pod"), Some("a")), Why::Pending)], 0);
        let parts = [
            (pattern(Some("Pod"), Some("a")), Why::Pending),
            (pattern(Some("Pod"), Some("b")), Why::Pending),
        ];
        knowledge.declare(&target, parts, 1);
        assert!(knowledge.close(&pod(), None, 1));
        assert_eq!(knowledge.unknown(&target), [(pattern(Some("Pod"), Some("b")), Why::Pending)]);
    }

    #[test]
    fn an_amended_gap_waits_for_a_list_that_begins_later() {
        let target = Target::new("team", "apps");
        let mut knowledge = Knowledge::default();
        assert!(!knowledge.amend(&target, 0, |gaps| gaps.open(&pod(), None, Why::Pending)), "undeclared");
        knowledge.declare(&target, [(pattern(Some("Pod"), None), Why::Pending)], 0);
        // List 1 began; meanwhile a namespace came into the selection, which the list may have skipped.
        assert!(knowledge.amend(&target, 1, |gaps| gaps.open(&pod(), Some(&"a".into()), Why::Pending)));
        assert!(knowledge.close(&pod(), None, 1));
        assert_eq!(knowledge.unknown(&target), [(pattern(Some("Pod"), Some("a")), Why::Pending)]);
        assert!(knowledge.amend(&target, 1, |gaps| gaps.give_up(&pod(), None)));
        assert!(!knowledge.is_pending());
        assert!(knowledge.amend(&target, 1, |gaps| gaps.retain(&pod(), |namespace| namespace.is_none())));
        assert!(knowledge.unknown(&target).is_empty());
    }

    #[test]
    fn saying_the_same_again_is_no_change() {
        let target = Target::new("team", "apps");
        let mut knowledge = Knowledge::default();
        assert!(knowledge.is_pending());
        let parts = [(pattern(Some("Pod"), None), Why::Failed)];
        assert!(knowledge.declare(&target, parts.clone(), 0));
        assert!(!knowledge.declare(&target, parts, 7));
        assert!(knowledge.declare(&target, [], 8));
    }
}

//! The variables of one evaluation: slots of the object, decoded when they are first read. It knows no syntax.

use std::sync::OnceLock;

use cel::common::types::{CelBool, CelOptional};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;

use super::budget::Meter;
use super::library::Pattern;
use super::lower::{METER, PATTERN, SLOT};
use super::syntax::{Read, Slot};
use super::value;
use crate::extract::jsonpath::{Hit, Treatment};
use crate::extract::scrub::Scrubber;
use crate::extract::tree::Tree;
use crate::extract::trie::{Capture, Found, NodeId, Trie};

/// Where a slot's value is found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    node: NodeId,
    parent: NodeId,
    read: Read,
    treatment: Treatment,
}

impl Place {
    /// Adds what a slot needs to the paths of a pass.
    pub(crate) fn new(slot: &Slot, trie: &mut Trie, scrubber: &Scrubber) -> Self {
        let path = || slot.path.iter().map(String::as_str);
        let node = match slot.read {
            Read::Presence => trie.visit(path()),
            Read::Value | Read::Optional => trie.capture(path()),
        };
        let parent = trie.visit(path().take(slot.path.len().saturating_sub(1)));
        let root = Hit { text: "", treatment: Treatment::Plain };
        let treatment = path().fold(root, |hit, key| hit.member(scrubber, key, false, "")).treatment;
        Self { node, parent, read: slot.read, treatment }
    }
}

/// The variables of one evaluation.
#[derive(Debug)]
pub(super) struct Scope<'o> {
    places: &'o [Place],
    found: &'o Found<'o>,
    patterns: &'o [Pattern],
    scrubber: &'o Scrubber,
    decoded: Vec<OnceLock<Option<Box<dyn Val + 'o>>>>,
    meter: Meter,
}

/// The number in a slot's name.
pub(super) fn slot(name: &str) -> Option<usize> {
    name.strip_prefix(SLOT)?.parse().ok()
}

impl<'o> Scope<'o> {
    pub(super) fn new(
        places: &'o [Place],
        found: &'o Found<'o>,
        patterns: &'o [Pattern],
        scrubber: &'o Scrubber,
    ) -> Self {
        let decoded = places.iter().map(|_| OnceLock::new()).collect();
        Self { places, found, patterns, scrubber, decoded, meter: Meter::default() }
    }

    fn decode(&self, place: Place) -> Option<Box<dyn Val + 'o>> {
        let there = || match self.found.get(place.parent) {
            Capture::Object => true,
            Capture::Text(text) => text.starts_with('{'),
            Capture::Absent | Capture::Other => false,
        };
        match place.read {
            Read::Presence => there().then(|| -> Box<dyn Val + 'o> {
                Box::new(CelBool::from(self.found.get(place.node) != Capture::Absent))
            }),
            Read::Value => self.value(place),
            Read::Optional => there().then(|| -> Box<dyn Val + 'o> {
                Box::new(self.value(place).map_or_else(CelOptional::none, CelOptional::of))
            }),
        }
    }

    fn value(&self, place: Place) -> Option<Box<dyn Val + 'o>> {
        let tree = Tree::parse(self.found.text(place.node)?).ok()?;
        Some(value::from_tree(tree, place.treatment, self.scrubber))
    }
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(at) = slot(name) {
            let place = *self.places.get(at)?;
            let value = self.decoded.get(at)?.get_or_init(|| self.decode(place));
            return value.as_deref().map(CowVal::Borrowed);
        }
        if name == METER {
            return Some(CowVal::Borrowed(&self.meter));
        }
        let pattern = self.patterns.get(name.strip_prefix(PATTERN)?.parse::<usize>().ok()?)?;
        Some(CowVal::Borrowed(pattern))
    }
}

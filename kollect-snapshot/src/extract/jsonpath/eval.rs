//! What steps lead to, on the text of a value. It decodes only what a condition compares.
//!
//! Members of an object are taken in the order of their keys, so that the result does not depend on how the
//! object was written. The work is counted in bytes looked at, and limited.

use std::borrow::Cow;
use std::collections::HashMap;

use super::iregexp::Pattern;
use super::{Selector, Step};
use crate::canonical::{JsonError, MAX_DEPTH};
use crate::extract::scrub::{Scrubber, is_pair_name};
use crate::extract::secrets::LAST_APPLIED;
use crate::extract::skip;
use crate::extract::tree::Tree;

/// Bytes of text that the paths of one object may look at, beside the first pass.
const BYTES: usize = 32 << 20;

/// What one result costs beside its text.
const RESULT: usize = 64;

/// How a value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// As it is, after scrubbing what is in it.
    Plain,
    /// Not at all: its key names a secret.
    Hidden,
    /// It is text that holds a copy of the object.
    Copy,
}

/// A value that steps have led to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit<'a> {
    /// Its JSON.
    pub(crate) text: &'a str,
    /// How it may be shown.
    pub(crate) treatment: Treatment,
}

impl<'a> Hit<'a> {
    /// The member `key` of `self`. `pair` tells that the siblings name a secret.
    pub(crate) fn member(self, scrubber: &Scrubber, key: &str, pair: bool, text: &'a str) -> Self {
        let hidden = (pair && key == "value") || scrubber.hides(self.treatment == Treatment::Hidden, key);
        let treatment = match key {
            _ if hidden => Treatment::Hidden,
            LAST_APPLIED => Treatment::Copy,
            _ => Treatment::Plain,
        };
        Self { text, treatment }
    }

    /// The value as it may be shown.
    pub(crate) fn show(self, scrubber: &Scrubber) -> Result<Tree<'a>, JsonError> {
        let mut tree = Tree::parse(self.text)?;
        match self.treatment {
            Treatment::Hidden => crate::extract::scrub::replace(&mut tree),
            Treatment::Copy => scrubber.scrub_copy(LAST_APPLIED, &mut tree),
            Treatment::Plain => scrubber.scrub(&mut tree),
        }
        Ok(tree)
    }
}

/// Regular expressions found in an object, and whether they match whole texts.
type Patterns = HashMap<(String, bool), Option<Pattern>>;

/// The work that is left for one object, and what judges keys.
#[derive(Debug)]
pub(crate) struct Work<'p> {
    left: usize,
    scrubber: &'p Scrubber,
    patterns: Patterns,
}

impl<'p> Work<'p> {
    /// The work for one object.
    pub(crate) fn new(scrubber: &'p Scrubber) -> Self {
        Self { left: BYTES, scrubber, patterns: HashMap::new() }
    }

    pub(super) fn scrubber(&self) -> &'p Scrubber {
        self.scrubber
    }

    pub(super) fn patterns(&mut self) -> &mut Patterns {
        &mut self.patterns
    }

    /// What `steps` lead to from `start`, in order. Paths from `$` in conditions start there too.
    ///
    /// # Errors
    /// The text is no JSON, or is too deep, or the work is too much.
    pub(crate) fn select<'a>(&mut self, steps: &[Step], start: Hit<'a>) -> Result<Vec<Hit<'a>>, String> {
        self.walk(steps, vec![start], start)
    }

    /// What `steps` lead to from all of `starts`, in order. No condition in them may look at `$`.
    ///
    /// # Errors
    /// As [`Work::select`].
    pub(crate) fn select_from<'a>(
        &mut self,
        steps: &[Step],
        starts: Vec<Hit<'a>>,
    ) -> Result<Vec<Hit<'a>>, String> {
        let Some(first) = starts.first().copied() else { return Ok(starts) };
        self.walk(steps, starts, first)
    }

    pub(super) fn walk<'a>(
        &mut self,
        steps: &[Step],
        start: Vec<Hit<'a>>,
        root: Hit<'a>,
    ) -> Result<Vec<Hit<'a>>, String> {
        let mut current = start;
        for step in steps {
            let mut next = Vec::new();
            if let Step::Union(paths) = step {
                for path in paths {
                    self.spend(current.len().saturating_mul(RESULT))?;
                    next.append(&mut self.walk(path, current.clone(), root)?);
                }
                current = next;
                continue;
            }
            for hit in current {
                match step {
                    Step::Pick(selectors) => self.pick(selectors, hit, root, &mut next)?,
                    Step::Below(selectors) => self.below(selectors, hit, root, 0, &mut next)?,
                    Step::Deep => self.deep(hit, 0, &mut next)?,
                    Step::Dotted(names, key) => next.extend(self.dotted(names, key, hit)?),
                    Step::Union(_) => {}
                }
            }
            current = next;
        }
        Ok(current)
    }

    /// Takes from the work that is left.
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| "the path does too much work on this object".to_owned())?;
        Ok(())
    }

    fn pick<'a>(
        &mut self,
        selectors: &[Selector],
        hit: Hit<'a>,
        root: Hit<'a>,
        out: &mut Vec<Hit<'a>>,
    ) -> Result<(), String> {
        for selector in selectors {
            let before = out.len();
            match (selector, hit.text.as_bytes().first()) {
                (Selector::Name(name), Some(b'{')) => out.extend(self.name(hit, name)?),
                (Selector::Index(index), Some(b'[')) => {
                    let items = self.children(hit)?;
                    out.extend(place(*index, items.len()).and_then(|index| items.get(index)).copied());
                }
                (Selector::Slice(start, end, step), Some(b'[')) => {
                    slice(*start, *end, *step, &self.children(hit)?, out);
                }
                (Selector::All, Some(b'{' | b'[')) => out.extend(self.children(hit)?),
                (Selector::Where(condition), Some(b'{' | b'['))
                | (Selector::Elements(condition), Some(b'[')) => {
                    for child in self.children(hit)? {
                        if self.holds(condition, child, root)? {
                            out.push(child);
                        }
                    }
                }
                _ => {}
            }
            self.spend((out.len() - before + 1).saturating_mul(RESULT))?;
        }
        Ok(())
    }

    fn below<'a>(
        &mut self,
        selectors: &[Selector],
        hit: Hit<'a>,
        root: Hit<'a>,
        depth: usize,
        out: &mut Vec<Hit<'a>>,
    ) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep.to_string());
        }
        self.pick(selectors, hit, root, out)?;
        if !hit.text.starts_with(['{', '[']) {
            return Ok(());
        }
        for child in self.children(hit)? {
            if matches!(child.text.as_bytes().first(), Some(b'{' | b'[')) {
                self.below(selectors, child, root, depth + 1, out)?;
            }
        }
        Ok(())
    }

    fn deep<'a>(&mut self, hit: Hit<'a>, depth: usize, out: &mut Vec<Hit<'a>>) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep.to_string());
        }
        self.spend(RESULT)?;
        match hit.text.as_bytes().first() {
            Some(b'"') if hit.text != "\"\"" => out.push(hit),
            Some(b'{' | b'[') => {
                let children = self.children(hit)?;
                if !children.is_empty() {
                    out.push(hit);
                }
                for child in children {
                    self.deep(child, depth + 1, out)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn dotted<'a>(&mut self, names: &[String], key: &str, hit: Hit<'a>) -> Result<Option<Hit<'a>>, String> {
        let (Some(first), true) = (names.first(), hit.text.starts_with('{')) else { return Ok(None) };
        self.spend(hit.text.len())?;
        let (mut leads, mut found) = (false, None);
        skip::members(hit.text, |member, text| {
            leads |= member.is(first);
            if member.is(key) {
                found = Some(text);
            }
            Ok(true)
        })
        .map_err(|error| error.to_string())?;
        if leads {
            let mut at = Some(hit);
            for name in names {
                at = match at {
                    Some(hit) if hit.text.starts_with('{') => self.name(hit, name)?,
                    _ => None,
                };
            }
            if at.is_some() {
                return Ok(at);
            }
        }
        Ok(found.map(|text| hit.member(self.scrubber, key, false, text)))
    }

    fn name<'a>(&mut self, hit: Hit<'a>, name: &str) -> Result<Option<Hit<'a>>, String> {
        self.spend(hit.text.len())?;
        let mut found = None;
        let mut names = Vec::new();
        skip::members(hit.text, |key, text| {
            if key.is(name) {
                found = Some(text);
            }
            if name == "value" && (key.is("name") || key.is("key")) {
                names.push(text);
            }
            Ok(true)
        })
        .map_err(|error| error.to_string())?;
        let Some(text) = found else { return Ok(None) };
        let pair = self.is_hidden_pair(names);
        Ok(Some(hit.member(self.scrubber, name, pair, text)))
    }

    /// Elements in order, or members in the order of their keys, each key once.
    fn children<'a>(&mut self, hit: Hit<'a>) -> Result<Vec<Hit<'a>>, String> {
        self.spend(hit.text.len())?;
        let broken = |error: JsonError| error.to_string();
        let mut children = Vec::new();
        if hit.text.starts_with('[') {
            skip::elements(hit.text, |text| {
                children.push(Hit { text, treatment: hit.treatment });
                Ok(())
            })
            .map_err(broken)?;
            return Ok(children);
        }
        let mut members: Vec<(Cow<'a, str>, &'a str)> = Vec::new();
        skip::members(hit.text, |key, text| {
            members.push((key.decode()?, text));
            Ok(true)
        })
        .map_err(broken)?;
        members.sort_by(|left, right| left.0.cmp(&right.0));
        members.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = later.1;
            }
            same
        });
        let pair =
            self.is_hidden_pair(members.iter().filter(|(key, _)| is_pair_name(key)).map(|(_, text)| *text));
        children.extend(members.iter().map(|(key, text)| hit.member(self.scrubber, key, pair, text)));
        Ok(children)
    }

    fn is_hidden_pair<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        let names = names.into_iter().filter_map(|text| match Tree::parse(text) {
            Ok(Tree::String(name)) => Some(name),
            _ => None,
        });
        names.into_iter().any(|name| self.scrubber.names_secret(&name))
    }
}

fn place(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index.checked_add(length)? } else { index }).ok()
}

/// RFC 9535, section 2.3.4.2.2; kubectl's slices are those with a positive step.
fn slice<'a>(start: Option<i64>, end: Option<i64>, step: i64, items: &[Hit<'a>], out: &mut Vec<Hit<'a>>) {
    let Ok(length) = i64::try_from(items.len()) else { return };
    if step == 0 {
        return;
    }
    let normal = |index: i64| if index < 0 { index.saturating_add(length) } else { index };
    let (lower, upper) = if step > 0 {
        let start = normal(start.unwrap_or(0)).clamp(0, length);
        (start, normal(end.unwrap_or(length)).clamp(0, length))
    } else {
        let start = normal(start.unwrap_or(length - 1)).clamp(-1, length - 1);
        let end = end.map_or(-1, |end| normal(end).clamp(-1, length - 1));
        (start, end)
    };
    let mut at = lower;
    while (step > 0 && at < upper) || (step < 0 && at > upper) {
        out.extend(usize::try_from(at).ok().and_then(|at| items.get(at)));
        let Some(next) = at.checked_add(step) else { return };
        at = next;
    }
}

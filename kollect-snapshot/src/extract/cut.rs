//! Reads an object while leaving parts of it out and hiding what names a secret, in one pass. It does not find the
//! parts.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::scrub::{Scrubber, is_pair_name, replace};
use super::skip::Cursor;
use super::tree::Tree;
use crate::canonical::{JsonError, MAX_DEPTH};

/// Which parts of a text are left out: the offsets at which their values begin.
#[derive(Debug, Default)]
pub(super) struct Cuts(BTreeSet<usize>);

impl Cuts {
    /// Leaves out `part`, a stretch of `text`. Tells whether it is one.
    pub(super) fn add(&mut self, text: &str, part: &str) -> bool {
        let offset = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        let within = text.get(offset..).is_some_and(|rest| rest.starts_with(part));
        if within {
            self.0.insert(offset);
        }
        within
    }

    /// How many parts are left out.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Reads the members of the object `text` that `section` names, without the parts, as [`Scrubber::scrub`] would
    /// leave them.
    ///
    /// # Errors
    /// The text is no JSON object, or nested too deep.
    pub(super) fn read<'a>(
        &self,
        text: &'a str,
        scrubber: &Scrubber,
        section: impl Fn(&str) -> bool,
    ) -> Result<Tree<'a>, JsonError> {
        let mut cursor = Cursor::new(text);
        let reader = Reader { cuts: self, scrubber };
        let tree = reader.map(&mut cursor, 0, section)?;
        if cursor.done() { Ok(tree) } else { Err(cursor.error()) }
    }
}

struct Reader<'r> {
    cuts: &'r Cuts,
    scrubber: &'r Scrubber,
}

impl Reader<'_> {
    fn value<'a>(&self, cursor: &mut Cursor<'a>, depth: usize) -> Result<Tree<'a>, JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        match cursor.peek() {
            Some(b'[') => self.list(cursor, depth),
            Some(b'{') => self.map(cursor, depth, |_| true),
            Some(b'"') => Ok(Tree::String(cursor.string()?.decode()?)),
            _ => Tree::parse(cursor.value()?),
        }
    }

    fn list<'a>(&self, cursor: &mut Cursor<'a>, depth: usize) -> Result<Tree<'a>, JsonError> {
        let mut items = Vec::new();
        cursor.eat(b'[');
        if cursor.eat(b']') {
            return Ok(Tree::List(items));
        }
        loop {
            if self.cuts.0.contains(&cursor.position()) {
                cursor.value()?;
            } else {
                items.push(self.value(cursor, depth + 1)?);
            }
            if !cursor.next(b']')? {
                return Ok(Tree::List(items));
            }
        }
    }

    fn map<'a>(
        &self,
        cursor: &mut Cursor<'a>,
        depth: usize,
        section: impl Fn(&str) -> bool,
    ) -> Result<Tree<'a>, JsonError> {
        let (mut members, mut gone) = (Vec::new(), BTreeSet::new());
        let mut pair = false;
        if !cursor.eat(b'{') {
            return Err(cursor.error());
        }
        let mut more = !cursor.eat(b'}');
        while more {
            let key = cursor.key()?.decode()?;
            let cut = self.cuts.0.contains(&cursor.position()) || !section(&key);
            if cut && is_pair_name(&key) && cursor.peek() == Some(b'"') {
                // A name that is left out still tells what its sibling is.
                pair |= self.scrubber.names_secret(&cursor.string()?.decode()?);
            } else if cut {
                cursor.value()?;
            } else {
                let value = self.member(&key, cursor, depth)?;
                members.push((key.clone(), value));
            }
            if cut {
                // Of a key that stands twice the last value counts, and that is the one which is left out.
                gone.insert(key);
            }
            more = cursor.next(b'}')?;
        }
        if !gone.is_empty() {
            members.retain(|(key, _)| !gone.contains(key));
        }
        if pair || self.scrubber.is_hidden_pair(&members) {
            let values = members.iter_mut().filter(|(key, _)| key == "value");
            values.for_each(|(_, value)| replace(value));
        }
        Ok(Tree::map(members))
    }

    fn member<'a>(&self, key: &str, cursor: &mut Cursor<'a>, depth: usize) -> Result<Tree<'a>, JsonError> {
        if !self.scrubber.names_secret(key) {
            let mut value = self.value(cursor, depth + 1)?;
            self.scrubber.scrub_copy(key, &mut value);
            return Ok(value);
        }
        let plain = !matches!(cursor.peek(), Some(b'"' | b'[' | b'{'));
        let text = cursor.value()?;
        let mut value = if plain { Tree::parse(text)? } else { Tree::String(Cow::Borrowed("")) };
        replace(&mut value);
        Ok(value)
    }
}

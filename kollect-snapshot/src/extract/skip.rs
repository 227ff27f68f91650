//! A cursor over JSON text that skips what nobody asked for. It does not check the grammar of what it skips
//! beyond balanced brackets and closed strings.
//!
//! Nothing recurses, nothing allocates, and each byte is looked at once, so any input costs time linear in
//! its length.

use std::borrow::Cow;

use super::block::{self, BLOCK, Brackets, Carry};
use crate::canonical::JsonError;

/// A position in JSON text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// A string token without its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Token<'a> {
    /// The characters that the token stands for.
    pub(crate) fn decode(self) -> Result<Cow<'a, str>, JsonError> {
        if self.escaped { unescape(self.raw).map(Cow::Owned) } else { Ok(Cow::Borrowed(self.raw)) }
    }

    /// Whether the token stands for `key`. A token that cannot be decoded stands for nothing.
    pub(crate) fn is(self, key: &str) -> bool {
        if self.escaped { unescape(self.raw).is_ok_and(|text| text == key) } else { self.raw == key }
    }
}

fn unescape(raw: &str) -> Result<String, JsonError> {
    let mut quoted = String::with_capacity(raw.len() + 2);
    quoted.push('"');
    quoted.push_str(raw);
    quoted.push('"');
    serde_json::from_str(&quoted).map_err(|_| JsonError::Syntax { offset: 0 })
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte that is not white space.
    pub(crate) fn new(text: &'a str) -> Self {
        let mut cursor = Self { text, at: 0 };
        cursor.blank();
        cursor
    }

    /// The error for what stands here.
    pub(crate) fn error(&self) -> JsonError {
        JsonError::Syntax { offset: self.at }
    }

    /// The byte here, if any is left.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Moves past white space.
    pub(crate) fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Moves past `byte` and the white space after it, if it stands here.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
            self.blank();
        }
        found
    }

    /// Whether only white space is left.
    pub(crate) fn done(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Moves past a value and the white space after it, and returns the value's text.
    pub(crate) fn value(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => self.skip_string()?,
            Some(b'{' | b'[') => self.skip_container()?,
            Some(_) => self.skip_scalar()?,
            None => return Err(self.error()),
        }
        let text = self.text.get(start..self.at).ok_or(JsonError::Syntax { offset: start })?;
        self.blank();
        Ok(text)
    }

    /// The text between `start`, from [`Self::position`], and here, without white space at its end.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        let text = self.text.get(start..self.at).unwrap_or_default();
        text.trim_end_matches([' ', '\n', '\r', '\t'])
    }

    /// The offset here.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Moves past a string and the white space after it.
    pub(crate) fn string(&mut self) -> Result<Token<'a>, JsonError> {
        let start = self.at;
        let escaped = self.string_end()?;
        let raw =
            self.text.get(start + 1..self.at.saturating_sub(1)).ok_or(JsonError::Syntax { offset: start })?;
        self.blank();
        Ok(Token { raw, escaped })
    }

    /// Moves past a key and its colon.
    pub(crate) fn key(&mut self) -> Result<Token<'a>, JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.error());
        }
        let token = self.string()?;
        if self.eat(b':') { Ok(token) } else { Err(self.error()) }
    }

    /// After a member or element: moves to the next one (true), or past `close` (false).
    pub(crate) fn next(&mut self, close: u8) -> Result<bool, JsonError> {
        if self.eat(b',') {
            Ok(true)
        } else if self.eat(close) {
            Ok(false)
        } else {
            Err(self.error())
        }
    }

    fn skip_string(&mut self) -> Result<(), JsonError> {
        self.string_end().map(|_| ())
    }

    /// From an opening quote to past the closing one. Tells whether there is an escape in between.
    fn string_end(&mut self) -> Result<bool, JsonError> {
        let bytes = self.text.as_bytes();
        let (end, escaped) = string_end(bytes, self.at).ok_or(JsonError::Syntax { offset: bytes.len() })?;
        self.at = end;
        Ok(escaped)
    }

    fn skip_container(&mut self) -> Result<(), JsonError> {
        let bytes = self.text.as_bytes();
        self.at = container_end(bytes, self.at).ok_or(JsonError::Syntax { offset: bytes.len() })?;
        Ok(())
    }

    fn skip_scalar(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'))
        {
            self.at += 1;
        }
        if self.at == start { Err(self.error()) } else { Ok(()) }
    }
}

/// Where the container that opens at `at` has ended.
fn container_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut carry = Carry::default();
    let mut depth = 0_u64;
    loop {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let padded;
        let block = if let Some(block) = rest.first_chunk() {
            block
        } else {
            padded = padded_block(rest);
            &padded
        };
        let Brackets { opening, closing } = block::brackets(block, &mut carry);
        if count(closing) < depth {
            depth = depth + count(opening) - count(closing);
        } else {
            let (mut left, mut closed) = (closing, 0);
            while left != 0 {
                let place = left.trailing_zeros();
                let opened = count(opening & !(u64::MAX << place));
                closed += 1;
                if depth + opened <= closed {
                    return Some(at + place as usize + 1);
                }
                left &= left - 1;
            }
            depth = depth + count(opening) - closed;
        }
        at += BLOCK;
    }
}

fn count(mask: u64) -> u64 {
    u64::from(mask.count_ones())
}

/// The last bytes, filled up with what is not looked for.
#[cold]
fn padded_block(rest: &[u8]) -> [u8; BLOCK] {
    let mut block = [b' '; BLOCK];
    for (place, byte) in block.iter_mut().zip(rest) {
        *place = *byte;
    }
    block
}

/// Where the string that opens at `at` has ended, and whether it has escapes.
#[inline]
fn string_end(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let mut at = at + 1;
    let mut escaped = false;
    loop {
        if let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
            match block::string_mark(chunk) {
                Some(place) => at += place,
                None => {
                    at += chunk.len();
                    continue;
                }
            }
        }
        match bytes.get(at)? {
            b'"' => return Some((at + 1, escaped)),
            b'\\' => {
                escaped = true;
                at += 2;
            }
            _ => at += 1,
        }
    }
}

/// Calls `visit` with each member of the object `raw`, in order, until it returns false. Does nothing for a
/// value that is not an object.
pub(crate) fn members<'a>(
    raw: &'a str,
    mut visit: impl FnMut(Token<'a>, &'a str) -> Result<bool, JsonError>,
) -> Result<(), JsonError> {
    let mut cursor = Cursor::new(raw);
    if !cursor.eat(b'{') {
        return Ok(());
    }
    if cursor.eat(b'}') {
        return if cursor.done() { Ok(()) } else { Err(cursor.error()) };
    }
    loop {
        let key = cursor.key()?;
        let value = cursor.value()?;
        if !visit(key, value)? {
            return Ok(());
        }
        if !cursor.next(b'}')? {
            return if cursor.done() { Ok(()) } else { Err(cursor.error()) };
        }
    }
}

/// Calls `visit` with each element of the array `raw`, in order. Does nothing for a value that is not one.
pub(crate) fn elements<'a>(
    raw: &'a str,
    mut visit: impl FnMut(&'a str) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    let mut cursor = Cursor::new(raw);
    if !cursor.eat(b'[') || cursor.eat(b']') {
        return Ok(());
    }
    loop {
        visit(cursor.value()?)?;
        if !cursor.next(b']')? {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_end() {
        let table = [
            (r#""a" ,"#, r#""a""#),
            (r#""a\"}b" }"#, r#""a\"}b""#),
            (r#""0123456\\" x"#, r#""0123456\\""#),
            (r#"{"a":["}",{"b":"]"}]},1"#, r#"{"a":["}",{"b":"]"}]}"#),
            ("-1.5e+3,", "-1.5e+3"),
            ("true]", "true"),
            ("[] []", "[]"),
        ];
        for (text, want) in table {
            assert_eq!(Cursor::new(text).value(), Ok(want), "{text}");
        }
    }

    #[test]
    fn broken_text_is_an_error() {
        for text in ["", "\"", "\"abc\\", "{", "[1", "{\"a\":\"b}", ",", "}"] {
            assert!(Cursor::new(text).value().is_err(), "{text}");
        }
    }

    #[test]
    fn quotes_are_found_at_every_offset() {
        for length in 0..40 {
            let text = format!("\"{}\"", "é!\u{1}#".repeat(length));
            assert_eq!(Cursor::new(&text).value(), Ok(text.as_str()));
            let text = format!("\"{}\\\"\"", "x".repeat(length));
            assert_eq!(Cursor::new(&text).value(), Ok(text.as_str()));
        }
    }

    #[test]
    fn escaped_keys_are_compared_decoded() {
        let mut cursor = Cursor::new(r#""sp\u0065c":1"#);
        let key = cursor.key().expect("a key");
        assert!(key.is("spec") && !key.is("sp\\u0065c"));
    }
}

//! A cursor over the text of a path. It knows no grammar.

use crate::extract::tree::{Number, Tree};

/// Brackets in brackets at most.
const NESTED: usize = 16;

/// White space of RFC 9535.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// Where parsing stands.
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
    nested: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, nested: 0 }
    }

    /// Enters a bracket; each is parsed by recursion.
    pub(super) fn enter(&mut self) -> Result<(), String> {
        self.nested += 1;
        if self.nested > NESTED { Err(self.wrong("brackets are nested too deeply")) } else { Ok(()) }
    }

    /// Leaves a bracket.
    pub(super) fn leave(&mut self) {
        self.nested = self.nested.saturating_sub(1);
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn done(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub(super) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Where it stands, for [`Cursor::back`].
    pub(super) fn mark(&self) -> usize {
        self.at
    }

    /// Goes back to a mark.
    pub(super) fn back(&mut self, mark: usize) {
        self.at = mark;
    }

    pub(super) fn space(&mut self) {
        self.take_while(|c| BLANKS.contains(&c));
    }

    /// Skips white space if one of `next` follows it.
    pub(super) fn space_before(&mut self, next: &[char]) {
        let rest = self.rest();
        let after = rest.trim_start_matches(BLANKS);
        if after.starts_with(next) {
            self.at += rest.len() - after.len();
        }
    }

    pub(super) fn need(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) { Ok(()) } else { Err(self.wrong(&format!("expected `{token}`"))) }
    }

    /// An error message that says where.
    pub(super) fn wrong(&self, what: &str) -> String {
        let rest: String = self.rest().chars().take(20).collect();
        if rest.is_empty() {
            format!("{what} at the end of the path")
        } else {
            format!("{what} at position {}, before `{rest}`", self.at + 1)
        }
    }

    pub(super) fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// An integer, if one stands here.
    pub(super) fn integer(&mut self) -> Result<Option<i64>, String> {
        let start = self.at;
        self.eat("-");
        let digits = self.take_while(|c| c.is_ascii_digit());
        let text = self.text.get(start..self.at).unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) || text == "-0" {
            return Err(self.wrong("an integer without leading zeros is needed"));
        }
        match text.parse::<i64>() {
            // RFC 9535, section 2.1: integers that a double keeps exactly.
            Ok(integer) if integer.unsigned_abs() < 1 << 53 => Ok(Some(integer)),
            _ => Err(self.wrong("the integer is too large")),
        }
    }

    /// A string in single or double quotes, with the escapes of JSON and `\'`.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, String> {
        let Some(quote @ ('\'' | '"')) = self.peek() else { return Ok(None) };
        self.bump();
        let mut json = String::from("\"");
        loop {
            match self.bump() {
                None => return Err(self.wrong("a quote is not closed")),
                Some(c) if c == quote => break,
                Some('\\') => match self.bump() {
                    None => return Err(self.wrong("a quote is not closed")),
                    Some(other @ ('\'' | '"')) if other != quote => {
                        return Err(self.wrong("only the quote that encloses a string is escaped in it"));
                    }
                    Some('\'') => json.push('\''),
                    Some(escaped) => json.extend(['\\', escaped]),
                },
                Some('"') => json.push_str("\\\""),
                Some(c) => json.push(c),
            }
        }
        json.push('"');
        match serde_json::from_str::<String>(&json) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(self.wrong("a quoted string has an escape that JSON does not know")),
        }
    }

    /// A number, if one stands here.
    pub(super) fn number(&mut self) -> Result<Option<Tree<'static>>, String> {
        if !self.peek().is_some_and(|c| c == '-' || c.is_ascii_digit()) {
            return Ok(None);
        }
        let text = self.take_while(|c| matches!(c, '-' | '+' | '.' | 'e' | 'E') || c.is_ascii_digit());
        let number = Number::parse(text).map_err(|_| self.wrong(&format!("`{text}` is no number")))?;
        Ok(Some(Tree::Number(number.into_owned())))
    }
}

//! I-Regexp (RFC 9485), the regular expressions of RFC 9535, as expressions of a library that matches in time
//! linear in the text. It looks at no object.

use std::fmt::Write;

use regex::{Regex, RegexBuilder};

use super::condition::Extent;

/// Bytes that a compiled expression may take.
const SIZE: usize = 1 << 18;

/// Groups in groups at most.
const DEPTH: usize = 32;

/// General categories of Unicode, as `\p{..}` takes them.
const CATEGORIES: [&str; 36] = [
    "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe",
    "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs", "C", "Cc", "Cf", "Cn", "Co",
];

/// A compiled expression.
#[derive(Clone, Debug)]
pub(in crate::extract) struct Pattern(Regex);

impl Pattern {
    /// Compiles an I-Regexp.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn compile(source: &str, extent: Extent) -> Result<Self, String> {
        let mut translation = Translation { rest: source, out: String::new() };
        if extent == Extent::Whole {
            translation.out.push_str(r"\A(?:");
        }
        translation.branches(0)?;
        if !translation.rest.is_empty() {
            return Err(translation.wrong());
        }
        if extent == Extent::Whole {
            translation.out.push_str(r")\z");
        }
        let built = RegexBuilder::new(&translation.out).size_limit(SIZE).dfa_size_limit(SIZE).build();
        built.map(Self).map_err(|_| "the regular expression is too large".to_owned())
    }

    /// Whether a text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

struct Translation<'t> {
    rest: &'t str,
    out: String,
}

impl Translation<'_> {
    fn wrong(&self) -> String {
        match self.rest.chars().next() {
            None => "the regular expression ends too soon".to_owned(),
            Some('\\') => {
                let escape: String = self.rest.chars().take(2).collect();
                format!("`{escape}` is no escape of an I-Regexp (RFC 9485); write a class such as `[0-9]`")
            }
            Some(next) => format!("`{next}` is out of place in the regular expression (RFC 9485)"),
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) {
        let mut rest = self.rest.chars();
        rest.next();
        self.rest = rest.as_str();
    }

    fn eat(&mut self, token: char) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn branches(&mut self, depth: usize) -> Result<(), String> {
        if depth > DEPTH {
            return Err("the regular expression is nested too deeply".to_owned());
        }
        loop {
            while self.piece(depth)? {}
            if !self.eat('|') {
                return Ok(());
            }
            self.out.push('|');
        }
    }

    /// An atom and its quantifier, if one stands here.
    fn piece(&mut self, depth: usize) -> Result<bool, String> {
        match self.peek() {
            None | Some('|' | ')') => return Ok(false),
            Some('(') => {
                self.bump();
                self.out.push_str("(?:");
                self.branches(depth + 1)?;
                if !self.eat(')') {
                    return Err(self.wrong());
                }
                self.out.push(')');
            }
            Some('.') => {
                self.bump();
                self.out.push_str(r"[^\n\r]");
            }
            // Of these the RFC's own test suite says that they are anchors.
            Some('^') => {
                self.bump();
                self.out.push_str(r"\A");
                return Ok(true);
            }
            Some('$') => {
                self.bump();
                self.out.push_str(r"\z");
                return Ok(true);
            }
            Some('[') => self.class()?,
            Some('\\') => self.escape()?,
            Some('*' | '+' | '?' | ']' | '{' | '}') => return Err(self.wrong()),
            Some(normal) => {
                self.bump();
                self.literal(normal);
            }
        }
        self.quantifier()?;
        Ok(true)
    }

    fn quantifier(&mut self) -> Result<(), String> {
        match self.peek() {
            Some(sign @ ('*' | '+' | '?')) => {
                self.bump();
                self.out.push(sign);
            }
            Some('{') => {
                self.bump();
                self.out.push('{');
                self.digits()?;
                if self.eat(',') {
                    self.out.push(',');
                    if self.peek() != Some('}') {
                        self.digits()?;
                    }
                }
                if !self.eat('}') {
                    return Err(self.wrong());
                }
                self.out.push('}');
            }
            _ => {}
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), String> {
        if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Err(self.wrong());
        }
        while let Some(digit) = self.peek().filter(char::is_ascii_digit) {
            self.out.push(digit);
            self.bump();
        }
        Ok(())
    }

    /// A character that stands for itself; the library must not read more into it.
    fn literal(&mut self, c: char) {
        if c.is_ascii_alphanumeric() {
            self.out.push(c);
        } else {
            // Writing to a string does not fail.
            let _ = write!(self.out, r"\x{{{:x}}}", u32::from(c));
        }
    }

    /// `\n`, `\.`, `\p{L}` and the like.
    fn escape(&mut self) -> Result<(), String> {
        let mut after = self.rest.chars();
        after.next();
        match after.next() {
            Some('n') => self.literal('\n'),
            Some('r') => self.literal('\r'),
            Some('t') => self.literal('\t'),
            Some(
                c @ ('(' | ')' | '*' | '+' | '-' | '.' | '?' | '[' | '\\' | ']' | '^' | '{' | '|' | '}'),
            ) => {
                self.literal(c);
            }
            Some(sign @ ('p' | 'P')) => {
                let name = after.as_str().strip_prefix('{').and_then(|rest| rest.split_once('}'));
                let Some((name, rest)) = name.filter(|(name, _)| CATEGORIES.contains(name)) else {
                    return Err(self.wrong());
                };
                let _ = write!(self.out, r"\{sign}{{{name}}}");
                self.rest = rest;
                return Ok(());
            }
            _ => return Err(self.wrong()),
        }
        self.rest = after.as_str();
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        self.bump();
        self.out.push('[');
        if self.eat('^') {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            match self.peek() {
                Some(']') if !first => {
                    self.bump();
                    self.out.push(']');
                    return Ok(());
                }
                // First or last it stands for itself.
                Some('-') if first || self.rest.starts_with("-]") => {
                    self.bump();
                    self.literal('-');
                }
                Some('\\') if self.rest.starts_with(r"\p") || self.rest.starts_with(r"\P") => {
                    self.escape()?
                }
                _ => {
                    self.member()?;
                    if self.peek() == Some('-') && !self.rest.starts_with("-]") {
                        self.bump();
                        self.out.push('-');
                        self.member()?;
                    }
                }
            }
            first = false;
        }
    }

    /// One character of a class.
    fn member(&mut self) -> Result<(), String> {
        match self.peek() {
            None | Some('-' | '[' | ']') => Err(self.wrong()),
            Some('\\') if self.rest.starts_with(r"\p") || self.rest.starts_with(r"\P") => Err(self.wrong()),
            Some('\\') => self.escape(),
            Some(c) => {
                self.bump();
                self.literal(c);
                Ok(())
            }
        }
    }
}

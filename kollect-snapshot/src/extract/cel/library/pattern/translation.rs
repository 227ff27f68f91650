//! From the regular expressions of Go to those of the library, so that each means what it means there: `\d` and the
//! like are ASCII, `[[a]` and `[a&&b]` are plain classes, `\<` is a character. What it cannot say it refuses.

use std::fmt::Write;

/// Repetitions at most, as in Go.
const REPEAT: u32 = 1000;

/// Translates an expression.
///
/// # Errors
/// What is wrong with it, or not known.
pub(super) fn translate(source: &str) -> Result<String, String> {
    let mut translation = Translation { rest: source, out: String::new() };
    while let Some(next) = translation.peek() {
        translation.part(next)?;
    }
    Ok(translation.out)
}

struct Translation<'t> {
    rest: &'t str,
    out: String,
}

impl Translation<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let mut rest = self.rest.chars();
        let next = rest.next();
        self.rest = rest.as_str();
        next
    }

    fn literal(&mut self, c: char) {
        // Writing to a string does not fail.
        let _ = if c.is_alphanumeric() || c == '_' {
            write!(self.out, "{c}")
        } else {
            write!(self.out, r"\x{{{:x}}}", u32::from(c))
        };
    }

    fn part(&mut self, next: char) -> Result<(), String> {
        match next {
            '\\' => self.escape(),
            '[' => self.class(),
            '{' => self.repetition(),
            '(' => self.group(),
            '*' | '+' | '?' => {
                self.bump();
                self.out.push(next);
                self.repeated()
            }
            '^' | '$' | '.' | '|' | ')' => {
                self.bump();
                self.out.push(next);
                Ok(())
            }
            _ => {
                self.bump();
                self.literal(next);
                Ok(())
            }
        }
    }

    /// What stands in the braces of a repetition.
    fn bounds(&self) -> Option<&str> {
        let (inner, _) = self.rest.strip_prefix('{')?.split_once('}')?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        let is_counted = match inner.split_once(',') {
            Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
            None => is_number(inner),
        };
        is_counted.then_some(inner)
    }

    /// After a repetition: it may be lazy, and is not repeated itself.
    fn repeated(&mut self) -> Result<(), String> {
        if self.peek() == Some('?') {
            self.bump();
            self.out.push('?');
        }
        if matches!(self.peek(), Some('*' | '+' | '?')) || self.bounds().is_some() {
            return Err("a repetition is repeated".to_owned());
        }
        Ok(())
    }

    /// A brace that counts nothing stands for itself.
    fn repetition(&mut self) -> Result<(), String> {
        let Some(bounds) = self.bounds().map(str::to_owned) else {
            self.bump();
            self.literal('{');
            return Ok(());
        };
        let too_many = |bound: &str| !bound.is_empty() && bound.parse::<u32>().map_or(true, |n| n > REPEAT);
        if bounds.split(',').any(too_many) {
            return Err(format!("a repetition has at most {REPEAT}"));
        }
        // Writing to a string does not fail.
        let _ = write!(self.out, "{{{bounds}}}");
        self.rest = self.rest.get(bounds.len() + 2..).unwrap_or_default();
        self.repeated()
    }

    /// A parenthesis, and its flags or its name.
    fn group(&mut self) -> Result<(), String> {
        self.bump();
        self.out.push('(');
        let Some(special) = self.rest.strip_prefix('?') else { return Ok(()) };
        let end = special.find(|c: char| !(c.is_ascii_alphabetic() || c == '-')).unwrap_or(special.len());
        let (flags, after) = special.split_at_checked(end).unwrap_or((special, ""));
        let named = after.starts_with('<') && matches!(flags, "" | "P");
        let known = flags.chars().all(|flag| matches!(flag, 'i' | 'm' | 's' | 'U' | '-'));
        let flagged = known && after.starts_with([':', ')']);
        if !named && !flagged {
            return Err(format!("`(?{}` is not known", special.chars().take(3).collect::<String>()));
        }
        if named {
            // Nothing asks for what a name stands for, and Go lets two groups have one.
            let (name, rest) = after.get(1..).and_then(|after| after.split_once('>')).unwrap_or_default();
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err("a group needs a name of letters, digits and underscores".to_owned());
            }
            self.rest = rest;
            return Ok(());
        }
        let taken = 1 + flags.len();
        self.out.push_str(self.rest.get(..taken).unwrap_or_default());
        self.rest = self.rest.get(taken..).unwrap_or_default();
        if flagged && after.starts_with(':') {
            self.bump();
            self.out.push(':');
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        self.bump();
        let Some(next) = self.bump() else { return Err("it ends with a backslash".to_owned()) };
        match next {
            'b' => self.out.push_str(r"(?-u:\b)"),
            'B' => return Err("`\\B` is not supported".to_owned()),
            'A' | 'z' => self.out.extend(['\\', next]),
            'Q' => {
                let (quoted, rest) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                for c in quoted.chars() {
                    self.literal(c);
                }
            }
            'E' => {}
            _ if self.shorthand(next)? => {}
            _ => {
                let c = self.character(next)?;
                self.literal(c);
            }
        }
        Ok(())
    }

    /// `\d` and `\p{L}`, within classes and without.
    fn shorthand(&mut self, next: char) -> Result<bool, String> {
        self.out.push_str(match next {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            's' => r"[\t\n\x0c\r ]",
            'S' => r"[^\t\n\x0c\r ]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            'p' | 'P' => {
                let name = match self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
                    Some((name, rest)) => {
                        self.rest = rest;
                        name.to_owned()
                    }
                    None => {
                        self.bump().filter(char::is_ascii_uppercase).map(String::from).unwrap_or_default()
                    }
                };
                if name.is_empty() || !name.bytes().all(|c| c.is_ascii_alphabetic() || c == b'_') {
                    return Err(format!("`\\{next}` needs the name of a category or a script"));
                }
                // Writing to a string does not fail.
                let _ = write!(self.out, "\\{next}{{{name}}}");
                return Ok(true);
            }
            _ => return Ok(false),
        });
        Ok(true)
    }

    /// An escape that stands for one character; what precedes it is taken.
    fn character(&mut self, next: char) -> Result<char, String> {
        let wrong = || Err(format!("`\\{next}` is no escape of Go's regular expressions"));
        let digits = |text: &str, radix| u32::from_str_radix(text, radix).ok().and_then(char::from_u32);
        match next {
            'a' => Ok('\u{7}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\u{b}'),
            'x' => {
                let (code, rest) = match self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
                    Some(split) => split,
                    None => self.rest.split_at_checked(2).unwrap_or(("", "")),
                };
                if code.is_empty() || !code.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return wrong();
                }
                self.rest = rest;
                digits(code, 16).map_or_else(wrong, Ok)
            }
            '0'..='7' => {
                let more =
                    self.rest.bytes().take(2).take_while(|digit| (b'0'..=b'7').contains(digit)).count();
                if next != '0' && more == 0 {
                    return Err("it refers back to a group, which Go's have not".to_owned());
                }
                let (code, rest) = self.rest.split_at_checked(more).unwrap_or(("", self.rest));
                self.rest = rest;
                digits(&format!("{next}{code}"), 8).map_or_else(wrong, Ok)
            }
            c if c.is_ascii_punctuation() || c == ' ' => Ok(c),
            _ => wrong(),
        }
    }

    fn class(&mut self) -> Result<(), String> {
        self.bump();
        self.out.push('[');
        if self.peek() == Some('^') {
            self.bump();
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(next) = self.peek() else { return Err("a class is not closed".to_owned()) };
            if next == ']' && !first {
                self.bump();
                self.out.push(']');
                return Ok(());
            }
            first = false;
            if let Some((name, rest)) = self.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) {
                // Writing to a string does not fail.
                let _ = write!(self.out, "[:{name}:]");
                self.rest = rest;
                continue;
            }
            self.bump();
            let mut from = next;
            if next == '\\' {
                let Some(escaped) = self.bump() else { return Err("a class is not closed".to_owned()) };
                if self.shorthand(escaped)? {
                    continue;
                }
                from = self.character(escaped)?;
            }
            self.literal(from);
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.bump();
                let to = match self.bump() {
                    Some('\\') => match self.bump() {
                        Some(escaped) => self.character(escaped)?,
                        None => return Err("a class is not closed".to_owned()),
                    },
                    Some(to) => to,
                    None => return Err("a class is not closed".to_owned()),
                };
                self.out.push('-');
                self.literal(to);
            }
        }
    }
}

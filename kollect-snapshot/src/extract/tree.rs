//! A parsed JSON value that borrows from its text and keeps integers digit for digit. It does not scrub.

use std::borrow::Cow;

use crate::canonical::{JsonError, MAX_DEPTH, write_string};
use crate::extract::skip::Cursor;

/// A JSON value. Maps are sorted by key, each key once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tree<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    String(Cow<'a, str>),
    List(Vec<Tree<'a>>),
    Map(Vec<(Cow<'a, str>, Tree<'a>)>),
}

/// A number in its canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number<'a>(Cow<'a, str>);

impl<'a> Number<'a> {
    /// Reads a number as JSON spells it.
    pub(crate) fn parse(token: &'a str) -> Result<Self, JsonError> {
        let digits = token.strip_prefix('-').unwrap_or(token);
        if !grammatical(digits) {
            return Err(JsonError::Syntax { offset: 0 });
        }
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(if digits == "0" { Self(Cow::Borrowed("0")) } else { Self(Cow::Borrowed(token)) });
        }
        let float: f64 = token.parse().map_err(|_| JsonError::NumberRange)?;
        Self::from_float(float).ok_or(JsonError::NumberRange)
    }

    /// The shortest spelling of a float; none for infinities and what is not a number.
    pub(crate) fn from_float(float: f64) -> Option<Self> {
        let number = serde_json::Number::from_f64(if float == 0.0 { 0.0 } else { float })?;
        Some(Self(Cow::Owned(number.to_string())))
    }

    /// The spelling of an integer.
    pub(crate) fn from_integer(integer: impl Into<i128>) -> Self {
        Self(Cow::Owned(integer.into().to_string()))
    }

    /// The same number, borrowing nothing.
    pub(crate) fn into_owned(self) -> Number<'static> {
        Number(Cow::Owned(self.0.into_owned()))
    }

    /// The canonical spelling.
    pub(crate) fn into_text(self) -> Cow<'a, str> {
        self.0
    }

    /// The canonical spelling.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is spelled without fraction and exponent.
    pub(crate) fn is_integer(&self) -> bool {
        !self.0.contains(['.', 'e', 'E'])
    }

    /// The nearest float.
    pub(crate) fn as_float(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }
}

/// RFC 8259's number without its sign.
fn grammatical(digits: &str) -> bool {
    let whole_end = digits.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let (whole, mut rest) = digits.split_at_checked(whole_end).unwrap_or((digits, ""));
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
        return false;
    }
    let run = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = run(fraction);
        if length == 0 {
            return false;
        }
        rest = fraction.get(length..).unwrap_or_default();
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let length = run(exponent);
        if length == 0 {
            return false;
        }
        rest = exponent.get(length..).unwrap_or_default();
    }
    rest.is_empty()
}

impl<'a> Tree<'a> {
    /// Reads exactly one value.
    pub(crate) fn parse(text: &'a str) -> Result<Self, JsonError> {
        let mut cursor = Cursor::new(text);
        let tree = Self::read(&mut cursor, 0)?;
        if cursor.done() { Ok(tree) } else { Err(cursor.error()) }
    }

    fn read(cursor: &mut Cursor<'a>, depth: usize) -> Result<Self, JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        match cursor.peek() {
            Some(b'"') => Ok(Self::String(cursor.string()?.decode()?)),
            Some(b'[') => Self::read_list(cursor, depth),
            Some(b'{') => Self::read_map(cursor, depth),
            _ => match cursor.value()? {
                "null" => Ok(Self::Null),
                "true" => Ok(Self::Bool(true)),
                "false" => Ok(Self::Bool(false)),
                token => Number::parse(token).map(Self::Number),
            },
        }
    }

    fn read_list(cursor: &mut Cursor<'a>, depth: usize) -> Result<Self, JsonError> {
        let mut items = Vec::new();
        cursor.eat(b'[');
        if cursor.eat(b']') {
            return Ok(Self::List(items));
        }
        loop {
            items.push(Self::read(cursor, depth + 1)?);
            if !cursor.next(b']')? {
                return Ok(Self::List(items));
            }
        }
    }

    fn read_map(cursor: &mut Cursor<'a>, depth: usize) -> Result<Self, JsonError> {
        let mut members: Vec<(Cow<'a, str>, Self)> = Vec::new();
        cursor.eat(b'{');
        if cursor.eat(b'}') {
            return Ok(Self::Map(members));
        }
        loop {
            let key = cursor.key()?.decode()?;
            members.push((key, Self::read(cursor, depth + 1)?));
            if !cursor.next(b'}')? {
                return Ok(Self::map(members));
            }
        }
    }

    /// A map of `members`: sorted, the last of equal keys kept.
    pub(crate) fn map(mut members: Vec<(Cow<'a, str>, Self)>) -> Self {
        // Stable, so that of equal keys the last one in the text comes last.
        members.sort_by(|left, right| left.0.cmp(&right.0));
        members.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(&mut later.1, &mut kept.1);
            }
            same
        });
        Self::Map(members)
    }

    /// Appends the canonical text.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(number) => out.push_str(number.as_str()),
            Self::String(text) => write_string(text, out),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Map(members) => {
                out.push('{');
                for (index, (key, item)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_string(key, out);
                    out.push(':');
                    item.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The canonical text.
    pub(crate) fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// The JSON type's name, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// Equality by value: `1` equals `1.0`, also inside lists and maps.
    pub(crate) fn equals(&self, other: &Tree<'_>) -> bool {
        match (self, other) {
            (Self::Null, Tree::Null) => true,
            (Self::Bool(left), Tree::Bool(right)) => left == right,
            (Self::Number(left), Tree::Number(right)) => {
                if left.is_integer() && right.is_integer() {
                    left.as_str() == right.as_str()
                } else {
                    left.as_float() == right.as_float()
                }
            }
            (Self::String(left), Tree::String(right)) => left == right,
            (Self::List(left), Tree::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.equals(right))
            }
            (Self::Map(left), Tree::Map(right)) => {
                left.len() == right.len()
                    && left
                        .iter()
                        .zip(right)
                        .all(|(left, right)| left.0 == right.0 && left.1.equals(&right.1))
            }
            _ => false,
        }
    }
}

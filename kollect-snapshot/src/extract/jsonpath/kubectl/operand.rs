//! kubectl's conditions, the operands in them, and texts in quotes. Steps are elsewhere.

use std::borrow::Cow;

use super::super::condition::{Comparison, Condition, From, Query, Term};
use super::{excerpt, steps};
use crate::extract::tree::{Number, Tree};

/// The condition of the filter that `text` begins with, and what follows it.
pub(super) fn filter(text: &str, depth: usize) -> Result<(Condition, &str), String> {
    let (inner, rest) = enclosed(text)?;
    let is_sign = |c: char| matches!(c, '!' | '<' | '>' | '=');
    let Some(at) = inner.find(is_sign).filter(|at| *at > 0) else {
        return match operand(inner, depth)? {
            Term::Query(query) => Ok((Condition::Exists(query), rest)),
            _ => Err(format!("a constant is no condition: `{}`", excerpt(inner))),
        };
    };
    let (left, right) = inner.split_at_checked(at).unwrap_or((inner, ""));
    let signs = right.find(|c| !is_sign(c)).unwrap_or(right.len());
    let (sign, right) = right.split_at_checked(signs).unwrap_or((right, ""));
    let how = match sign {
        "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return Err(format!("`{sign}` is no comparison; there are ==, !=, <, <=, > and >=")),
    };
    Ok((Condition::Scalars(operand(left, depth)?, how, operand(right, depth)?), rest))
}

/// What stands between `[?(` and `)]`, and what follows. kubectl ends it at the first `)` outside of the first
/// quotes, so that conditions do not nest.
pub(super) fn enclosed(text: &str) -> Result<(&str, &str), String> {
    let inner = text.get(3..).unwrap_or_default();
    let (mut quote, mut closed, mut previous) = (None, false, '(');
    for (at, c) in inner.char_indices() {
        match c {
            '\n' => break,
            '"' | '\'' if quote.is_none() => quote = Some(c),
            c if Some(c) == quote && previous != '\\' => closed = true,
            ')' if quote.is_some() == closed => {
                let (condition, rest) = inner.split_at_checked(at).unwrap_or((inner, ""));
                return match rest.strip_prefix(")]") {
                    Some(rest) => Ok((condition, rest)),
                    None => Err(format!(
                        "a condition ends with `)]`, and kubectl's do not nest: `{}`; use `$` or CEL",
                        excerpt(text)
                    )),
                };
            }
            _ => {}
        }
        previous = c;
    }
    Err(format!("a condition is not closed, before `{}`", excerpt(text)))
}

/// One side of a comparison, or the path of a condition.
fn operand(text: &str, depth: usize) -> Result<Term, String> {
    let text = text.trim_matches(' ');
    let literal = |tree| Ok(Term::Literal(tree));
    match text.chars().next() {
        None => Err("a side of the comparison is missing".to_owned()),
        Some('"' | '\'') => literal(Tree::String(Cow::Owned(unquote(text)?))),
        Some('+' | '-' | '0'..='9') => number(text).map(|number| Term::Literal(Tree::Number(number))),
        Some(_) if text == "true" => literal(Tree::Bool(true)),
        Some(_) if text == "false" => literal(Tree::Bool(false)),
        Some(_) => Ok(Term::Query(Query { from: From::Current, steps: steps(text, depth + 1)? })),
    }
}

/// A number as kubectl reads it: no exponent, any leading zeros.
fn number(text: &str) -> Result<Number<'static>, String> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let wrong = || format!("`{}` is no number that kubectl knows", excerpt(text));
    if text.len() > unsigned.len() + 1 || !unsigned.bytes().all(|c| c == b'.' || c.is_ascii_digit()) {
        // What follows a number may be an attempt to go on.
        let more = unsigned.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit()).trim_start();
        return Err(match more.chars().next() {
            Some('&' | '|') => super::unexpected(more, '&'),
            _ => wrong(),
        });
    }
    if let Ok(integer) = text.parse::<i64>() {
        return Ok(Number::from_integer(integer));
    }
    text.parse::<f64>().ok().and_then(Number::from_float).ok_or_else(wrong)
}

/// The text in quotes that `text` begins with, quotes included, and what follows it.
pub(super) fn quoted(text: &str) -> Result<(&str, &str), String> {
    let mut previous = None;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            None => quote = Some(c),
            Some(quote) if c == quote && previous != Some('\\') => {
                return Ok(text.split_at_checked(at + c.len_utf8()).unwrap_or((text, "")));
            }
            Some(_) if c == '\n' => break,
            Some(_) => {}
        }
        previous = Some(c);
    }
    Err(format!("a quote is not closed, before `{}`", excerpt(text)))
}

/// What a text in quotes says, with the escapes of Go.
pub(super) fn unquote(text: &str) -> Result<String, String> {
    let (inner, rest) = quoted(text)?;
    if !rest.is_empty() {
        return Err(match rest.trim_start().chars().next() {
            Some('&' | '|') => super::unexpected(rest, '&'),
            _ => format!("text follows the quotes: `{}`", excerpt(rest)),
        });
    }
    let quote = inner.chars().next();
    let inner = inner.get(1..inner.len() - 1).unwrap_or_default();
    let mut out = String::new();
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let wrong = || format!("the escape `\\{}` is not known", excerpt(rest.as_str()));
        let escape = rest.clone().next().ok_or_else(wrong)?;
        let digits = match escape {
            'x' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='7' => (3, 8),
            _ => (0, 16),
        };
        if let (length @ 1.., radix) = digits {
            let spelled = rest.as_str().get(usize::from(radix == 16)..).and_then(|rest| rest.get(..length));
            let code = spelled
                .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|digits| u32::from_str_radix(digits, radix).ok())
                // Bytes that are no characters of their own would have to make one with their neighbours.
                .filter(|code| matches!(escape, 'u' | 'U') || *code < 0x80);
            out.push(code.and_then(char::from_u32).ok_or_else(wrong)?);
            rest = rest.as_str().get(length + usize::from(radix == 16)..).unwrap_or_default().chars();
            continue;
        }
        out.push(match escape {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' => '\\',
            other if Some(other) == quote => other,
            _ => return Err(wrong()),
        });
        rest.next();
    }
    Ok(out)
}

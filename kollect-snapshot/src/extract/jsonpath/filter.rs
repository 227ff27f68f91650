//! The grammar of RFC 9535's conditions and functions, and their types. It judges nothing.

use std::borrow::Cow;

use super::condition::{Comparison, Condition, Expected, Extent, From, Query, Term};
use super::iregexp::Pattern;
use super::lex::Cursor;
use super::rfc9535::steps;
use super::singular;
use crate::extract::tree::Tree;

/// Conditions in conditions at most.
const DEPTH: usize = 32;

/// Something that an operand may be, before it is known what is needed there.
enum Expression {
    Value(Term),
    Nodes(Query),
    Logical(Condition),
}

pub(super) fn condition(cursor: &mut Cursor<'_>) -> Result<Condition, String> {
    any(cursor, 0)
}

fn any(cursor: &mut Cursor<'_>, depth: usize) -> Result<Condition, String> {
    if depth > DEPTH {
        return Err("the condition is nested too deeply".to_owned());
    }
    let mut parts = vec![all(cursor, depth)?];
    while after_space(cursor, "||") {
        parts.push(all(cursor, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Or(parts) })
}

fn all(cursor: &mut Cursor<'_>, depth: usize) -> Result<Condition, String> {
    let mut parts = vec![basic(cursor, depth)?];
    while after_space(cursor, "&&") {
        parts.push(basic(cursor, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::And(parts) })
}

fn basic(cursor: &mut Cursor<'_>, depth: usize) -> Result<Condition, String> {
    cursor.space();
    let negated = cursor.eat("!");
    cursor.space();
    let inner = if cursor.eat("(") {
        let inner = any(cursor, depth + 1)?;
        cursor.space();
        cursor.need(")")?;
        inner
    } else if negated {
        let operand = expression(cursor)?;
        test(cursor, operand)?
    } else {
        comparison(cursor)?
    };
    Ok(if negated { Condition::Not(Box::new(inner)) } else { inner })
}

/// A comparison, or what holds by itself.
fn comparison(cursor: &mut Cursor<'_>) -> Result<Condition, String> {
    let left = expression(cursor)?;
    let Some(how) = operator(cursor) else { return test(cursor, left) };
    cursor.space();
    let right = expression(cursor)?;
    Ok(Condition::Compare(term(cursor, left)?, how, term(cursor, right)?))
}

fn operator(cursor: &mut Cursor<'_>) -> Option<Comparison> {
    let words = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    let before = cursor.mark();
    cursor.space();
    let found = words.into_iter().find(|(word, _)| cursor.eat(word));
    if found.is_none() {
        cursor.back(before);
    }
    found.map(|(_, how)| how)
}

/// What holds or not by itself.
fn test(cursor: &Cursor<'_>, operand: Expression) -> Result<Condition, String> {
    match operand {
        Expression::Nodes(query) => Ok(Condition::Exists(query)),
        Expression::Logical(condition) => Ok(condition),
        Expression::Value(_) => Err(cursor.wrong("a comparison is needed")),
    }
}

/// What has a value, as comparisons and most arguments need it.
fn term(cursor: &Cursor<'_>, operand: Expression) -> Result<Term, String> {
    match operand {
        Expression::Value(term) => Ok(term),
        Expression::Nodes(query) if singular(&query.steps) => Ok(Term::Query(query)),
        Expression::Nodes(_) => {
            Err(cursor.wrong("a path to one value is needed, or value() around this one"))
        }
        Expression::Logical(_) => Err(cursor.wrong("match() and search() have no value to compare or count")),
    }
}

fn expression(cursor: &mut Cursor<'_>) -> Result<Expression, String> {
    let from = match cursor.peek() {
        Some('@') => Some(From::Current),
        Some('$') => Some(From::Root),
        _ => None,
    };
    if let Some(from) = from {
        cursor.bump();
        return Ok(Expression::Nodes(Query { from, steps: steps(cursor)? }));
    }
    if let Some(text) = cursor.quoted()? {
        return Ok(Expression::Value(Term::Literal(Tree::String(Cow::Owned(text)))));
    }
    if let Some(value) = cursor.number()? {
        return Ok(Expression::Value(Term::Literal(value)));
    }
    let before = cursor.mark();
    let word = cursor.take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let constant = match word {
        "true" => Some(Tree::Bool(true)),
        "false" => Some(Tree::Bool(false)),
        "null" => Some(Tree::Null),
        _ => None,
    };
    if let Some(constant) = constant {
        return Ok(Expression::Value(Term::Literal(constant)));
    }
    if !word.is_empty() && cursor.eat("(") {
        cursor.enter()?;
        let called = function(cursor, word)?;
        cursor.leave();
        return Ok(called);
    }
    cursor.back(before);
    Err(cursor.wrong("`@`, `$`, a function, a quoted text, a number, true, false or null is needed"))
}

/// A call; the cursor stands behind the opening parenthesis.
fn function(cursor: &mut Cursor<'_>, name: &str) -> Result<Expression, String> {
    let mut arguments = Vec::new();
    cursor.space();
    if !cursor.eat(")") {
        loop {
            cursor.space();
            arguments.push(expression(cursor)?);
            cursor.space();
            if cursor.eat(")") {
                break;
            }
            cursor.need(",")?;
        }
    }
    let wrong = |needs: &str| Err(cursor.wrong(&format!("{name}() needs {needs}")));
    let mut arguments = arguments.into_iter();
    let (first, second, more) = (arguments.next(), arguments.next(), arguments.next());
    match (name, first, second, more) {
        ("length", Some(value), None, None) => {
            Ok(Expression::Value(Term::Length(Box::new(term(cursor, value)?))))
        }
        ("count", Some(Expression::Nodes(query)), None, None) => Ok(Expression::Value(Term::Count(query))),
        ("value", Some(Expression::Nodes(query)), None, None) => Ok(Expression::Value(Term::Value(query))),
        ("match" | "search", Some(subject), Some(pattern), None) => {
            let extent = if name == "match" { Extent::Whole } else { Extent::Part };
            let expected = match term(cursor, pattern)? {
                Term::Literal(Tree::String(source)) => Expected::Fixed(Pattern::compile(&source, extent)?),
                other => Expected::Found(other),
            };
            let subject = Box::new(term(cursor, subject)?);
            Ok(Expression::Logical(Condition::Matches(subject, Box::new(expected), extent)))
        }
        ("length", ..) => wrong("one value"),
        ("count" | "value", ..) => wrong("one path"),
        ("match" | "search", ..) => wrong("a text and a regular expression"),
        _ => {
            Err(format!("{name}() is no function of RFC 9535; it has length, count, match, search and value"))
        }
    }
}

fn after_space(cursor: &mut Cursor<'_>, token: &str) -> bool {
    let before = cursor.mark();
    cursor.space();
    let found = cursor.eat(token);
    if !found {
        cursor.back(before);
    }
    found
}

//! The grammar of conditions. kubectl knows one comparison or one path; RFC 9535 more.

use std::borrow::Cow;

use super::lex::Cursor;
use super::parse::{Dialect, steps};
use super::{Comparison, Condition, Operand, singular};
use crate::extract::tree::Tree;

/// Conditions in conditions at most.
const DEPTH: usize = 32;

pub(super) fn condition(cursor: &mut Cursor<'_>, dialect: Dialect) -> Result<Condition, String> {
    cursor.space();
    if dialect == Dialect::Kubectl {
        cursor.need("(")?;
        let condition = comparison(cursor, dialect)?;
        cursor.space();
        if cursor.rest().starts_with("&&") || cursor.rest().starts_with("||") {
            return Err("kubectl's JSONPath knows no `&&` and `||`; use a path that starts with `$`, or CEL"
                .to_owned());
        }
        cursor.need(")")?;
        return Ok(present(condition));
    }
    any(cursor, dialect, 0)
}

/// kubectl passes over a child that lacks a side of the comparison, also for `!=`.
fn present(condition: Condition) -> Condition {
    let Condition::Compare(left, how, right) = condition else { return condition };
    let mut parts: Vec<Condition> = [&left, &right]
        .into_iter()
        .filter(|side| matches!(side, Operand::Current(_)))
        .map(|side| Condition::Exists(side.clone()))
        .collect();
    parts.push(Condition::Compare(left, how, right));
    Condition::And(parts)
}

fn any(cursor: &mut Cursor<'_>, dialect: Dialect, depth: usize) -> Result<Condition, String> {
    if depth > DEPTH {
        return Err("the condition is nested too deeply".to_owned());
    }
    let mut parts = vec![all(cursor, dialect, depth)?];
    while after_space(cursor, "||") {
        parts.push(all(cursor, dialect, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Or(parts) })
}

fn all(cursor: &mut Cursor<'_>, dialect: Dialect, depth: usize) -> Result<Condition, String> {
    let mut parts = vec![basic(cursor, dialect, depth)?];
    while after_space(cursor, "&&") {
        parts.push(basic(cursor, dialect, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::And(parts) })
}

fn basic(cursor: &mut Cursor<'_>, dialect: Dialect, depth: usize) -> Result<Condition, String> {
    cursor.space();
    let negated = cursor.eat("!");
    cursor.space();
    let inner = if cursor.eat("(") {
        let inner = any(cursor, dialect, depth + 1)?;
        cursor.space();
        cursor.need(")")?;
        inner
    } else {
        comparison(cursor, dialect)?
    };
    Ok(if negated { Condition::Not(Box::new(inner)) } else { inner })
}

fn comparison(cursor: &mut Cursor<'_>, dialect: Dialect) -> Result<Condition, String> {
    cursor.space();
    let left = operand(cursor, dialect)?;
    cursor.space();
    let words = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    let Some((_, how)) = words.into_iter().find(|(word, _)| cursor.eat(word)) else {
        return match left {
            Operand::Literal(_) => Err(cursor.wrong("a comparison is needed")),
            path @ Operand::Current(_) => Ok(Condition::Exists(path)),
        };
    };
    cursor.space();
    let right = operand(cursor, dialect)?;
    for side in [&left, &right] {
        if let Operand::Current(steps) = side
            && !singular(steps)
        {
            return Err(cursor.wrong("a comparison needs paths to one value each"));
        }
    }
    Ok(Condition::Compare(left, how, right))
}

fn operand(cursor: &mut Cursor<'_>, dialect: Dialect) -> Result<Operand, String> {
    if cursor.eat("@") {
        return Ok(Operand::Current(steps(cursor, dialect)?));
    }
    if cursor.peek() == Some('$') {
        return Err(cursor.wrong("a condition may look at `@` only, not at `$`; use CEL"));
    }
    if let Some(text) = cursor.quoted()? {
        return Ok(Operand::Literal(Tree::String(Cow::Owned(text))));
    }
    if let Some(value) = cursor.scalar()? {
        return Ok(Operand::Literal(value));
    }
    Err(cursor.wrong(
        "`@`, a quoted text, a number, true, false or null is needed; functions are not supported, use CEL",
    ))
}

fn after_space(cursor: &mut Cursor<'_>, token: &str) -> bool {
    cursor.space();
    cursor.eat(token)
}

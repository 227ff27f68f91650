//! The grammar of RFC 9535: segments and selectors. What it does not know it refuses; it never guesses.

use super::filter::condition;
use super::lex::Cursor;
use super::{STEPS, Selector, Step};

/// What a name without quotes may begin with.
fn is_first(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// Parses what follows the `$`.
pub(super) fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut cursor = Cursor::new(text);
    let steps = steps(&mut cursor)?;
    if cursor.done() { Ok(steps) } else { Err(cursor.wrong("a segment such as `.name` or `[0]` is needed")) }
}

/// As many segments as stand here.
pub(super) fn steps(cursor: &mut Cursor<'_>) -> Result<Vec<Step>, String> {
    let mut all = Vec::new();
    loop {
        if all.len() > STEPS {
            return Err(format!("a path has at most {STEPS} steps"));
        }
        cursor.space_before(&['.', '[']);
        let step = if cursor.eat("..") {
            if cursor.peek() == Some('[') {
                Step::Below(brackets(cursor)?)
            } else {
                Step::Below(vec![dotted(cursor)?])
            }
        } else if cursor.peek() == Some('[') {
            Step::Pick(brackets(cursor)?)
        } else if cursor.eat(".") {
            Step::Pick(vec![dotted(cursor)?])
        } else {
            return Ok(all);
        };
        all.push(step);
    }
}

/// A name or `*` after a dot.
fn dotted(cursor: &mut Cursor<'_>) -> Result<Selector, String> {
    if cursor.eat("*") {
        return Ok(Selector::All);
    }
    if !cursor.peek().is_some_and(is_first) {
        return Err(
            cursor.wrong("a name is needed after the dot; quote others, as in `['app.kubernetes.io/name']`")
        );
    }
    Ok(Selector::Name(cursor.take_while(|c| is_first(c) || c.is_ascii_digit()).to_owned()))
}

fn brackets(cursor: &mut Cursor<'_>) -> Result<Vec<Selector>, String> {
    cursor.need("[")?;
    cursor.enter()?;
    let mut selectors = Vec::new();
    loop {
        cursor.space();
        selectors.push(selector(cursor)?);
        cursor.space();
        if cursor.eat("]") {
            cursor.leave();
            return Ok(selectors);
        }
        cursor.need(",")?;
    }
}

fn selector(cursor: &mut Cursor<'_>) -> Result<Selector, String> {
    if let Some(name) = cursor.quoted()? {
        return Ok(Selector::Name(name));
    }
    if cursor.eat("*") {
        return Ok(Selector::All);
    }
    if cursor.eat("?") {
        return Ok(Selector::Where(condition(cursor)?));
    }
    let start = cursor.integer()?;
    let before = cursor.mark();
    cursor.space();
    if !cursor.eat(":") {
        cursor.back(before);
        return start.map(Selector::Index).ok_or_else(|| {
            cursor.wrong("an index, a slice, a quoted name, `*` or `?(..)` is needed between the brackets")
        });
    }
    cursor.space();
    let end = cursor.integer()?;
    cursor.space();
    let mut step = None;
    if cursor.eat(":") {
        cursor.space();
        step = cursor.integer()?;
    }
    Ok(Selector::Slice(start, end, step.unwrap_or(1)))
}

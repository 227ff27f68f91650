//! The grammar of both dialects. What it does not know it refuses; it never guesses.

use super::filter::condition;
use super::lex::Cursor;
use super::{Parsed, Piece, Selector, Step};

/// The dialect of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Kubectl,
    Rfc9535,
}

/// Steps and nested conditions of one path at most.
const STEPS: usize = 256;

pub(super) fn parse(text: &str) -> Result<Parsed, String> {
    if let Some(rest) = text.strip_prefix('$') {
        let mut cursor = Cursor::new(rest);
        let steps = steps(&mut cursor, Dialect::Rfc9535)?;
        return if cursor.done() {
            Ok(Parsed::Path(steps))
        } else {
            Err(cursor.wrong("a segment such as `.name` or `[0]` is needed"))
        };
    }
    if text.starts_with('.') && !text.contains('{') {
        let mut cursor = Cursor::new(text);
        let steps = steps(&mut cursor, Dialect::Kubectl)?;
        return if cursor.done() { Ok(Parsed::Path(steps)) } else { Err(cursor.wrong("unexpected text")) };
    }
    if text.starts_with("object.") || text.starts_with("object[") {
        return Err(format!("this reads like CEL; write `cel:{text}`"));
    }
    if !text.contains('{') {
        return Err(format!(
            "`{text}` is no path; write `{{.spec.replicas}}`, `$.spec.replicas` or `cel:object.spec.replicas`"
        ));
    }
    template(text)
}

fn template(text: &str) -> Result<Parsed, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let Some(open) = rest.find('{') else {
            pieces.push(Piece::Text(rest.to_owned()));
            break;
        };
        let (before, after) = rest.split_at(open);
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        let mut cursor = Cursor::new(after.get(1..).unwrap_or_default());
        pieces.push(braces(&mut cursor)?);
        rest = cursor.rest();
    }
    match pieces.as_slice() {
        [Piece::Path(steps)] => Ok(Parsed::Path(steps.clone())),
        _ => Ok(Parsed::Template(pieces)),
    }
}

/// What stands between `{` and `}`: a path or a quoted text.
fn braces(cursor: &mut Cursor<'_>) -> Result<Piece, String> {
    cursor.space();
    for word in ["range", "end"] {
        if cursor.rest().starts_with(word) {
            return Err(format!("`{{{word}}}` is not supported; use `[*]` or a CEL expression with map()"));
        }
    }
    let piece = match cursor.quoted()? {
        Some(text) => Piece::Text(text),
        None => {
            let rooted = cursor.eat("$") || cursor.eat("@") || cursor.rest().starts_with(".}");
            let steps = steps(cursor, Dialect::Kubectl)?;
            if steps.is_empty() && !rooted {
                return Err(cursor.wrong("a path such as `.spec.replicas` is needed between the braces"));
            }
            Piece::Path(steps)
        }
    };
    cursor.space();
    cursor.need("}")?;
    Ok(piece)
}

/// As many steps as stand here.
pub(super) fn steps(cursor: &mut Cursor<'_>, dialect: Dialect) -> Result<Vec<Step>, String> {
    let mut all = Vec::new();
    loop {
        if all.len() > STEPS {
            return Err(format!("a path has at most {STEPS} steps"));
        }
        if dialect == Dialect::Rfc9535 {
            cursor.space_before(&['.', '[']);
        }
        let step = if cursor.eat("..") {
            if cursor.peek() == Some('[') {
                Step::Below(brackets(cursor, dialect)?)
            } else {
                Step::Below(vec![dotted(cursor, dialect)?])
            }
        } else if cursor.peek() == Some('[') {
            Step::Pick(brackets(cursor, dialect)?)
        } else if cursor.eat(".") {
            // kubectl reads `{.}` as the object itself, and `.[0]` as `[0]`.
            let kubectl = dialect == Dialect::Kubectl;
            if kubectl && cursor.peek() == Some('[') {
                continue;
            }
            if kubectl && all.is_empty() && matches!(cursor.peek(), None | Some('}')) {
                return Ok(all);
            }
            Step::Pick(vec![dotted(cursor, dialect)?])
        } else {
            return Ok(all);
        };
        all.push(step);
    }
}

/// A name or `*` after a dot.
fn dotted(cursor: &mut Cursor<'_>, dialect: Dialect) -> Result<Selector, String> {
    if cursor.eat("*") {
        return Ok(Selector::All);
    }
    let name = match dialect {
        Dialect::Rfc9535 => {
            let first = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
            if !cursor.peek().is_some_and(first) {
                return Err(cursor.wrong(
                    "a name is needed after the dot; quote others, as in `['app.kubernetes.io/name']`",
                ));
            }
            cursor.take_while(|c| first(c) || c.is_ascii_digit()).to_owned()
        }
        Dialect::Kubectl => kubectl_name(cursor),
    };
    if name.is_empty() {
        Err(cursor.wrong("a name is needed after the dot"))
    } else {
        Ok(Selector::Name(name))
    }
}

/// kubectl ends a name at punctuation, and takes `\.` as a dot within it.
fn kubectl_name(cursor: &mut Cursor<'_>) -> String {
    let mut name = String::new();
    while let Some(c) = cursor.peek() {
        match c {
            '.' | '[' | ']' | '{' | '}' | '(' | ')' | '=' | '!' | '<' | '>' | '&' | '|' | ',' => break,
            c if c.is_whitespace() => break,
            '\\' => {
                cursor.bump();
                name.extend(cursor.bump());
            }
            c => {
                cursor.bump();
                name.push(c);
            }
        }
    }
    name
}

fn brackets(cursor: &mut Cursor<'_>, dialect: Dialect) -> Result<Vec<Selector>, String> {
    cursor.need("[")?;
    cursor.enter()?;
    let mut selectors = Vec::new();
    loop {
        cursor.space();
        selectors.push(selector(cursor, dialect)?);
        cursor.space();
        if cursor.eat("]") {
            cursor.leave();
            return Ok(selectors);
        }
        cursor.need(",")?;
    }
}

fn selector(cursor: &mut Cursor<'_>, dialect: Dialect) -> Result<Selector, String> {
    if let Some(name) = cursor.quoted()? {
        return Ok(Selector::Name(name));
    }
    if cursor.eat("*") {
        return Ok(Selector::All);
    }
    if cursor.eat("?") {
        return Ok(Selector::Where(condition(cursor, dialect)?));
    }
    let start = cursor.integer()?;
    cursor.space();
    if !cursor.eat(":") {
        return start.map(Selector::Index).ok_or_else(|| {
            cursor.wrong("an index, a slice, a quoted name, `*` or `?(..)` is needed between the brackets")
        });
    }
    cursor.space();
    let end = cursor.integer()?;
    cursor.space();
    let step = if cursor.eat(":") {
        cursor.space();
        cursor.integer()?.unwrap_or(1)
    } else {
        1
    };
    if dialect == Dialect::Kubectl && step < 1 {
        return Err(
            "the step of a slice must be positive; use a path that starts with `$` for others".to_owned()
        );
    }
    Ok(Selector::Slice(start, end, step))
}

//! The grammar of kubectl's templates, as k8s.io/client-go/util/jsonpath reads them. Operands of conditions and
//! quoted texts are elsewhere.

use super::kubectl::operand::{filter, unquote};
use super::{Parsed, Piece, STEPS, Selector, Step};

mod operand;

/// Ranges in ranges, and conditions in conditions, at most.
const DEPTH: usize = 16;

/// A template, or a path without braces, as custom columns of kubectl have them.
pub(super) fn parse(text: &str) -> Result<Parsed, String> {
    if text.starts_with('.') && !text.contains('{') {
        return steps(text, 0).map(Parsed::Path);
    }
    if text.starts_with("object.") || text.starts_with("object[") {
        return Err(format!("this reads like CEL; write `cel:{text}`"));
    }
    if !text.contains('{') {
        return Err(format!(
            "`{text}` is no path; write `{{.spec.replicas}}`, `$.spec.replicas` or `cel:object.spec.replicas`"
        ));
    }
    let mut rest = text;
    let mut pieces = pieces(&mut rest, 0)?;
    match pieces.as_slice() {
        [Piece::Path(_)] => match pieces.pop() {
            Some(Piece::Path(steps)) => Ok(Parsed::Path(steps)),
            _ => Ok(Parsed::Template(pieces)),
        },
        _ => Ok(Parsed::Template(pieces)),
    }
}

/// Pieces up to the end of the text, or of the range that they are in.
fn pieces(rest: &mut &str, depth: usize) -> Result<Vec<Piece>, String> {
    if depth > DEPTH {
        return Err("ranges are nested too deeply".to_owned());
    }
    let mut pieces = Vec::new();
    loop {
        let (before, inside) = match rest.split_once('{') {
            Some(split) => split,
            None => (*rest, ""),
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        if before.len() == rest.len() {
            *rest = "";
            if depth > 0 {
                return Err("`{range}` needs an `{end}`".to_owned());
            }
            return Ok(pieces);
        }
        let (action, after) = inside.split_at_checked(closing(inside)?).unwrap_or((inside, ""));
        *rest = after.get(1..).unwrap_or_default();
        let action = action.trim_matches(' ');
        if let Some(path) = word(action, "range") {
            let over = steps(path, 0)?;
            pieces.push(Piece::Range(over, self::pieces(rest, depth + 1)?));
        } else if let Some(more) = word(action, "end") {
            if depth == 0 {
                return Err("`{end}` has no `{range}`".to_owned());
            }
            if !more.is_empty() {
                return Err("`{end}` stands alone between its braces".to_owned());
            }
            return Ok(pieces);
        } else if action.starts_with(['"', '\'']) {
            pieces.push(Piece::Text(unquote(action)?));
        } else {
            pieces.push(Piece::Path(steps(action, 0)?));
        }
    }
}

/// What follows a word that the action begins with.
fn word<'t>(action: &'t str, word: &str) -> Option<&'t str> {
    let after = action.strip_prefix(word)?;
    after.chars().next().is_none_or(is_terminator).then(|| after.trim_start_matches(' '))
}

/// Where the `}` is that closes an action: not within brackets or quotes.
fn closing(text: &str) -> Result<usize, String> {
    let mut rest = text;
    loop {
        let at = text.len() - rest.len();
        let Some(next) = rest.chars().next() else { return Err("expected `}` at the end".to_owned()) };
        rest = match next {
            '}' => return Ok(at),
            '\n' | '\r' => return Err("a line break stands between braces".to_owned()),
            '[' if rest.starts_with("[?(") => operand::enclosed(rest)?.1,
            '[' => bracketed(rest)?.1,
            '"' | '\'' => operand::quoted(rest)?.1,
            '\\' => {
                let mut after = rest.chars();
                after.next();
                after.next();
                after.as_str()
            }
            other => rest.get(other.len_utf8()..).unwrap_or_default(),
        };
    }
}

/// What is in the brackets that `text` begins with, and what follows them. kubectl looks for the first `]`.
fn bracketed(text: &str) -> Result<(&str, &str), String> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match inner {
        Some((inner, rest)) if !inner.contains('\n') => Ok((inner, rest)),
        _ => Err(format!("a bracket is not closed, before `{}`", excerpt(text))),
    }
}

/// The steps that a text spells.
fn steps(text: &str, depth: usize) -> Result<Vec<Step>, String> {
    if depth > DEPTH {
        return Err("the condition is nested too deeply".to_owned());
    }
    let mut steps = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let after = rest.get(next.len_utf8()..).unwrap_or_default();
        if steps.len() > STEPS {
            return Err(format!("a path has at most {STEPS} steps"));
        }
        if rest.starts_with("[?(") {
            let (condition, after) = filter(rest, depth)?;
            add(&mut steps, Step::Pick(vec![Selector::Elements(condition)]));
            rest = after;
        } else if let Some(below) = rest.strip_prefix("..") {
            if below.starts_with("..") {
                return Err("`..` stands twice".to_owned());
            }
            steps.push(Step::Deep);
            rest = below;
            if rest.starts_with(|c: char| c == '_' || c.is_alphanumeric()) {
                rest = field(rest, &mut steps)?;
            }
        } else {
            rest = match next {
                // Both are where kubectl stands anyway.
                ' ' | '@' | '$' => after,
                '.' => field(after, &mut steps)?,
                '[' => {
                    let (inner, after) = bracketed(rest)?;
                    add(&mut steps, brackets(inner)?);
                    after
                }
                _ => return Err(unexpected(rest, next)),
            };
        }
    }
    Ok(steps)
}

/// Adds a step; after `..` the two are one.
fn add(steps: &mut Vec<Step>, step: Step) {
    match (steps.last(), step) {
        (Some(Step::Deep), Step::Pick(selectors)) => {
            steps.pop();
            steps.push(Step::Below(selectors));
        }
        (_, step) => steps.push(step),
    }
}

fn unexpected(rest: &str, next: char) -> String {
    match next {
        '&' | '|' | '!' => {
            "kubectl's JSONPath knows no `&&`, `||` and `!`; use a path that starts with `$`, or CEL"
                .to_owned()
        }
        '"' | '\'' | '+' | '-' | '0'..='9' => {
            format!("a constant stands within a path, before `{}`", excerpt(rest))
        }
        c if c == '_' || c.is_alphanumeric() => format!(
            "`{}` is no word that kubectl knows; a name needs a dot before it, a text needs quotes",
            name(rest).0
        ),
        _ => format!("`{next}` is out of place, before `{}`", excerpt(rest)),
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(20).collect()
}

/// Whether kubectl ends a name here.
fn is_terminator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}

/// The name at the front, and what follows it. A backslash keeps what it precedes, and goes.
fn name(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(next) = rest.as_str().chars().next() {
        if is_terminator(next) {
            break;
        }
        rest.next();
        if next == '\\' {
            out.extend(rest.next().filter(|c| *c != '\\'));
        } else {
            out.push(next);
        }
    }
    (out, rest.as_str())
}

/// A name or `*` after a dot.
fn field<'t>(text: &'t str, steps: &mut Vec<Step>) -> Result<&'t str, String> {
    let (name, rest) = name(text);
    let spelled = text.get(..text.len() - rest.len()).unwrap_or_default();
    if spelled.is_empty() {
        return Err(match text.chars().next() {
            None => "a name is needed after the dot; the object itself is `{@}`".to_owned(),
            Some(_) => format!("a name is needed after the dot, before `{}`", excerpt(text)),
        });
    }
    if spelled.contains("&&") || spelled.contains("||") {
        return Err(unexpected(text, '&'));
    }
    add(steps, Step::Pick(vec![if spelled == "*" { Selector::All } else { Selector::Name(name) }]));
    Ok(rest)
}

/// What stands between brackets.
fn brackets(inner: &str) -> Result<Step, String> {
    if inner.contains(',') {
        let part = |part: &str| element(part.trim_matches(' ')).map(|step| vec![step]);
        return inner.split(',').map(part).collect::<Result<_, _>>().map(Step::Union);
    }
    element(inner.trim_matches(' '))
}

fn element(inner: &str) -> Result<Step, String> {
    if inner == "*" {
        return Ok(Step::Pick(vec![Selector::Slice(None, None, 1)]));
    }
    if inner.starts_with('"') {
        return Ok(Step::Pick(vec![Selector::Name(unquote(inner)?)]));
    }
    if let Some(quoted) = inner.strip_prefix('\'') {
        return match quoted.strip_suffix('\'') {
            Some(key) if !key.contains('\'') => dictionary(key),
            _ => Err(format!(
                "kubectl reads no `,`, `]` or quote within `[{}`; use a path that starts with `$`",
                excerpt(inner)
            )),
        };
    }
    if inner.starts_with('?') {
        return Err(format!(
            "a condition is written `[?(..)]`, alone in its brackets, not `[{}`",
            excerpt(inner)
        ));
    }
    slice(inner)
}

/// `'a'`, and `'a.b'`, which kubectl reads as the path `.a.b`.
fn dictionary(key: &str) -> Result<Step, String> {
    let mut names = Vec::new();
    let mut rest = key;
    loop {
        let (name, after) = name(rest);
        if rest.len() == after.len() {
            return Err(format!("`['{key}']` has an empty name; put a backslash before a dot of a name"));
        }
        names.push(name);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => break,
            None => {
                let stop: String = after.chars().take(1).collect();
                return Err(format!(
                    "kubectl ends the name in `['{key}']` at `{stop}`; put a backslash before it"
                ));
            }
        }
    }
    if names.iter().any(|name| name == "*") {
        return match names.as_slice() {
            [_] => Ok(Step::Pick(vec![Selector::All])),
            _ => Err(format!("`['{key}']` has a `*`; write the steps one by one")),
        };
    }
    match names.pop() {
        Some(name) if names.is_empty() => Ok(Step::Pick(vec![Selector::Name(name)])),
        last => {
            names.extend(last);
            let key = names.join(".");
            Ok(Step::Dotted(names, key))
        }
    }
}

/// An index or a slice.
fn slice(inner: &str) -> Result<Step, String> {
    let wrong = || {
        Err(format!(
            "`[{inner}]` is neither an index, a slice, `*`, a name in quotes nor a condition `?(..)`"
        ))
    };
    let mut bounds = Vec::new();
    for bound in inner.split(':') {
        let digits = bound.strip_prefix('-').unwrap_or(bound);
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return wrong();
        }
        match bound {
            "" => bounds.push(None),
            bound => match bound.parse::<i64>() {
                Ok(bound) => bounds.push(Some(bound)),
                Err(_) => return wrong(),
            },
        }
    }
    let selector = match bounds.as_slice() {
        [Some(index)] => Selector::Index(*index),
        [start, end] => Selector::Slice(*start, *end, 1),
        [_, _, Some(step)] if *step < 1 => {
            return Err(
                "the step of a slice must be positive; use a path that starts with `$` for others".to_owned()
            );
        }
        // Without its colon the end is the start's next.
        [start, end, step] => Selector::Slice(*start, *end, step.unwrap_or(1)),
        _ => return wrong(),
    };
    Ok(Step::Pick(vec![selector]))
}

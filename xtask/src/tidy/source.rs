//! Rust text with comments and the insides of strings blanked, so that a rule about words does not trip over prose.
//! A scanner, not a parser: it knows strings, comments and brackets, and nothing of the grammar.

use std::ops::Range;

/// The text with each character of comments and of strings' insides replaced by a space; quotes and line ends stay,
/// and so do the positions of all others, counted in characters.
pub fn blank(text: &str) -> Vec<char> {
    let text: Vec<char> = text.chars().collect();
    let mut out = text.clone();
    let mut at = 0;
    while let Some(&c) = text.get(at) {
        let hidden = match c {
            '/' if text.get(at + 1) == Some(&'/') => at..line_end(&text, at),
            '/' if text.get(at + 1) == Some(&'*') => at..block_end(&text, at),
            '"' => at + 1..string_end(&text, at + 1),
            'r' if !continues_word(&text, at) => match raw_string(&text, at) {
                Some(inside) => inside,
                None => at..at,
            },
            '\'' => char_literal(&text, at).unwrap_or(at..at),
            _ => at..at,
        };
        for place in out.get_mut(hidden.clone()).unwrap_or_default() {
            if *place != '\n' {
                *place = ' ';
            }
        }
        at = match (hidden.is_empty(), c) {
            // The closing quote must not open the next string.
            (_, '"') | (false, 'r' | '\'') => hidden.end + 1,
            (false, _) => hidden.end,
            (true, _) => at + 1,
        };
    }
    out
}

fn line_end(text: &[char], from: usize) -> usize {
    text.iter().skip(from).position(|c| *c == '\n').map_or(text.len(), |n| from + n)
}

fn block_end(text: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at < text.len() {
        match (text.get(at), text.get(at + 1)) {
            (Some('/'), Some('*')) => (depth, at) = (depth + 1, at + 2),
            (Some('*'), Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn string_end(text: &[char], from: usize) -> usize {
    let mut at = from;
    while let Some(c) = text.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at,
            _ => at += 1,
        }
    }
    text.len()
}

/// The inside of a raw string whose `r` is at `at`.
fn raw_string(text: &[char], at: usize) -> Option<Range<usize>> {
    let hashes = text.iter().skip(at + 1).take_while(|c| **c == '#').count();
    let start = at + 1 + hashes;
    if text.get(start) != Some(&'"') {
        return None;
    }
    let mut end = start + 1;
    while end < text.len() {
        let closed = text.get(end) == Some(&'"')
            && text.iter().skip(end + 1).take(hashes).filter(|c| **c == '#').count() == hashes;
        if closed {
            return Some(start + 1..end + hashes);
        }
        end += 1;
    }
    Some(start + 1..text.len())
}

/// The inside of a character literal whose quote is at `at`; none for a lifetime.
fn char_literal(text: &[char], at: usize) -> Option<Range<usize>> {
    match (text.get(at + 1)?, text.get(at + 2)?) {
        ('\\', _) => {
            let close = text.iter().skip(at + 3).position(|c| *c == '\'')?;
            Some(at + 1..at + 3 + close)
        }
        (_, '\'') => Some(at + 1..at + 2),
        _ => None,
    }
}

/// Whether the character before belongs to the same word, `b` and `c` of `br"..."` and `cr"..."` aside.
fn continues_word(text: &[char], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).and_then(|i| text.get(i)).is_some_and(|c| is_word(*c));
    match at.checked_sub(1).and_then(|i| text.get(i)) {
        Some('b' | 'c') => before(2),
        _ => before(1),
    }
}

/// Whether a character may be part of a name.
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The places where `needle` stands in blanked text.
pub fn places(code: &[char], needle: &str) -> Vec<usize> {
    let needle: Vec<char> = needle.chars().collect();
    code.windows(needle.len().max(1)).enumerate().filter(|(_, w)| *w == needle).map(|(at, _)| at).collect()
}

/// The line of a place, from 1.
pub fn line_of(code: &[char], at: usize) -> usize {
    1 + code.iter().take(at).filter(|c| **c == '\n').count()
}

/// An attribute in blanked text and what it stands on.
#[derive(Debug)]
pub struct Attribute {
    /// Where it begins.
    pub at: usize,
    /// What stands between its brackets.
    pub text: String,
    /// From its first character to the end of the item or statement that it stands on: all for an inner one.
    pub covers: Range<usize>,
}

/// All attributes.
pub fn attributes(code: &[char]) -> Vec<Attribute> {
    let mut found = Vec::new();
    for (at, c) in code.iter().enumerate() {
        if *c != '#' {
            continue;
        }
        let inner = code.get(at + 1) == Some(&'!');
        let open = at + 1 + usize::from(inner);
        if code.get(open) != Some(&'[') {
            continue;
        }
        let end = closing(code, open);
        let text = code.get(open + 1..end).unwrap_or_default().iter().collect();
        let covers = if inner { 0..code.len() } else { at..item_end(code, end + 1) };
        found.push(Attribute { at, text, covers });
    }
    found
}

/// All constants: what they compute is computed by the compiler.
pub fn constants(code: &[char]) -> Vec<Range<usize>> {
    let ends_word = |at: usize| at.checked_sub(1).and_then(|i| code.get(i)).is_some_and(|c| is_word(*c));
    let is_function = |at: usize| places(code.get(at..at + 9).unwrap_or_default(), "const fn ") == [0];
    places(code, "const ")
        .into_iter()
        .filter(|at| !ends_word(*at) && !is_function(*at))
        .map(|at| at..item_end(code, at))
        .collect()
}

/// The place of the bracket that closes the one at `open`.
fn closing(code: &[char], open: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code.iter().enumerate().skip(open) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    code.len()
}

/// Where the item or statement that begins at `from` ends: at its semicolon, or with its block.
fn item_end(code: &[char], from: usize) -> usize {
    let mut at = from;
    while let Some(c) = code.get(at) {
        match c {
            ';' => return at + 1,
            '{' => return closing(code, at) + 1,
            // The end of what encloses it: it was a field, a variant or a last expression.
            '}' | ')' => return at,
            '(' | '[' => at = closing(code, at) + 1,
            _ => at += 1,
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(text: &str) -> String {
        let out: String = blank(text).into_iter().collect();
        assert_eq!(out.chars().count(), text.chars().count(), "positions moved in {text}");
        out
    }

    #[test]
    fn prose_and_strings_are_blanked_and_code_stays() {
        let cases = [
            ("a(); // b()\nc()", "a();       \nc()"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x\"y(", z)"#, r#"f("     ", z)"#),
            (r##"f(r#"a "b" c"#, d)"##, r##"f(r#"        #, d)"##),
            ("'\"' + '\\'' + b", "' ' + '  ' + b"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("for r in r\"q\" {}", "for r in r\" \" {}"),
        ];
        for (text, expected) in cases {
            assert_eq!(blanked(text), expected);
        }
    }

    #[test]
    fn an_attribute_covers_its_item() {
        let text = "#[cfg(test)]\nmod tests { fn a() {} }\nfn b() {}\n#[must_use]\nfn c(x: [u8; 2]) -> u8 { 1 }\nfn d() {}";
        let code = blank(text);
        let covered: Vec<String> =
            attributes(&code).into_iter().map(|a| code.get(a.covers).unwrap().iter().collect()).collect();
        assert_eq!(
            covered,
            ["#[cfg(test)]\nmod tests { fn a() {} }", "#[must_use]\nfn c(x: [u8; 2]) -> u8 { 1 }"]
        );
    }
}

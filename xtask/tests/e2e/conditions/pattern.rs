//! Messages with holes: what varies from run to run is named and bounded, all else is compared letter by letter.

/// Whether `text` is `pattern`. A hole stands for at least one character: `<digits>`, `<word>` (no white space), `<text>`
/// (anything on one line), `<lines>` (anything).
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, class, after)) = first_hole(pattern) else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    let ends = rest.char_indices().take_while(|(_, c)| class(*c)).map(|(at, c)| at + c.len_utf8());
    ends.into_iter().any(|end| fits(after, &rest[end..]))
}

type Class = fn(char) -> bool;

const HOLES: [(&str, Class); 4] = [
    ("<digits>", |c| c.is_ascii_digit()),
    ("<word>", |c| !c.is_whitespace()),
    ("<text>", |c| c != '\n'),
    ("<lines>", |_| true),
];

fn first_hole(pattern: &str) -> Option<(&str, Class, &str)> {
    let found = HOLES.iter().filter_map(|(hole, class)| Some((pattern.find(hole)?, hole, class)));
    let (at, hole, class) = found.min_by_key(|(at, ..)| *at)?;
    Some((&pattern[..at], *class, &pattern[at + hole.len()..]))
}

#[test]
fn holes_are_bounded_and_all_else_is_exact() {
    for (pattern, text) in [
        ("plain", "plain"),
        ("port <digits> of <word>", "port 17 of here/there"),
        ("<text>: end", "a: b: end"),
        ("a\n<lines>z", "a\nb\nz"),
    ] {
        assert!(fits(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [
        ("plain", "plain "),
        ("port <digits>", "port "),
        ("port <digits>", "port x"),
        ("<word>!", "a b!"),
        ("<text>!", "a\nb!"),
    ] {
        assert!(!fits(pattern, text), "{pattern} {text}");
    }
}

//! Text and numbers for people: safe for a terminal, and with the right ending. It does not lay out.

use std::borrow::Cow;

use indicatif::HumanCount;

/// Replaces what a terminal would obey rather than show: control characters, and those that turn the
/// direction of text.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_obeyed) {
        Cow::Owned(text.chars().map(|c| if is_obeyed(c) { '\u{fffd}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// A number and its noun, such as `1 row` and `2 rows`.
pub fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", HumanCount(count))
}

fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_terminal_obeys_is_replaced() {
        assert!(matches!(printable("größe 日本 …"), Cow::Borrowed(_)));
        assert_eq!(
            printable("a\u{1b}[31m\r\n\u{202e}b\u{9b}"),
            "a\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}b\u{fffd}"
        );
    }
}

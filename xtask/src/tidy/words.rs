//! Words that do not belong in Rust files. Judges text only: clippy knows the types.

use std::ops::Range;

use super::Finding;
use super::source::{Attribute, attributes, blank, constants, is_word, line_of, places};

/// Words that no file may hold outside comments and strings.
const NOWHERE: &[(&str, &str)] = &[
    (concat!("todo", "!("), "finish it, or leave it out"),
    (concat!("unimplemented", "!("), "finish it, or leave it out"),
    (concat!("dbg", "!("), "remove it"),
    ("mod utils", "name the module by what it owns"),
    ("mod common", "name the module by what it owns"),
    ("mod helpers", "name the module by what it owns"),
    ("mod prelude", "name the module by what it owns"),
];

/// Words that may stop a reconciler; tests may use them.
const PANICS: &[&str] = &[".unwrap()", ".expect(\"", ".expect(&format!", "panic!("];

/// Words that write to the terminal of whoever embeds a library.
const PRINTS: &[&str] = &["println!(", "print!(", "eprintln!(", "eprint!("];

/// Checks one Rust file.
pub fn check(file: &str, text: &str) -> Vec<Finding> {
    let code = blank(text);
    let attributes = attributes(&code);
    let mut findings = Vec::new();
    let mut find = |at: usize, what: String, todo: &'static str| {
        findings.push(Finding { file: file.into(), line: line_of(&code, at), what, todo });
    };
    for (word, todo) in NOWHERE {
        for at in whole_words(&code, word) {
            find(at, format!("`{word}`"), todo);
        }
    }
    for attribute in &attributes {
        check_attribute(attribute, &mut find);
    }
    if file.starts_with("kollect-") && !is_test_file(file) {
        let tests = covered(&attributes, is_test_only);
        let mut excepted = covered(&attributes, is_exception);
        excepted.extend(constants(&code));
        let outside = |at: usize, of: &[Range<usize>]| !of.iter().any(|range| range.contains(&at));
        for word in PANICS {
            for at in whole_words(&code, word).filter(|at| outside(*at, &tests) && outside(*at, &excepted)) {
                find(at, format!("`{word}` in a library"), "return an error");
            }
        }
        if !file.starts_with("kollect-operator/") {
            for word in PRINTS {
                for at in whole_words(&code, word).filter(|at| outside(*at, &tests)) {
                    find(at, format!("`{word}` in a library"), "use tracing, or return the text");
                }
            }
        }
    }
    for (number, line) in text.lines().enumerate() {
        if [concat!("TO", "DO"), concat!("FIX", "ME")].iter().any(|word| line.contains(word)) {
            findings.push(Finding {
                file: file.into(),
                line: number + 1,
                what: "work left for later".into(),
                todo: "do it, or open an issue and say in a comment what holds until then",
            });
        }
    }
    findings
}

fn check_attribute(attribute: &Attribute, find: &mut impl FnMut(usize, String, &'static str)) {
    let text = attribute.text.trim();
    if text == "ignore" || text.starts_with("ignore ") || text.starts_with("ignore=") {
        find(attribute.at, "`#[ignore]`".into(), "a test that needs a server stands in tests/servers.rs");
    }
    if text.starts_with("allow(") {
        find(attribute.at, "`#[allow]`".into(), "use #[expect(.., reason = \"..\")], or mend the code");
    }
    if text.starts_with("expect(") && !text.contains("reason") {
        find(attribute.at, "`#[expect]` without a reason".into(), "say why: reason = \"..\"");
    }
}

/// Where a word stands that is not the end of a longer one: `print!` is not in `eprint!`.
fn whole_words<'a>(code: &'a [char], word: &str) -> impl Iterator<Item = usize> + 'a {
    let starts_as_word = word.chars().next().is_some_and(is_word);
    let ends_as_word = word.chars().last().is_some_and(is_word);
    let length = word.chars().count();
    places(code, word).into_iter().filter(move |at| {
        let before = at.checked_sub(1).and_then(|i| code.get(i)).is_some_and(|c| is_word(*c));
        let after = code.get(at + length).is_some_and(|c| is_word(*c));
        !(starts_as_word && before || ends_as_word && after)
    })
}

fn covered(attributes: &[Attribute], which: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    attributes.iter().filter(|a| which(&a.text)).map(|a| a.covers.clone()).collect()
}

fn is_test_only(attribute: &str) -> bool {
    let condition = attribute.strip_prefix("cfg(").unwrap_or_default();
    attribute == "test" || (condition.contains("test") && !condition.contains("not(test"))
}

fn is_exception(attribute: &str) -> bool {
    attribute.starts_with("expect(")
        && ["unwrap_used", "expect_used", "clippy::panic"].iter().any(|lint| attribute.contains(lint))
}

fn is_test_file(file: &str) -> bool {
    file.ends_with("/tests.rs") || ["/tests/", "/benches/", "/examples/"].iter().any(|dir| file.contains(dir))
}

#[cfg(test)]
mod tests {
    use super::check;

    fn lines(file: &str, text: &str) -> Vec<usize> {
        check(file, text).iter().map(|f| f.line).collect()
    }

    #[test]
    fn a_library_may_not_panic_outside_tests() {
        let text = "fn a() { b().unwrap(); }\n\
                    fn c() { d().expect(\"is there\"); }\n\
                    // e().unwrap()\n\
                    const F: &str = \".unwrap()\";\n\
                    fn parse(&mut self) { self.expect(b']'); }\n\
                    fn g() { panic!(\"h\") }\n\
                    #[cfg(test)]\nmod tests { fn i() { j().unwrap(); } }\n";
        assert_eq!(lines("kollect-api/src/lib.rs", text), [1, 2, 6]);
        assert_eq!(lines("kollect-api/src/parse/tests.rs", text), [0; 0]);
        assert_eq!(lines("xtask/src/lib.rs", text), [0; 0]);
    }

    #[test]
    fn an_exception_with_a_reason_is_taken_for_its_item_only() {
        let text = "#[expect(clippy::unwrap_used, reason = \"checked above\")]\nfn a() { b().unwrap() }\n\
                    fn c() { d().unwrap() }\n#[expect(clippy::panic)]\nfn e() {}\n#[allow(dead_code)]\nfn f() {}\n";
        assert_eq!(lines("kollect-api/src/lib.rs", text), [4, 6, 3]);
    }

    #[test]
    fn a_constant_may_unwrap_since_the_compiler_does() {
        let text = "const A: NonZeroU32 = NonZeroU32::new(10).unwrap();\nconst fn b() { c().unwrap() }\n\
                    fn d() { e().unwrap() }\n";
        assert_eq!(lines("kollect-api/src/lib.rs", text), [2, 3]);
    }

    #[test]
    fn a_library_prints_nothing_and_the_command_line_may() {
        let text = "fn a() { println!(\"b\"); eprint!(\"c\"); }\n";
        assert_eq!(lines("kollect-snapshot/src/lib.rs", text), [1, 1]);
        assert_eq!(lines("kollect-operator/src/cli/collect.rs", text), [0; 0]);
    }

    #[test]
    fn drawers_skipped_tests_and_unfinished_work_are_found_everywhere() {
        let text = format!(
            "mod common;\nmod commonplace;\n#[ignore]\nfn a() {{}}\nfn b() {{ {}!() }}\n// {} later\n",
            concat!("to", "do"),
            concat!("TO", "DO")
        );
        assert_eq!(lines("xtask/src/lib.rs", &text), [5, 1, 3, 6]);
    }
}

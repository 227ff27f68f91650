//! What every file must keep: its size, its first line, and no path of one developer's machine.

use super::Finding;
use super::source::is_word;

/// More than this and a file has more than one subject.
const LINES: usize = 400;

/// Folders of machines that a clone elsewhere does not have. In parts, so that this file passes.
const PLACES: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// Checks one file of the work tree.
pub fn check(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line: usize, what: String, todo: &'static str| {
        findings.push(Finding { file: file.into(), line, what, todo });
    };
    if file.ends_with(".rs") {
        let lines = text.lines().count();
        if lines > LINES {
            find(lines, format!("{lines} lines"), "split it by subject: at most 400");
        }
        if !text.starts_with("//! ") {
            find(
                1,
                "no `//!` line".into(),
                "say in the first line what the file owns, and one thing it does not do",
            );
        }
    }
    for (number, line) in text.lines().enumerate() {
        if let Some(place) = PLACES.iter().find(|place| names_machine(line, place)) {
            find(
                number + 1,
                format!("a machine's path ({place})"),
                "make it relative, or take it from the environment",
            );
        }
    }
    findings
}

/// Whether an absolute path below `place` stands in the line; `x/work/y` is none.
fn names_machine(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        !before.is_some_and(|c| is_word(c) || matches!(c, '.' | '-' | '}' | '*' | '/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(file: &str, text: &str) -> Vec<String> {
        check(file, text).into_iter().map(|f| f.what).collect()
    }

    #[test]
    fn a_rust_file_opens_with_its_purpose_and_stays_small() {
        assert_eq!(whats("a/src/lib.rs", "//! Owns a.\n"), [""; 0]);
        assert_eq!(whats("a/src/lib.rs", "use b;\n"), ["no `//!` line"]);
        let long = format!("//! Owns a.\n{}", "\n".repeat(400));
        assert_eq!(whats("a/src/lib.rs", &long), ["401 lines"]);
        assert_eq!(whats("a/data.json", &long), [""; 0]);
    }

    #[test]
    fn a_machine_path_is_found_in_any_file() {
        let [place, other] = PLACES;
        assert_eq!(whats("a.md", &format!("see {place}x")).len(), 1);
        assert_eq!(whats("a.md", &format!("see\n\"{other}x\"")).len(), 1);
        assert_eq!(whats("go.sum", &format!("example.org{place}x v1\n.{other}x")), [""; 0]);
    }
}

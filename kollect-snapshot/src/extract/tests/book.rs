//! The page of the book that tells what paths and expressions may say, made of what these examples give. The
//! committed page is what is expected of them; `KOLLECT_BLESS=1` writes it anew.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::{context, spec};
use crate::extract::{Plan, cel};

mod expressions;
mod paths;

/// A table: what it is about, and its rows of a construct and an example.
struct Section {
    title: &'static str,
    text: &'static str,
    /// What precedes each example, such as `cel:`.
    prefix: &'static str,
    rows: &'static [(&'static str, &'static str)],
}

const HEAD: &str = "# Paths and expressions

What a path or an expression of a profile may say, each with an example and what it gives for the object at the end of this
page. A test makes this page of what the examples give: run `KOLLECT_BLESS=1 cargo test -p kollect-snapshot book` after a change.
What is *refused* is refused when the profile compiles: `Ready=False`, `InvalidPath`, with this message. What *fails* is null in
the row, and counted.

One result is the value, several are a list, none is null.
";

fn object() -> Value {
    json!({
        "metadata": {
            "name": "web", "namespace": "shop",
            "labels": {"app.kubernetes.io/name": "web", "tier": "front"},
            "creationTimestamp": "2026-01-02T03:04:05Z"
        },
        "spec": {
            "replicas": 3, "ratio": 0.5, "paused": false, "cpu": "250m", "memory": "1.5Gi",
            "host": "10.1.2.3", "site": "https://example.com:8443/a%20b?x=1&x=2", "tag": "v1.2.3",
            "numbers": [3, 1, 2],
            "containers": [
                {"name": "app", "image": "shop/web:1", "ports": [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}]},
                {"name": "side", "image": "mesh:2", "ports": [{"port": 9000, "name": "admin"}]},
                {"name": "bare", "image": "none:3"}
            ]
        }
    })
}

/// What an example gives, as a cell of a table.
fn outcome(path: &str) -> String {
    let plan = match Plan::compile(&spec(&[path])) {
        Ok(plan) => plan,
        Err(errors) => return format!("*refused*: {}", escaped(&errors[0].message)),
    };
    let extraction = plan.extract(&object().to_string(), context());
    match extraction.failures.last {
        Some(failure) => format!("*fails*: {}", escaped(&failure.reason)),
        None => {
            let value =
                extraction.attributes.strip_prefix("{\"a0\":").and_then(|rest| rest.strip_suffix('}'));
            code(value.unwrap_or("null"))
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn code(text: &str) -> String {
    let text = escaped(text);
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for section in paths::SECTIONS.iter().chain(expressions::SECTIONS) {
        write!(page, "\n## {}\n\n", section.title).unwrap();
        if !section.text.is_empty() {
            write!(page, "{}\n\n", section.text).unwrap();
        }
        page.push_str("| construct | example | gives |\n|---|---|---|\n");
        for (construct, example) in section.rows {
            let outcome = outcome(&format!("{}{example}", section.prefix));
            writeln!(page, "| {} | {} | {outcome} |", escaped(construct), code(example)).unwrap();
        }
    }
    let object = serde_json::to_string_pretty(&object()).unwrap();
    write!(page, "\n## The object of the examples\n\n```json\n{object}\n```\n").unwrap();
    page
}

#[test]
fn the_page_of_the_book_says_what_the_examples_give() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/expressions.md");
    let made = page();
    if std::env::var_os("KOLLECT_BLESS").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let differs =
        made.lines().zip(committed.lines().chain(std::iter::repeat(""))).find(|(made, is)| made != is);
    assert!(
        made == committed,
        "docs/expressions.md is not what the examples give; run `KOLLECT_BLESS=1 cargo test -p kollect-snapshot book`. \
         The first difference: {differs:#?}"
    );
}

#[test]
fn the_page_has_an_example_of_every_function() {
    let examples: String =
        expressions::SECTIONS.iter().flat_map(|section| section.rows).map(|(_, example)| *example).collect();
    let missing: Vec<String> =
        cel::function_names().into_iter().filter(|name| !examples.contains(&format!("{name}("))).collect();
    assert!(missing.is_empty(), "without an example: {}", missing.join(", "));
}

//! All that is wrong with a set of manifests: each object alone, then what they say about each other. It reads no files.

use std::collections::HashMap;

use kollect_api::validate::hint;
use kollect_api::{GROUP, KINDS, VERSION, Violation};
use serde_json::Value;

use super::files::{Files, Manifest};
use super::finding::{Finding, Severity};
use super::{object, references};
use crate::engine::CollectionDefaults;

/// Every finding, by file and line.
pub fn check(files: &Files, defaults: &CollectionDefaults) -> Vec<Finding> {
    let mut found = files.unreadable.clone();
    for manifest in &files.manifests {
        found.extend(named(manifest));
        let violations = match identity(manifest) {
            Some(violation) => vec![violation],
            None => object(&manifest.located.value, defaults),
        };
        found.extend(violations.into_iter().map(|violation| finding(manifest, violation)));
    }
    found.extend(twice(&files.manifests));
    found.extend(references::check(files, defaults));
    found.sort_by(|left, right| {
        let key = |it: &Finding| (it.file.clone(), it.line, it.column, it.severity, it.path.clone());
        key(left).cmp(&key(right))
    });
    found.dedup();
    found
}

/// A violation at its place. The second half of a message about an unknown field is a hint.
pub(super) fn finding(manifest: &Manifest, violation: Violation) -> Finding {
    let hint = hint(&violation);
    let message = match violation.message.split_once("; ") {
        Some(("unknown field", _)) => "unknown field".to_owned(),
        _ => violation.message,
    };
    Finding { hint, ..manifest.finding(Severity::Error, &violation.path, message) }
}

/// What keeps an object from being one of ours.
fn identity(manifest: &Manifest) -> Option<Violation> {
    let wanted = format!("{GROUP}/{VERSION}");
    let stated = manifest.located.value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if !KINDS.iter().any(|names| names.kind == manifest.kind) {
        let kinds: Vec<&str> = KINDS.iter().map(|names| names.kind).collect();
        return Some(Violation::new(
            "kind",
            format!("\"{}\" is none of {}", manifest.kind, kinds.join(", ")),
        ));
    }
    (stated != wanted).then(|| Violation::new("apiVersion", format!("\"{stated}\" must be {wanted}")))
}

fn named(manifest: &Manifest) -> Vec<Finding> {
    let name = manifest.name.as_str();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |part: &str| {
        part.starts_with(plain) && part.ends_with(plain) && part.chars().all(|c| plain(c) || c == '-')
    };
    let message = match name {
        "" => "Required value",
        name if name.len() > 253 || !name.split('.').all(label) => {
            "must be a DNS-1123 subdomain: at most 253 lower-case letters, digits, dashes and dots, with a letter or \
             digit at both ends of each part"
        }
        _ => return Vec::new(),
    };
    vec![manifest.finding(Severity::Error, "metadata.name", message)]
}

/// The same object in two places: the one that is applied last wins.
fn twice(manifests: &[Manifest]) -> Vec<Finding> {
    let mut seen: HashMap<String, &Manifest> = HashMap::new();
    let mut found = Vec::new();
    for manifest in manifests.iter().filter(|manifest| !manifest.name.is_empty()) {
        match seen.get(&manifest.to_string()) {
            Some(first) => {
                let line = first.located.place("metadata.name").line;
                let message =
                    format!("stands twice: {}:{line} names it too; remove one of the two", first.file);
                found.push(manifest.finding(Severity::Error, "metadata.name", message));
            }
            None => {
                seen.insert(manifest.to_string(), manifest);
            }
        }
    }
    found
}

//! The rules that one object decides alone, one function each. Rules that need another object, a compiler or a backend
//! are the operator's.

mod inventory;
mod profile;
pub(crate) mod sink;
mod target;

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::schema;
use crate::structure::{self, Unknown};
use crate::{
    GROUP, KollectClusterInventory, KollectClusterScope, KollectClusterTarget, KollectConnectionTest,
    KollectDatabaseSink, KollectEventSink, KollectInventory, KollectProfile, KollectScope,
    KollectSnapshotSink, KollectTarget, VERSION, decode,
};

/// A field that is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Violation {
    /// Path of the field, such as `spec.attributes[2].type`.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl Violation {
    /// A violation of the field at `path`.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// Violations as one line, for the message of a condition.
#[must_use]
pub fn summary(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// All that one object breaks, taken alone: fields that its kind does not have, its schema, the types of its values and
/// the rules. Empty means that an API server with the definitions takes it, unless it is refused for what [`Validate`]
/// says beyond them.
///
/// The object needs `apiVersion` and `kind`.
#[must_use]
pub fn examine(object: &Value) -> Vec<Violation> {
    let text = |field| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let kind = text("kind");
    let Some(judge) = judge_of(kind) else {
        return vec![Violation::new("kind", format!("{kind:?} is no kind of {GROUP}"))];
    };
    let wanted = format!("{GROUP}/{VERSION}");
    if text("apiVersion") != wanted {
        return vec![Violation::new("apiVersion", format!("must be {wanted}"))];
    }
    let unknown = structure::unknown_fields(kind, object).into_iter();
    let mut found: Vec<Violation> = unknown.map(|field| unknown_field(&field)).collect();
    found.extend(structure::check(kind, object));
    if found.iter().any(structure::hides_rules) {
        return found;
    }
    let broken: BTreeSet<String> = found.iter().map(|violation| violation.path.clone()).collect();
    found.extend(judge(object).into_iter().filter(|violation| !broken.contains(&violation.path)));
    found
}

/// What to write instead, where the message of a violation does not say it: a word about the pattern, the type or the
/// field's name.
#[must_use]
pub fn hint(violation: &Violation) -> Option<String> {
    let message = violation.message.as_str();
    if let Some(pattern) = message.strip_prefix("should match '").and_then(|rest| rest.strip_suffix('\'')) {
        return schema::describe(pattern).map(str::to_owned);
    }
    if let Some(wanted) = message.strip_prefix("must be of type ") {
        let wanted = wanted.split(':').next().unwrap_or_default();
        return match wanted {
            "boolean" => Some("write true or false, without quotes".to_owned()),
            "integer" => Some("write a whole number, without quotes".to_owned()),
            "string" => Some("put it into quotes".to_owned()),
            "array" => Some("write a list: [a, b], or a line with a dash for each item".to_owned()),
            "object" => Some("write fields below it, or {field: value}".to_owned()),
            _ => None,
        };
    }
    message.strip_prefix("unknown field; ").map(str::to_owned)
}

fn unknown_field(field: &Unknown) -> Violation {
    let name = field.path.rsplit('.').next().unwrap_or_default();
    let near = field.known.iter().map(|known| (distance(name, known), known)).min();
    let hint = match near {
        Some((away, known)) if away <= 1 + name.len() / 4 => format!("unknown field; did you mean {known}?"),
        _ => format!("unknown field; known are {}", field.known.join(", ")),
    };
    Violation::new(&field.path, hint)
}

/// How many letters have to be typed, taken away or changed; the case of letters does not count.
fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (left.to_lowercase(), right.to_lowercase());
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut next = vec![index + 1];
        for (other, (above, beside)) in right.chars().zip(row.iter().zip(row.iter().skip(1))) {
            let typed = next.last().copied().unwrap_or_default().min(*beside) + 1;
            next.push(typed.min(above + usize::from(letter != other)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

type Judge = fn(&Value) -> Vec<Violation>;

fn judge_of(kind: &str) -> Option<Judge> {
    Some(match kind {
        "KollectProfile" => judge::<KollectProfile>,
        "KollectTarget" => judge::<KollectTarget>,
        "KollectInventory" => judge::<KollectInventory>,
        "KollectSnapshotSink" => judge::<KollectSnapshotSink>,
        "KollectDatabaseSink" => judge::<KollectDatabaseSink>,
        "KollectEventSink" => judge::<KollectEventSink>,
        "KollectScope" => judge::<KollectScope>,
        "KollectConnectionTest" => judge::<KollectConnectionTest>,
        "KollectClusterTarget" => judge::<KollectClusterTarget>,
        "KollectClusterInventory" => judge::<KollectClusterInventory>,
        "KollectClusterScope" => judge::<KollectClusterScope>,
        _ => return None,
    })
}

fn judge<K: DeserializeOwned + Validate>(object: &Value) -> Vec<Violation> {
    match decode::read::<K>(object) {
        Ok(object) => object.validate(),
        Err(violation) => vec![violation],
    }
}

/// A kind whose objects can be judged alone.
pub trait Validate {
    /// Every rule that the object breaks, in the order of the rules. Empty means that the object, taken alone, is right.
    fn validate(&self) -> Vec<Violation>;
}

impl Validate for KollectProfile {
    fn validate(&self) -> Vec<Violation> {
        profile::rules(&self.spec)
    }
}

impl Validate for KollectTarget {
    fn validate(&self) -> Vec<Violation> {
        target::rules(&self.spec.selection())
    }
}

impl Validate for KollectClusterTarget {
    fn validate(&self) -> Vec<Violation> {
        let mut found = target::namespace_selector_selects(&self.spec.namespace_selector);
        found.extend(target::rules(&self.spec.selection()));
        found
    }
}

impl Validate for KollectInventory {
    fn validate(&self) -> Vec<Violation> {
        inventory::rules(&self.spec)
    }
}

impl Validate for KollectClusterInventory {
    fn validate(&self) -> Vec<Violation> {
        inventory::cluster_rules(&self.spec)
    }
}

impl Validate for KollectSnapshotSink {
    fn validate(&self) -> Vec<Violation> {
        sink::snapshot_rules(&self.spec)
    }
}

impl Validate for KollectDatabaseSink {
    fn validate(&self) -> Vec<Violation> {
        sink::database_rules(&self.spec)
    }
}

impl Validate for KollectEventSink {
    fn validate(&self) -> Vec<Violation> {
        sink::event_rules(&self.spec)
    }
}

impl Validate for KollectScope {
    /// What the schema says is all that one scope can break.
    fn validate(&self) -> Vec<Violation> {
        Vec::new()
    }
}

impl Validate for KollectClusterScope {
    /// What the schema says is all that one scope can break.
    fn validate(&self) -> Vec<Violation> {
        Vec::new()
    }
}

impl Validate for KollectConnectionTest {
    fn validate(&self) -> Vec<Violation> {
        if self.spec.sink_ref.one().is_some() {
            return Vec::new();
        }
        vec![Violation::new(
            "spec.sinkRef",
            "name exactly one of snapshotSinkRef, databaseSinkRef and eventSinkRef",
        )]
    }
}

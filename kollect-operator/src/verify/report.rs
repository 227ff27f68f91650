//! What a verification found, as it is printed and as JSON. Fields of the JSON are added, never renamed.

use kollect_sink_core::{Checkpoint, Namespaces, Pattern};
use serde::Serialize;

use super::compare::{Difference, Differing, Totals};
use super::look::Seen;
use super::subject::{LeftOut, Subject};
use crate::collect::finding::Finding;
use crate::index::ObjectName;

/// Version of the JSON.
const SCHEMA_VERSION: &str = "kollect.dev/v1alpha1";

/// How an inventory and a sink compare, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Both hold the same rows.
    InSync,
    /// Rows differ.
    Differs,
    /// No row differs, as far as could be looked.
    Incomplete,
    /// Nothing could be compared.
    Unchecked,
}

impl Verdict {
    /// The verdict in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in sync",
            Self::Differs => "differs",
            Self::Incomplete => "incomplete",
            Self::Unchecked => "unchecked",
        }
    }

    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::InSync => 0,
            Self::Differs | Self::Incomplete => 1,
            Self::Unchecked => 2,
        }
    }
}

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    schema_version: &'static str,
    /// Of all together.
    pub verdict: Verdict,
    /// How often both sides were read.
    pub looks: u32,
    /// Each inventory with each of its sinks.
    pub exports: Vec<Export>,
    /// Inventories that were compared with no sink.
    pub not_compared: Vec<NotCompared>,
    /// What was found while reading the inventories.
    pub findings: Vec<Told>,
}

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl From<&ObjectName> for Named {
    fn from(name: &ObjectName) -> Self {
        Self { namespace: name.namespace.clone(), name: name.name.clone() }
    }
}

/// A sink object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SinkNamed {
    /// Kind of the object.
    pub kind: &'static str,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Where it leads, without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// One inventory and one sink.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// The inventory.
    pub inventory: Named,
    /// The sink.
    pub sink: SinkNamed,
    /// Name of the cluster under which the sink holds the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// How they compare.
    pub verdict: Verdict,
    /// Why they could not be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Rows and digests, where they could be compared.
    #[serde(flatten)]
    pub contents: Option<Contents>,
    /// What may explain the differences.
    pub hints: Vec<String>,
}

/// What both sides hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// Rows of the inventory.
    pub inventory_rows: u64,
    /// Sum of their digests.
    pub inventory_digest: String,
    /// Rows of the sink, without those that could not be judged.
    pub sink_rows: u64,
    /// Sum of their digests, from their contents.
    pub sink_digest: String,
    /// Rows that the sink lacks.
    pub missing: u64,
    /// Rows that only the sink has.
    pub only_in_sink: u64,
    /// Rows with different contents.
    pub different: u64,
    /// Differences that only the last look saw: rows on their way.
    pub in_flight: u64,
    /// Rows that only the sink has, where nobody knows what there is.
    pub unjudged: u64,
    /// What could not be listed.
    pub unknown: Vec<Pattern>,
    /// Rows that the sink refused, as its checkpoint counts them; absent where nothing differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<u64>,
    /// The first rows that differ, ascending by target and uid.
    pub rows: Vec<RowNamed>,
    /// How many more there are.
    pub rows_left_off: u64,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RowNamed {
    /// How.
    pub difference: Difference,
    /// API group of its object.
    pub group: String,
    /// Kind of its object.
    pub kind: String,
    /// Namespace of its object.
    pub namespace: String,
    /// Name of its object, where it is known.
    pub name: Option<String>,
    /// Uid of its object.
    pub uid: String,
    /// Namespace of its target.
    pub target_namespace: String,
    /// Name of its target.
    pub target_name: String,
    /// What may explain it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// An inventory that was compared with no sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotCompared {
    /// The inventory.
    pub inventory: Named,
    /// Why.
    pub why: String,
    /// Whether that is as its owner wants it.
    pub intended: bool,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// `note`, `skipped` or `failed`.
    pub weight: String,
    /// What it is about.
    pub what: String,
    /// Why, and what to do.
    pub why: String,
}

impl From<&Finding> for Told {
    fn from(finding: &Finding) -> Self {
        Self { weight: finding.weight.to_string(), what: finding.what.clone(), why: finding.why.clone() }
    }
}

impl Report {
    /// Puts a report together. Its verdict follows from the parts: `unread` is what could not be read of the
    /// Kollect objects, `findings` what was found while collecting.
    pub fn new(
        looks: u32,
        exports: Vec<Export>,
        left_out: &[LeftOut],
        unread: &[Finding],
        findings: &[Finding],
    ) -> Self {
        let not_compared = left_out.iter().map(|left| NotCompared {
            inventory: Named::from(&left.inventory),
            why: left.why.clone(),
            intended: left.intended,
        });
        Self {
            schema_version: SCHEMA_VERSION,
            verdict: overall(&exports, unread.is_empty() && left_out.iter().all(|left| left.intended)),
            looks,
            exports,
            not_compared: not_compared.collect(),
            findings: unread.iter().chain(findings).map(Told::from).collect(),
        }
    }
}

/// The verdict on all; `whole` tells whether all that was asked for is among them.
fn overall(exports: &[Export], whole: bool) -> Verdict {
    let any = |verdict: Verdict| exports.iter().any(|export| export.verdict == verdict);
    if exports.iter().all(|export| export.verdict == Verdict::Unchecked) {
        Verdict::Unchecked
    } else if any(Verdict::Differs) {
        Verdict::Differs
    } else if whole && exports.iter().all(|export| export.verdict == Verdict::InSync) {
        Verdict::InSync
    } else {
        Verdict::Incomplete
    }
}

impl Export {
    /// An inventory and a sink that could not be compared.
    pub fn unchecked(subject: &Subject, error: String) -> Self {
        Self { verdict: Verdict::Unchecked, error: Some(error), ..Self::of(subject) }
    }

    /// What the last look saw. `checkpoint` is what the sink says of itself, where something differs and it
    /// says anything.
    pub fn compared(subject: &Subject, seen: Seen, checkpoint: Option<&Checkpoint>) -> Self {
        let verdict = match (seen.counts.sum(), seen.unknown.is_empty()) {
            (0, true) => Verdict::InSync,
            (0, false) => Verdict::Incomplete,
            _ => Verdict::Differs,
        };
        let hints = if verdict == Verdict::Differs { hints(subject, &seen, checkpoint) } else { Vec::new() };
        let example = checkpoint.and_then(|checkpoint| checkpoint.rejected.example.as_deref());
        let (Totals { rows, digest }, sink) = (seen.compared.inventory, seen.compared.sink);
        let rows_left_off = seen.counts.sum().saturating_sub(seen.rows.len() as u64);
        let contents = Contents {
            inventory_rows: rows,
            inventory_digest: digest.to_string(),
            sink_rows: sink.rows,
            sink_digest: sink.digest.to_string(),
            missing: seen.counts.missing,
            only_in_sink: seen.counts.only_in_sink,
            different: seen.counts.different,
            in_flight: seen.in_flight,
            unjudged: seen.compared.unjudged,
            unknown: seen.unknown.patterns().cloned().collect(),
            rejected: checkpoint.map(|checkpoint| checkpoint.rejected.count),
            rows: seen.rows.into_iter().map(|row| RowNamed::new(row, example)).collect(),
            rows_left_off,
        };
        Self { verdict, contents: Some(contents), hints, ..Self::of(subject) }
    }

    fn of(subject: &Subject) -> Self {
        let opened = subject.sink.as_ref().ok();
        let sink = &subject.id.sink;
        Self {
            inventory: Named::from(&subject.id.inventory),
            sink: SinkNamed {
                kind: sink.family.kind(),
                namespace: sink.name.namespace.clone(),
                name: sink.name.name.clone(),
                endpoint: opened.map(|opened| opened.sink.to_string()),
            },
            cluster: opened.map(|opened| opened.scope.cluster.to_string()),
            verdict: Verdict::Unchecked,
            error: None,
            contents: None,
            hints: Vec::new(),
        }
    }
}

/// What a sink says of itself that may explain differences.
fn hints(subject: &Subject, seen: &Seen, checkpoint: Option<&Checkpoint>) -> Vec<String> {
    let mut hints = Vec::new();
    let cluster = subject.sink.as_ref().map(|opened| opened.scope.cluster.to_string()).unwrap_or_default();
    let Some(checkpoint) = checkpoint else {
        if seen.compared.sink.rows == 0 {
            hints.push(format!(
                "the sink never held this inventory under the cluster name {cluster:?}: is --cluster-name the operator's?"
            ));
        }
        return hints;
    };
    if checkpoint.rejected.count > 0 && seen.counts.missing > 0 {
        let (count, example) = (checkpoint.rejected.count, checkpoint.rejected.example.as_deref());
        let such = example.map(|key| format!(", such as {key}")).unwrap_or_default();
        hints.push(format!(
            "the sink refused {count} of the inventory's rows{such}: they are missing until they change; the \
             inventory's status says why"
        ));
    }
    if !checkpoint.unknown.is_empty() {
        let unknown: Vec<String> = checkpoint.unknown.patterns().map(pattern).collect();
        hints.push(format!("when the sink was written last, its writer did not see {}", unknown.join(", ")));
    }
    if checkpoint.digest.is_none() {
        hints.push("nothing complete was written yet: the first export has not ended".to_owned());
    }
    hints
}

/// A pattern of partitions in words.
pub fn pattern(pattern: &Pattern) -> String {
    let kind = pattern.kind.as_ref().map_or("anything", |kind| &kind.kind);
    let namespaces = match &pattern.namespaces {
        Namespaces::Any => String::new(),
        Namespaces::One(one) => format!(" in {one}"),
        Namespaces::Except(except) => {
            format!(" outside of {}", except.iter().map(|name| &**name).collect::<Vec<_>>().join(", "))
        }
    };
    format!("{kind}{namespaces} of target {}", ObjectName::from(&pattern.target))
}

impl RowNamed {
    fn new(row: Differing, rejected: Option<&str>) -> Self {
        let refused = row.difference == Difference::Missing && rejected == Some(&*row.key.to_string());
        Self {
            difference: row.difference,
            group: row.kind.group.to_string(),
            kind: row.kind.kind.to_string(),
            namespace: row.namespace.to_string(),
            name: row.name.map(String::from),
            uid: row.key.uid.to_string(),
            target_namespace: row.key.target_namespace.to_string(),
            target_name: row.key.target_name.to_string(),
            hint: refused.then(|| "the sink refused it".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;

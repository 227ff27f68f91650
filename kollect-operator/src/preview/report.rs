//! What previews say, as they are printed and as JSON. Fields of the JSON are added, never renamed.

use kollect_sink_core::Preview;
use serde::Serialize;

use super::subject::Subject;
use crate::collect::finding::{Finding, Weight};
use crate::index::ObjectName;
use crate::verify::report::{Named, SinkNamed, Told};
use crate::verify::subject::LeftOut;

/// Version of the JSON.
const SCHEMA_VERSION: &str = "kollect.dev/v1alpha1";

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    schema_version: &'static str,
    /// Each sink with each inventory that names it.
    pub exports: Vec<Export>,
    /// Inventories of which nothing can be said.
    pub not_previewed: Vec<NotPreviewed>,
    /// What was found while reading objects.
    pub findings: Vec<Told>,
}

/// One sink and one inventory.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// The inventory.
    pub inventory: Named,
    /// The sink.
    pub sink: SinkNamed,
    /// The sink's type, where it can be told.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<&'static str>,
    /// Name of the cluster under which rows would be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Where the rows come from of which it was made.
    pub rows: Rows,
    /// How many these are.
    pub row_count: usize,
    /// What the export would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
    /// Why it would do nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Where rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Rows {
    /// From a cluster or a dump.
    Collected,
    /// Made up.
    Example,
}

/// An inventory of which nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotPreviewed {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Why.
    pub why: String,
    /// Whether something is wrong with it.
    #[serde(skip)]
    pub wrong: bool,
}

impl Export {
    pub(super) fn new(
        subject: &Subject,
        inventory: &ObjectName,
        row_count: usize,
        rows: Rows,
        preview: Result<(String, Preview), String>,
    ) -> Self {
        let (cluster, preview, error) = match preview {
            Ok((cluster, preview)) => (Some(cluster), Some(preview), None),
            Err(error) => (None, None, Some(error)),
        };
        Self {
            inventory: inventory.into(),
            sink: SinkNamed {
                kind: subject.sink.family.kind(),
                namespace: subject.sink.name.namespace.clone(),
                name: subject.sink.name.name.clone(),
                endpoint: None,
            },
            type_: subject.spec.as_ref().ok().map(|spec| spec.type_name()),
            cluster,
            rows,
            row_count,
            preview,
            error,
        }
    }
}

impl Report {
    pub(super) fn new(
        exports: Vec<Export>,
        left_out: &[LeftOut],
        problems: &[(String, String)],
        findings: &[Finding],
    ) -> Self {
        let problems = problems.iter().map(|(what, why)| Told {
            weight: Weight::Failed.to_string(),
            what: what.clone(),
            why: why.clone(),
        });
        let left_out = left_out.iter().map(|left| NotPreviewed {
            namespace: left.inventory.namespace.clone(),
            name: left.inventory.name.clone(),
            why: left.why.clone(),
            wrong: !left.intended,
        });
        Self {
            schema_version: SCHEMA_VERSION,
            exports,
            not_previewed: left_out.collect(),
            findings: problems.chain(findings.iter().map(Told::from)).collect(),
        }
    }

    /// The process's exit code: 0 where all could be previewed, 2 where nothing could, else 1.
    pub fn code(&self) -> u8 {
        let note = Weight::Note.to_string();
        if self.exports.iter().all(|export| export.preview.is_none()) {
            return 2;
        }
        let wrong = self.exports.iter().any(|export| export.error.is_some())
            || self.not_previewed.iter().any(|left| left.wrong)
            || self.findings.iter().any(|told| told.weight != note);
        u8::from(wrong)
    }
}

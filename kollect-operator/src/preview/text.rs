//! Previews for people. It decides nothing.

use std::fmt::Write as _;

use kollect_sink_core::{Column, Preview};

use super::report::{Export, Report, Rows};
use crate::collect::printable::{counted, printable};
use crate::index::ObjectName;

/// The report as text.
pub fn text(report: &Report) -> String {
    let mut parts: Vec<String> = report.exports.iter().map(export).collect();
    parts.extend(report.not_previewed.iter().map(|left| {
        format!("{}: no preview: {}\n", ObjectName::new(&left.namespace, &left.name), printable(&left.why))
    }));
    parts.join("\n")
}

fn export(export: &Export) -> String {
    let Export { inventory, sink, .. } = export;
    let mut text = format!(
        "{} into {} {}/{}",
        ObjectName::new(&inventory.namespace, &inventory.name),
        sink.kind,
        sink.namespace,
        sink.name
    );
    match (&export.preview, &export.error) {
        (Some(preview), _) => {
            let facts = facts(export, preview);
            let _ = writeln!(text, " ({})", printable(&facts.join(", ")));
            sections(preview, &mut text);
        }
        (None, error) => {
            let _ = writeln!(text, ": no preview: {}", printable(error.as_deref().unwrap_or_default()));
        }
    }
    text
}

fn facts(export: &Export, preview: &Preview) -> Vec<String> {
    let stated = |name: &str, value: Option<&str>| value.map(|value| format!("{name} {value}"));
    let cluster = export.cluster.as_deref().filter(|cluster| !cluster.is_empty());
    let rows = counted(export.row_count as u64, "row");
    let mut facts: Vec<String> = export.type_.map(str::to_owned).into_iter().collect();
    facts.extend(stated("provisioning", preview.provisioning_mode));
    facts.extend(stated("format", preview.serialization_format));
    facts.extend(stated("cluster", cluster));
    facts.push(match export.rows {
        Rows::Collected => format!("{rows} of the inventory"),
        Rows::Example => format!("{rows} made up"),
    });
    facts
}

fn sections(preview: &Preview, text: &mut String) {
    for warning in &preview.warnings {
        let _ = writeln!(text, "  warning: {}", printable(warning));
    }
    let ddl: Vec<&str> = preview.ddl.iter().flat_map(|ddl| ddl.lines()).collect();
    section("DDL", ddl, text);
    section("paths, below the endpoint", preview.sample_paths.iter().map(String::as_str), text);
    section("path of the index", preview.index_path.as_deref(), text);
    section("keys", preview.sample_keys.iter().map(String::as_str), text);
    let columns: Vec<String> = preview.columns.iter().map(column).collect();
    section("columns", columns.iter().map(String::as_str), text);
    let document: Vec<&str> = preview.sample_document.iter().flat_map(|document| document.lines()).collect();
    section("document", document, text);
}

fn column(column: &Column) -> String {
    let type_ = serde_json::to_value(column.column_type).unwrap_or_default();
    format!("{}  {}", column.name, type_.as_str().unwrap_or_default())
}

fn section<'l>(title: &str, lines: impl IntoIterator<Item = &'l str>, text: &mut String) {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "  {title}:");
    for line in lines {
        let _ = writeln!(text, "    {}", printable(line));
    }
}

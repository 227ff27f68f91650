//! A report for people: a table of inventories and sinks, then the rows that differ. It decides nothing.

use std::fmt::Write as _;

use super::compare::Difference;
use super::report::{Export, Report, RowNamed, Verdict, pattern};
use crate::collect::printable::{counted, printable};
use crate::index::ObjectName;

/// Hexadecimal digits of a digest that people compare.
const SHORT: usize = 8;
const NOTHING: &str = "-";
const TITLES: [&str; 9] =
    ["INVENTORY", "SINK", "RESULT", "ROWS", "IN SINK", "DIGEST", "MISSING", "ONLY IN SINK", "DIFFERENT"];

/// The report as text.
pub fn text(report: &Report) -> String {
    let mut text = table(&report.exports);
    for export in &report.exports {
        details(export, &mut text);
    }
    for left in &report.not_compared {
        let (inventory, why) = (&left.inventory, printable(&left.why));
        let _ = writeln!(text, "\n{}/{}: not compared: {why}", inventory.namespace, inventory.name);
    }
    text
}

fn table(exports: &[Export]) -> String {
    let mut lines = vec![TITLES.map(str::to_owned)];
    lines.extend(exports.iter().map(line));
    let mut widths = [0; TITLES.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

fn line(export: &Export) -> [String; TITLES.len()] {
    let short = |digest: &str| digest.chars().take(SHORT).collect::<String>();
    let start = [
        ObjectName::new(&export.inventory.namespace, &export.inventory.name).to_string(),
        format!("{}/{}", export.sink.namespace, export.sink.name),
        export.verdict.as_str().to_owned(),
    ];
    let rest = match &export.contents {
        None => [NOTHING; 6].map(str::to_owned),
        Some(contents) => {
            let (ours, theirs) = (short(&contents.inventory_digest), short(&contents.sink_digest));
            [
                contents.inventory_rows.to_string(),
                contents.sink_rows.to_string(),
                if contents.inventory_digest == contents.sink_digest {
                    ours
                } else {
                    format!("{ours}/{theirs}")
                },
                contents.missing.to_string(),
                contents.only_in_sink.to_string(),
                contents.different.to_string(),
            ]
        }
    };
    let [inventory, sink, verdict] = start;
    let [rows, in_sink, digest, missing, only, different] = rest;
    [inventory, sink, verdict, rows, in_sink, digest, missing, only, different]
}

fn details(export: &Export, text: &mut String) {
    let mut lines = Vec::new();
    if let Some(error) = &export.error {
        lines.push(format!("could not be compared: {}", printable(error)));
    }
    if let Some(contents) = &export.contents {
        lines.extend(contents.rows.iter().map(row));
        if contents.rows_left_off > 0 {
            lines.push(format!("and {} more (--limit)", counted(contents.rows_left_off, "row")));
        }
        if contents.in_flight > 0 {
            let rows = counted(contents.in_flight, "row");
            lines.push(format!("{rows} differed in the last look only: on their way"));
        }
        for unknown in &contents.unknown {
            lines.push(format!(
                "could not be listed, or a scope withholds it; it is not judged: {}",
                printable(&pattern(unknown))
            ));
        }
        if contents.unjudged > 0 {
            lines.push(format!("{} of the sink not judged for that", counted(contents.unjudged, "row")));
        }
    }
    lines.extend(export.hints.iter().map(|hint| format!("hint: {}", printable(hint))));
    if lines.is_empty() {
        return;
    }
    let endpoint =
        export.sink.endpoint.as_deref().map(|endpoint| format!(" ({endpoint})")).unwrap_or_default();
    let (inventory, sink) = (&export.inventory, &export.sink);
    let _ = writeln!(
        text,
        "\n{} in {} {}/{}{}: {}",
        ObjectName::new(&inventory.namespace, &inventory.name),
        sink.kind,
        sink.namespace,
        sink.name,
        printable(&endpoint),
        verdict(export)
    );
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}

fn verdict(export: &Export) -> &'static str {
    match export.verdict {
        Verdict::Incomplete => "no row differs, as far as could be looked",
        other => other.as_str(),
    }
}

fn row(row: &RowNamed) -> String {
    let difference = match row.difference {
        Difference::Missing => "missing in the sink",
        Difference::OnlyInSink => "only in the sink",
        Difference::Different => "different",
    };
    let name = match &row.name {
        Some(name) => name.clone(),
        None => format!("(uid {})", row.uid),
    };
    let place = if row.namespace.is_empty() { name } else { format!("{}/{name}", row.namespace) };
    let RowNamed { kind, target_namespace, target_name, .. } = row;
    let hint = row.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let target = ObjectName::new(target_namespace, target_name);
    let named = format!("{kind} {place} of target {target}{hint}");
    format!("{difference:<19}  {}", printable(&named))
}

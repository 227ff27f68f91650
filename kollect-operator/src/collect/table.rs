//! Rows as a table for people: one line per row, cut to a width. It does not choose the rows.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::io::{self, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table as Grid, Width};
use kollect_sink_core::Row;
use serde_json::{Map, Value};

use super::printable::printable;

/// Lines that are laid out together; their columns' widths are those of all lines.
const LINES_AT_ONCE: usize = 1_000;
/// Blanks between columns.
const GAP: usize = 2;
/// No column is cut below this width.
const NARROWEST: usize = 8;
const NOTHING: &str = "-";

/// How wide a table may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many columns of text; longer values are cut.
    Columns(usize),
    /// As wide as its values.
    Free,
}

/// Rows of one target, from one or several clusters.
#[derive(Debug)]
pub struct Table<'a> {
    /// Names of the attributes to show, in order.
    pub attributes: &'a [String],
    /// The rows, each with the name of its cluster.
    pub rows: Vec<(&'a str, Row)>,
}

/// A column of a table.
#[derive(Clone, Copy)]
enum Column<'a> {
    Cluster,
    Kind,
    Namespace,
    Name,
    Attribute(&'a str),
}

impl<'a> Column<'a> {
    fn title(self) -> Cow<'a, str> {
        match self {
            Self::Cluster => "CLUSTER".into(),
            Self::Kind => "KIND".into(),
            Self::Namespace => "NAMESPACE".into(),
            Self::Name => "NAME".into(),
            Self::Attribute(name) => printable(&title(name)).into_owned().into(),
        }
    }

    fn cell(self, cluster: &str, row: &Row, attributes: &Map<String, Value>) -> String {
        let identity = row.identity();
        let text: Cow<'_, str> = match self {
            Self::Cluster => cluster.into(),
            Self::Kind => (&**identity.kind()).into(),
            Self::Namespace => (&**identity.namespace()).into(),
            Self::Name => identity.name().into(),
            Self::Attribute(name) => attributes.get(name).map(show).unwrap_or_default().into(),
        };
        if text.is_empty() { NOTHING.to_owned() } else { printable(&text).into_owned() }
    }
}

impl Table<'_> {
    /// Writes the table, sorted by cluster, namespace and name, headed by a line of titles.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(mut self, extent: Extent, out: &mut dyn Write) -> io::Result<()> {
        self.rows.sort_by(|(left_cluster, left), (right_cluster, right)| {
            let (left, right) = (left.identity(), right.identity());
            left_cluster
                .cmp(right_cluster)
                .then_with(|| left.namespace().cmp(right.namespace()))
                .then_with(|| left.name().cmp(right.name()))
                .then_with(|| left.kind().cmp(right.kind()))
        });
        let columns = self.columns();
        let mut widths: Vec<usize> = columns.iter().map(|column| column.title().chars().count()).collect();
        for (cluster, row) in &self.rows {
            for (width, cell) in widths.iter_mut().zip(cells(&columns, cluster, row)) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let shown = match extent {
            Extent::Columns(available) => fit(&mut widths, available),
            Extent::Free => widths.len(),
        };
        let titles = columns.iter().map(|column| column.title().into_owned()).collect();
        let mut lines = std::iter::once(titles)
            .chain(self.rows.iter().map(|(cluster, row)| cells(&columns, cluster, row).collect::<Vec<_>>()))
            .peekable();
        while lines.peek().is_some() {
            let mut grid = grid();
            for line in lines.by_ref().take(LINES_AT_ONCE) {
                grid.add_row(line.iter().zip(&widths).take(shown).map(|(cell, width)| cut(cell, *width)));
            }
            pad(&mut grid, &widths);
            for line in grid.lines() {
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        let hidden = columns.get(shown..).unwrap_or_default();
        if !hidden.is_empty() {
            let names: Vec<_> = hidden.iter().map(|column| column.title()).collect();
            writeln!(out, "(not shown: {}; --wide shows all)", names.join(", "))?;
        }
        Ok(())
    }

    /// Clusters and kinds get a column where there are several.
    fn columns(&self) -> Vec<Column<'_>> {
        fn differ<T: PartialEq>(mut values: impl Iterator<Item = T>) -> bool {
            values.next().is_some_and(|first| values.any(|value| value != first))
        }
        let mut columns = Vec::new();
        if differ(self.rows.iter().map(|(cluster, _)| cluster)) {
            columns.push(Column::Cluster);
        }
        columns.extend([Column::Namespace, Column::Name]);
        if differ(self.rows.iter().map(|(_, row)| row.identity().kind())) {
            columns.push(Column::Kind);
        }
        columns.extend(self.attributes.iter().map(|name| Column::Attribute(name)));
        columns
    }
}

fn cells<'c>(columns: &'c [Column<'c>], cluster: &'c str, row: &'c Row) -> impl Iterator<Item = String> + 'c {
    let attributes: Map<String, Value> = serde_json::from_str(row.attributes()).unwrap_or_default();
    columns.iter().map(move |column| column.cell(cluster, row, &attributes))
}

/// Makes `lastRun` `LAST RUN`.
fn title(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    let mut after_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && after_lower {
            text.push(' ');
        }
        after_lower = c.is_lowercase();
        text.extend(c.to_uppercase());
    }
    text
}

/// A value as a person would write it.
fn show(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(show_inner).collect::<Vec<_>>().join(","),
        Value::Object(fields) => {
            let pair = |(key, value): (&String, &Value)| format!("{key}={}", show_inner(value));
            fields.iter().map(pair).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

fn show_inner(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Narrows the widest columns until the line fits, and tells how many columns do fit.
fn fit(widths: &mut [usize], available: usize) -> usize {
    let line = |widths: &[usize]| widths.iter().map(|width| width + GAP).sum::<usize>().saturating_sub(GAP);
    loop {
        let excess = line(widths).saturating_sub(available);
        if excess == 0 {
            return widths.len();
        }
        let mut sorted: Vec<usize> = widths.to_vec();
        sorted.sort_unstable_by_key(|width| Reverse(*width));
        let widest = sorted.first().copied().unwrap_or_default();
        if widest <= NARROWEST {
            break;
        }
        let alike = sorted.iter().filter(|width| **width == widest).count().max(1);
        let next = sorted.iter().find(|width| **width < widest).copied().unwrap_or_default().max(NARROWEST);
        // The widest ones lose what is too much in equal parts, down to the next narrower one.
        let narrower = widest.saturating_sub(excess.div_ceil(alike)).max(next);
        widths.iter_mut().filter(|width| **width == widest).for_each(|width| *width = narrower);
    }
    let mut shown = widths.len();
    while shown > 1 && widths.get(..shown).is_some_and(|widths| line(widths) > available) {
        shown -= 1;
    }
    shown
}

fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    let mut text: String = cell.chars().take(width.saturating_sub(1)).collect();
    text.push('…');
    text
}

fn grid() -> Grid {
    let mut grid = Grid::new();
    grid.force_no_tty();
    grid.load_style(comfy_table::presets::NOTHING);
    grid.set_content_arrangement(ContentArrangement::Disabled);
    grid
}

fn pad(grid: &mut Grid, widths: &[usize]) {
    for (column, width) in grid.column_iter_mut().zip(widths) {
        column.set_padding((0, u16::try_from(GAP).unwrap_or_default()));
        let width = u16::try_from(width + GAP).unwrap_or(u16::MAX);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kollect_sink_core::{Identity, Origin, Target};

    use super::*;

    fn row(kind: &str, namespace: &str, name: &str, attributes: &str) -> Row {
        let origin = Origin {
            target: Target::new("default", "t"),
            group: "".into(),
            version: "v1".into(),
            kind: kind.into(),
        };
        let uid = format!("{kind}{namespace}{name}");
        Row::new(Identity::new(Arc::new(origin), namespace.into(), name, &uid).unwrap(), attributes)
    }

    fn written(rows: Vec<(&str, Row)>, attributes: &[&str], extent: Extent) -> String {
        let attributes: Vec<String> = attributes.iter().map(|name| (*name).to_owned()).collect();
        let mut out = Vec::new();
        Table { attributes: &attributes, rows }.write(extent, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_are_sorted_and_values_read_well() {
        let rows = vec![
            ("c", row("Pod", "b", "x", r#"{"images":["a:1","b:2"],"lastRun":null,"ok":true}"#)),
            ("c", row("Pod", "a", "y", r#"{"images":{"k":"v","n":1},"ok":1.5}"#)),
        ];
        assert_eq!(
            written(rows, &["images", "lastRun", "ok"], Extent::Columns(120)),
            "NAMESPACE  NAME  IMAGES   LAST RUN  OK\n\
             a          y     k=v,n=1  -         1.5\n\
             b          x     a:1,b:2  -         true\n"
        );
    }

    #[test]
    fn clusters_and_kinds_show_where_they_differ() {
        let rows = vec![("two", row("Job", "", "x", "{}")), ("one", row("Pod", "a", "x", "{}"))];
        assert_eq!(
            written(rows, &[], Extent::Columns(120)),
            "CLUSTER  NAMESPACE  NAME  KIND\none      a          x     Pod\ntwo      -          x     Job\n"
        );
    }

    #[test]
    fn long_values_are_cut_so_that_lines_fit() {
        let long = format!(r#"{{"a":"{}","b":"short"}}"#, "x".repeat(300));
        let rows = || vec![("c", row("Pod", "namespace", "name", &long))];
        let text = written(rows(), &["a", "b"], Extent::Columns(60));
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        assert!(text.contains("xx…  short"), "{text}");
        assert!(written(rows(), &["a", "b"], Extent::Free).contains(&"x".repeat(300)));
    }

    #[test]
    fn columns_that_cannot_fit_are_named() {
        let attributes: Vec<String> = (0..20).map(|n| format!("attribute{n:02}")).collect();
        let names: Vec<&str> = attributes.iter().map(String::as_str).collect();
        let text = written(vec![("c", row("Pod", "a", "b", "{}"))], &names, Extent::Columns(80));
        assert!(text.contains("not shown: ") && text.contains("ATTRIBUTE19; --wide"), "{text}");
        assert!(text.lines().take(2).all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn many_rows_keep_one_layout() {
        let mut rows: Vec<(&str, Row)> =
            (0..2_500).map(|n| ("c", row("Pod", "a", &format!("p{n:05}"), "{}"))).collect();
        rows.push(("c", row("Pod", "a", "zzz-a-much-longer-name", r#"{"a":1}"#)));
        let text = written(rows, &["a"], Extent::Columns(120));
        assert_eq!(text.lines().count(), 2_502);
        let column = text.lines().last().unwrap().rfind('1').unwrap();
        assert!(text.lines().skip(1).all(|line| line.len() == column + 1));
    }

    #[test]
    fn control_characters_of_objects_do_not_reach_the_terminal() {
        let rows = vec![("c", row("Pod", "a", "b", r#"{"a":"\u001b[2Jgone\nline"}"#))];
        let text = written(rows, &["a"], Extent::Free);
        assert!(!text.contains('\u{1b}') && text.lines().count() == 2, "{text:?}");
    }
}

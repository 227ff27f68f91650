//! What an export would do, without looking at the folder: paths, columns, and a document of some rows. It touches no
//! file, not even a temporary one.

use std::io::Cursor;

use kollect_sink_core::preview::excerpt;
use kollect_sink_core::{Preview, Result as SinkResult, Sample, Text, Unknown};

use super::config::{Config, Documents, Layout, Provisioning, Rows};
use crate::error::Result;
use crate::format::{Compression, Encoding, Format, Header, Writer, of_document};
use crate::layout::document::Succession;
use crate::layout::template::{Field, Template};
use crate::retention::Retention;
use crate::rows::{Entry, Form, Ledger, document};

/// The number of the first export of a scope.
const FIRST: u64 = 1;

/// What the first export of the sample would do: where its documents would stand, relative to the endpoint, and what
/// they would hold.
///
/// # Errors
/// `InvalidConfig` where a row's path gets too long or reserved: the export would fail in the same way.
///
/// ```
/// use std::sync::Arc;
/// use kollect_sink_core::{Sample, Schema, Scope};
/// use kollect_sink_objectstore::local::{Config, Settings, preview};
///
/// let settings = Settings { root: "/exports".into(), format: Some("json".to_owned()), ..Settings::default() };
/// let sample = Sample {
///     scope: &Scope::new("prod", "team-a", "apps"),
///     schema: &Arc::new(Schema::default()),
///     rows: &[],
///     exported_at: jiff::Timestamp::UNIX_EPOCH,
/// };
/// let preview = preview(&Config::parse(settings)?, &sample)?;
///
/// assert_eq!(preview.sample_paths, ["inventory/prod/team-a/apps.json"]);
/// assert!(preview.sample_document.unwrap().ends_with("\"items\":[\n]}\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn preview(config: &Config, sample: &Sample<'_>) -> SinkResult<Preview> {
    let format = config.encoding.format();
    let mut preview = Preview { serialization_format: Some(format.as_str()), ..Preview::default() };
    preview.provisioning_mode = Some(match config.provisioning {
        Provisioning::Ensure => "ensure",
        Provisioning::Existing => {
            let problem = format!(
                "provisioning.mode existing makes no folder: {config} must exist before the first export"
            );
            preview.warnings.push(problem);
            "existing"
        }
    });
    match &config.layout {
        Layout::Documents(documents) => whole(format, documents, sample, &mut preview)?,
        Layout::Rows(rows) => each(config.encoding, rows, sample, &mut preview)?,
    }
    Ok(preview)
}

/// One document with all rows.
fn whole(format: Format, documents: &Documents, sample: &Sample<'_>, preview: &mut Preview) -> Result<()> {
    let Documents { layout, hot_attributes, retention } = documents;
    let path = layout.path(sample.scope, FIRST)?;
    let is_table = matches!(format, Format::Parquet | Format::Csv);
    if is_table {
        preview.columns = of_document(sample.schema, hot_attributes);
    }
    if format != Format::Parquet {
        preview.sample_document = Some(excerpt(&text(format, sample, hot_attributes)?));
    }
    if *retention != Retention::default() && layout.succession() == Succession::InPlace {
        let problem = "objectStore.retention has no effect: the path has no {generation}, so that each export takes \
                       the place of the one before";
        preview.warnings.push(problem.to_owned());
    }
    if !hot_attributes.is_empty() && !is_table {
        let problem = format!("objectStore.hotAttributes has no effect: {format} has no columns");
        preview.warnings.push(problem);
    }
    if format == Format::Parquet {
        let columns = preview.columns.iter().map(|column| &column.name);
        preview.warnings.extend(columns.filter_map(|column| shadowed(column, &path)));
    }
    if !layout.template().mentions(Field::Cluster) {
        let problem =
            "pathTemplate lacks {cluster}: a second cluster that exports into this folder is refused";
        preview.warnings.push(problem.to_owned());
    }
    preview.sample_paths.push(path);
    Ok(())
}

/// What a folder of the path does to a column.
fn shadowed(column: &Text, path: &str) -> Option<String> {
    let mut folders = path.split('/').rev().skip(1);
    folders.find(|folder| folder.split_once('=').is_some_and(|(name, _)| *name == **column)).map(|folder| {
        format!(
            "pathTemplate: readers of partitioned folders put the value of the folder {folder} in place of the \
             column {column}"
        )
    })
}

fn text(format: Format, sample: &Sample<'_>, hot_attributes: &[Text]) -> Result<Vec<u8>> {
    let header = Header {
        scope: sample.scope.clone(),
        generation: FIRST,
        exported_at: sample.exported_at,
        unknown: Unknown::none(),
        schema: sample.schema.clone(),
        hot_attributes: hot_attributes.to_vec(),
    };
    let mut bytes = Vec::new();
    let encoding = Encoding::new(format, Some(Compression::None))?;
    let mut writer = Writer::new(encoding, &header, &mut bytes, || Ok(Cursor::new(Vec::new())))?;
    sample.rows.iter().try_for_each(|row| writer.push(row))?;
    writer.finish()?;
    Ok(bytes)
}

/// A document for each row.
fn each(encoding: Encoding, rows: &Rows, sample: &Sample<'_>, preview: &mut Preview) -> Result<()> {
    let form = Form::new(encoding, rows.content);
    let mut ledger = Ledger::default();
    for row in sample.rows {
        let path = rows.layout.path(sample.scope, row.identity())?;
        match ledger.place(row, &path) {
            Ok(_) => ledger.put(Entry::of(row, &path, form)?.0),
            Err(meeting) => preview.warnings.push(format!("the export would fail: {meeting}")),
        }
        if !preview.sample_paths.contains(&path) {
            preview.sample_paths.push(path);
        }
    }
    if let Some(row) = sample.rows.first() {
        let plain = Form::new(Encoding::new(encoding.format(), Some(Compression::None))?, rows.content);
        preview.sample_document = Some(excerpt(&document(row, plain)?.0));
    }
    if let Some(index) = &rows.index {
        let path = index.path(sample.scope, FIRST)?;
        if ledger.knows(&path) {
            preview.warnings.push(format!("the export would fail: a row and the index meet in {path}"));
        }
        preview.index_path = Some(path);
    }
    preview.warnings.extend(shared(rows.layout.template()));
    Ok(())
}

/// What a template of rows leaves to chance.
fn shared(template: &Template) -> Option<String> {
    let wanted = [("{cluster}", Field::Cluster), ("{namespace}", Field::Namespace), ("{name}", Field::Name)];
    let lacking = wanted.iter().filter(|(_, field)| !template.mentions(*field)).map(|(name, _)| *name);
    let lacking: Vec<&str> = lacking.collect();
    (!lacking.is_empty()).then(|| {
        format!(
            "layout.pathTemplate lacks {}: where two clusters or inventories export the same object into this \
             folder, the second one is refused",
            lacking.join(", ")
        )
    })
}

//! Previews beside the exports that they are of.

use std::sync::Arc;

use kollect_sink_core::{
    Checkpoint, Column, ColumnType, Complete, Identity, Origin, Preview, Role, Row, Sample, Schema, Scope,
    ScopeDigest, Target,
};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::{Volume, batches, claim, row, rows};
use crate::local::{self, Config, Settings, preview};

const AT: &str = "2026-01-31T10:00:00Z";

fn schema() -> Arc<Schema> {
    let column = |name: &str, column_type| Column { name: name.into(), column_type };
    let columns = [column("cpus", ColumnType::Int), column("tags", ColumnType::List)];
    Arc::new(Schema::union(columns).0)
}

fn previewed(settings: Settings, scope: &Scope, rows: &[Row]) -> Preview {
    let sample = Sample { scope, schema: &schema(), rows, exported_at: AT.parse().unwrap() };
    preview(&Config::parse(settings).unwrap(), &sample).unwrap()
}

/// Exports the rows into the volume, and returns the names of the documents, relative to the endpoint.
async fn exported(settings: Settings, volume: &Volume, rows: &[Row]) -> Vec<String> {
    let sink = local::open(Config::parse(settings).unwrap());
    let base = claim(&*sink, &volume.scope).await;
    let mut digest = ScopeDigest::default();
    rows.iter().for_each(|row| digest.add(row.digest()));
    let target = Checkpoint {
        revision: 1,
        digest: Some(digest),
        rows: rows.len() as u64,
        shape: sink.shape(),
        generation: base.generation + 1,
        exported_at: AT.parse().unwrap(),
        ..base
    };
    let export = Complete::declare(volume.scope.clone(), target, schema());
    match sink.role() {
        Role::Snapshot(sink) => sink.replace(&export, batches(rows.to_vec())).await,
        Role::Reconciled(sink) => sink.reconcile(&export, batches(rows.to_vec())).await,
        Role::Projection(_) => panic!("folders take full passes"),
    }
    .unwrap();
    let names = volume.names().into_iter().filter(|name| !name.contains("/.kollect/"));
    names.map(|name| name.strip_prefix("tenant/out/").unwrap().to_owned()).collect()
}

fn three() -> Vec<Row> {
    (0..3).map(|index| row(index, r#"{"cpus":8,"tags":["ö",null]}"#)).collect()
}

#[tokio::test]
async fn an_export_writes_the_documents_that_its_preview_shows() {
    for format in ["json", "yaml", "ndjson", "csv", "parquet"] {
        for mode in ["document", "perResource", "split"] {
            if mode != "document" && matches!(format, "csv" | "parquet") {
                continue;
            }
            let volume = Volume::new();
            let settings = || Settings { layout_mode: Some(mode.to_owned()), ..volume.settings(format) };
            let shown = previewed(settings(), &volume.scope, &three());
            assert_eq!(volume.names(), Vec::<String>::new(), "a preview makes nothing");
            assert_eq!(shown.warnings, Vec::<String>::new());

            let written = exported(settings(), &volume, &three()).await;
            let mut paths = shown.sample_paths.clone();
            paths.extend(shown.index_path.clone());
            paths.sort();
            assert_eq!(paths, written, "{format} {mode}");
            assert_eq!(shown.index_path.is_some(), mode == "split");
            let document = std::fs::read(volume.path(&shown.sample_paths[0])).unwrap();
            match format {
                "parquet" => assert_eq!(shown.sample_document, None),
                _ => assert_eq!(shown.sample_document.unwrap().as_bytes(), document, "{format} {mode}"),
            }
        }
    }
}

#[tokio::test]
async fn the_columns_are_those_of_the_document() {
    let volume = Volume::new();
    let settings = || Settings { hot_attributes: vec!["zone".to_owned()], ..volume.settings("parquet") };
    let shown = previewed(settings(), &volume.scope, &three());
    exported(settings(), &volume, &three()).await;
    let file = std::fs::File::open(volume.path(&shown.sample_paths[0])).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let fields = reader.metadata().file_metadata().schema().get_fields();
    let written: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    let names: Vec<&str> = shown.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, written);
    let types: Vec<ColumnType> =
        shown.columns.iter().rev().take(3).map(|column| column.column_type).collect();
    assert_eq!(types, [ColumnType::String, ColumnType::List, ColumnType::Int]);

    let header = previewed(volume.settings("csv"), &volume.scope, &[]);
    let names: Vec<&str> = header.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(header.sample_document.unwrap(), names.join(",") + "\r\n");
}

#[test]
fn a_compressed_document_is_shown_as_it_was_before() {
    let volume = Volume::new();
    let compressed = Settings { compression: Some("zstd".to_owned()), ..volume.settings("json") };
    let shown = previewed(compressed, &volume.scope, &three());
    assert_eq!(shown.sample_paths, ["inventory/prod/team-a/apps.json.zst"]);
    let plain = previewed(volume.settings("json"), &volume.scope, &three());
    assert_eq!(shown.sample_document, plain.sample_document);
}

#[test]
fn a_long_document_is_cut() {
    let volume = Volume::new();
    let shown = previewed(volume.settings("ndjson"), &volume.scope, &rows(1000)).sample_document.unwrap();
    assert!(shown.len() < 5000 && shown.ends_with(" bytes more\n"), "{shown}");
}

#[test]
fn what_an_export_would_stumble_over_is_told() {
    let volume = Volume::new();
    let warned = |settings: Settings| previewed(settings, &volume.scope, &three()).warnings;
    let template = |text: &str| Some(text.to_owned());
    let per_row = |text: &str| Settings {
        layout_mode: Some("split".to_owned()),
        layout_path_template: template(text),
        ..volume.settings("json")
    };
    let table = [
        (
            Settings { provisioning: Some("existing".to_owned()), ..volume.settings("json") },
            vec!["provisioning.mode existing makes no folder: local:tenant/out must exist"],
        ),
        (
            Settings { retention_generations: Some(3), ..volume.settings("json") },
            vec!["objectStore.retention has no effect"],
        ),
        (
            Settings { hot_attributes: vec!["a".to_owned()], ..volume.settings("yaml") },
            vec!["objectStore.hotAttributes has no effect: yaml has no columns"],
        ),
        (
            Settings {
                path_template: template("cluster={cluster}/{namespace}/{name}{extension}"),
                ..volume.settings("parquet")
            },
            vec!["pathTemplate: readers of partitioned folders put the value of the folder cluster=prod"],
        ),
        (
            Settings { path_template: template("{namespace}/{name}"), ..volume.settings("json") },
            vec!["pathTemplate lacks {cluster}"],
        ),
        (
            per_row("{cluster}/{namespace}/{uid}"),
            vec!["layout.pathTemplate lacks {name}: where two clusters"],
        ),
        (
            per_row("{cluster}/{namespace}/{name}"),
            vec![
                "the export would fail: layout.pathTemplate: ",
                "the export would fail: layout.pathTemplate: ",
            ],
        ),
    ];
    for (settings, expected) in table {
        let found = warned(settings);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(found.iter().zip(&expected).all(|(found, start)| found.starts_with(start)), "{found:?}");
    }
}

#[test]
fn a_row_that_meets_the_index_is_told() {
    let volume = Volume::new();
    let settings = Settings {
        layout_mode: Some("split".to_owned()),
        layout_path_template: Some("{cluster}/{namespace}/{name}/{sourceName}".to_owned()),
        index_path_template: Some("{cluster}/{namespace}/{name}/index".to_owned()),
        ..volume.settings("json")
    };
    let target = Target::new("team-a", "pods");
    let origin = Origin { target, group: "".into(), version: "v1".into(), kind: "Pod".into() };
    let index = Row::new(Identity::new(Arc::new(origin), "shop".into(), "index", "u").unwrap(), "{}");
    let shown = previewed(settings, &volume.scope, &[index]);
    assert_eq!(shown.warnings, ["the export would fail: a row and the index meet in prod/team-a/apps/index"]);
}

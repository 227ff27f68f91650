//! Every format and compression as Python reads them: json, csv and gzip of its own, PyYAML, zstandard, and for
//! Parquet DuckDB and pyarrow.

use std::env;
use std::path::Path;
use std::process::Command;

use kollect_sink_core::Row;
use kollect_sink_core::conformance::rows::{awkward, item};
use kollect_sink_objectstore::local::Settings;
use serde_json::{Value, json};

use super::{ROWS, exported_as, run, script, typed_rows};

fn settings(format: &str, compression: &str) -> Settings {
    Settings {
        format: Some(format.to_owned()),
        compression: Some(compression.to_owned()),
        ..Settings::default()
    }
}

fn python(document: &Path) -> Value {
    let program = env::var("KOLLECT_TEST_PYTHON")
        .expect("KOLLECT_TEST_PYTHON must name a python with the packages of xtask/servers/python");
    let found = run(Command::new(program).arg(script("texts.py")).arg(document));
    serde_json::from_str(&found).unwrap()
}

/// By uid: the order of Parquet is another.
fn sorted(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by_key(|item| item["uid"].as_str().unwrap().to_owned());
    items
}

#[tokio::test]
async fn python_reads_every_format_and_compression() {
    let rows = typed_rows();
    let wanted = sorted(rows.iter().map(item).collect());
    for format in ["json", "yaml", "ndjson", "csv", "parquet"] {
        for compression in ["none", "gzip", "zstd", "snappy"] {
            if compression == "snappy" && format != "parquet" {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let document = exported_as(folder.path(), settings(format, compression), &[&rows]).await;
            let mut found = python(&document);
            let Value::Array(items) = found["items"].take() else {
                panic!("{format} {compression}: no items")
            };
            assert!(sorted(items) == wanted, "{format} {compression}: other rows than were written");
            match format {
                "csv" | "parquet" => assert_eq!(found["replicas"], json!(498_501), "{format} {compression}"),
                "json" | "yaml" => {
                    assert_eq!(found["envelope"]["itemCount"], json!(ROWS), "{format} {compression}");
                    assert_eq!(found["envelope"]["exportedAt"], json!("2026-01-31T11:22:33.444Z"));
                }
                _ => {}
            }
            if format == "parquet" {
                let codec = if compression == "none" {
                    "UNCOMPRESSED".to_owned()
                } else {
                    compression.to_uppercase()
                };
                assert_eq!(found["codec"], json!(codec));
            }
        }
    }
}

#[tokio::test]
async fn python_reads_awkward_rows_in_every_format() {
    let mut rows: Vec<Row> = awkward().unwrap();
    rows.sort_by(|left, right| left.key().cmp(&right.key()));
    let wanted = sorted(rows.iter().map(item).collect());
    for format in ["json", "yaml", "ndjson", "csv", "parquet"] {
        let folder = tempfile::tempdir().unwrap();
        let document = exported_as(folder.path(), settings(format, "none"), &[&rows]).await;
        let mut found = python(&document);
        let Value::Array(items) = found["items"].take() else { panic!("{format}: no items") };
        for (found, wanted) in sorted(items).iter().zip(&wanted) {
            assert_eq!(found, wanted, "{format}");
        }
    }
}

#[tokio::test]
async fn a_compressed_document_has_the_checksum_of_its_items() {
    let folder = tempfile::tempdir().unwrap();
    let document = exported_as(folder.path(), settings("json", "gzip"), &[&typed_rows()]).await;
    assert!(document.to_str().unwrap().ends_with("/apps.json.gz"));
    let shell = |script: &str| run(Command::new("sh").args(["-c", script, "sh"]).arg(&document));
    let checksum = shell("gzip -dc \"$1\" | jq -r .checksum");
    let sum = shell("gzip -dc \"$1\" | jq -cj .items | sha256sum");
    assert_eq!(sum.split_whitespace().next(), Some(checksum.trim()));
}

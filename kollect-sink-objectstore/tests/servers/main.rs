//! Documents in the hands of other programs: DuckDB and pyarrow read the Parquet files, jq and a shell check the
//! JSON ones, Python's own modules read the rest. `cargo xtask test` names a Python that has them in
//! `KOLLECT_TEST_PYTHON`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod texts;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use kollect_sink_core::conformance::rows::{awkward, item};
use kollect_sink_core::{
    Claim, ClaimMode, Column, ColumnType, Complete, Identity, Origin, Role, Row, Schema, Scope, ScopeDigest,
    Target, Writer,
};
use kollect_sink_objectstore::local::{Config, Settings, open};
use serde_json::{Value, json};

const ROWS: usize = 1000;

fn scope() -> Scope {
    Scope::new("prod", "team-a", "apps")
}

/// Rows of two kinds with an attribute of each type; the last one lacks them all.
fn typed_rows() -> Vec<Row> {
    (0..ROWS)
        .map(|index| {
            let kind = if index % 3 == 0 { "StatefulSet" } else { "Deployment" };
            let origin = Arc::new(Origin {
                target: Target::new("team-a", "workloads"),
                group: "apps".into(),
                version: "v1".into(),
                kind: kind.into(),
            });
            let namespace = format!("ns-{}", index % 7);
            let name = format!("app-{}", (index * 389) % ROWS);
            let identity =
                Identity::new(origin, namespace.into(), &name, &format!("uid-{index:05}")).unwrap();
            let ready = index % 2 == 0;
            let attributes = format!(
                r#"{{"image":"app:{index:04}","labels":{{"app":"{index:04}"}},"ports":[80,{index}],"ratio":{index}.5,"ready":{ready},"replicas":{index},"since":"2026-01-31T10:00:00.25Z"}}"#
            );
            Row::new(identity, if index + 1 == ROWS { "{}".to_owned() } else { attributes })
        })
        .collect()
}

fn schema() -> Arc<Schema> {
    let columns = [
        ("labels", ColumnType::Map),
        ("ports", ColumnType::List),
        ("ratio", ColumnType::Number),
        ("ready", ColumnType::Bool),
        ("replicas", ColumnType::Int),
        ("since", ColumnType::Timestamp),
    ];
    let column = |(name, column_type): (&str, ColumnType)| Column { name: name.into(), column_type };
    Arc::new(Schema::union(columns.map(column)).0)
}

/// Exports each state in turn and returns the newest document.
async fn exported(folder: &Path, format: &str, states: &[&[Row]]) -> PathBuf {
    exported_as(folder, Settings { format: Some(format.to_owned()), ..Settings::default() }, states).await
}

async fn exported_as(folder: &Path, settings: Settings, states: &[&[Row]]) -> PathBuf {
    let settings =
        Settings { root: folder.join("exports"), hot_attributes: vec!["image".to_owned()], ..settings };
    let sink = open(Config::parse(settings).unwrap());
    let at = "2026-01-31T11:22:33.444Z".parse().unwrap();
    let claim = Claim { writer: Writer::new("us"), seen_epoch: 0, mode: ClaimMode::Own, at };
    let mut target = sink.claim(&scope(), claim).await.unwrap();
    for rows in states {
        let mut digest = ScopeDigest::default();
        rows.iter().for_each(|row| digest.add(row.digest()));
        target.digest = Some(digest);
        target.rows = rows.len() as u64;
        target.revision += 1;
        target.generation += 1;
        let export = Complete::declare(scope(), target.clone(), schema());
        let batches: Vec<_> = rows.chunks(100).map(|chunk| Ok(chunk.to_vec())).collect();
        let Role::Snapshot(documents) = sink.role() else { panic!("not a layout of documents") };
        target = documents.replace(&export, stream::iter(batches).boxed()).await.unwrap().reached;
    }
    let manifest = fs::read(folder.join("exports/.kollect/prod/team-a/apps/latest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    folder.join("exports").join(manifest["current"]["files"][0]["path"].as_str().unwrap())
}

/// A script that stands beside this file.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers").join(name)
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn duckdb_and_pyarrow_read_the_same_rows() {
    let python = env::var("KOLLECT_TEST_PYTHON")
        .expect("KOLLECT_TEST_PYTHON must name a python with the packages of xtask/servers/python");
    let folder = tempfile::tempdir().unwrap();
    let rows = typed_rows();
    let newest = exported(folder.path(), "parquet", &[&rows[..400], &rows]).await;
    let mut command = Command::new(python);
    command.arg(script("readers.py")).arg(folder.path().join("exports")).arg(&newest);
    let found: Value = serde_json::from_str(&run(&mut command)).unwrap();

    let mut items: Vec<&Value> = found["items"].as_array().unwrap().iter().collect();
    items.sort_by_key(|item| item["uid"].as_str().unwrap());
    let wanted: Vec<Value> = rows.iter().map(item).collect();
    assert!(items == wanted.iter().collect::<Vec<_>>(), "DuckDB reads other rows than were written");

    let types = [
        ("cluster", "VARCHAR"),
        ("name", "VARCHAR"),
        ("exported_at", "TIMESTAMP WITH TIME ZONE"),
        ("attributes", "JSON"),
        ("attr_image", "VARCHAR"),
        ("attr_labels", "JSON"),
        ("attr_ports", "JSON"),
        ("attr_ratio", "DOUBLE"),
        ("attr_ready", "BOOLEAN"),
        ("attr_replicas", "BIGINT"),
        ("attr_since", "TIMESTAMP WITH TIME ZONE"),
    ];
    for (column, wanted) in types {
        assert_eq!(found["types"][column], wanted, "{column}");
    }
    // The sums of 0 to 998, as the last row has no attributes.
    let since = "2026-01-31 10:00:00.25+00";
    let totals = json!([1000, 498_501, 498_501.0 + 499.5, 500, since, "app:0998", "0998", 2 * 999]);
    assert_eq!(found["totals"], totals);
    assert_eq!(found["exported_at"], json!([["2026-01-31 11:22:33.444+00"]]));
    // Both generations as one table: the path's own columns do not stand in place of the file's.
    assert_eq!(found["generations"], json!([["prod", "team-a", "apps", "prod", "apps", 1400, 1000]]));
    assert_eq!(found["one"], 1);
    let pyarrow = json!({
        "rows": 1000, "codec": "ZSTD", "sorted": true, "page_index": true, "generation": "2", "tables": 1400,
        "kind_bounds": ["Deployment", "StatefulSet"],
    });
    assert_eq!(found["pyarrow"], pyarrow);
}

#[tokio::test]
async fn duckdb_reads_awkward_rows() {
    let python = env::var("KOLLECT_TEST_PYTHON").expect("KOLLECT_TEST_PYTHON");
    let folder = tempfile::tempdir().unwrap();
    let mut rows = awkward().unwrap();
    rows.sort_by(|left, right| left.key().cmp(&right.key()));
    let newest = exported(folder.path(), "parquet", &[&rows]).await;
    let text = "import duckdb, json, sys; rows = duckdb.sql(f\"SELECT uid, attributes FROM '{sys.argv[1]}'\").fetchall(); \
                json.dump(rows, sys.stdout)";
    let found = run(Command::new(python).args(["-c", text]).arg(&newest));
    let mut found: Vec<(String, String)> = serde_json::from_str(&found).unwrap();
    found.sort();
    let mut wanted: Vec<(String, String)> =
        rows.iter().map(|row| (row.identity().uid().to_owned(), row.attributes().to_owned())).collect();
    wanted.sort();
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn jq_and_sha256sum_agree_with_the_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let document = exported(folder.path(), "json", &[&typed_rows()[..20], &typed_rows()]).await;
    let checksum = run(Command::new("jq").args(["-r", ".checksum"]).arg(&document));
    let sum = |script: &str| {
        let printed = run(Command::new("sh").args(["-c", script, "sh"]).arg(&document));
        printed.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(sum("jq -cj .items \"$1\" | sha256sum"), checksum.trim());
    let exact = "(printf '['; sed '1d;$d' \"$1\" | tr -d '\\n'; printf ']') | sha256sum";
    assert_eq!(sum(exact), checksum.trim());
    assert_eq!(
        run(Command::new("jq").args([".itemCount, (.items | length)"]).arg(&document)),
        "1000\n1000\n"
    );

    // Numbers and characters that jq writes in its own way: the exact form holds for any row.
    let folder = tempfile::tempdir().unwrap();
    let mut rows = awkward().unwrap();
    rows.sort_by(|left, right| left.key().cmp(&right.key()));
    let document = exported(folder.path(), "json", &[&rows]).await;
    let checksum = run(Command::new("jq").args(["-r", ".checksum"]).arg(&document));
    let printed = run(Command::new("sh").args(["-c", exact, "sh"]).arg(&document));
    assert_eq!(printed.split_whitespace().next().unwrap(), checksum.trim());
}

#[tokio::test]
async fn jq_reads_ndjson_and_its_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let document = exported(folder.path(), "ndjson", &[&typed_rows()]).await;
    let names = run(Command::new("jq").args(["-r", ".uid"]).arg(&document));
    assert_eq!(names.lines().count(), ROWS);
    let manifest = folder.path().join("exports/.kollect/prod/team-a/apps/latest.json");
    let checksum = run(Command::new("jq").args(["-r", ".current.checksum"]).arg(manifest));
    let script = "jq -cjs . \"$1\" | sha256sum";
    let printed = run(Command::new("sh").args(["-c", script, "sh"]).arg(&document));
    assert_eq!(printed.split_whitespace().next().unwrap(), checksum.trim());
}

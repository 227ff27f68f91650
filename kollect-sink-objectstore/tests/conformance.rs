//! The folder in the conformance suite of all destinations, once per format and layout. The documents are read
//! back by plain readers, not by the crate; programs of others are asked in `tests/servers.rs`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use kollect_sink_core::conformance::fixture::Memory;
use kollect_sink_core::conformance::{
    Contents, Damage, Destination, Fixture, FixtureError, NotApplicable, Traits, suite,
};
use kollect_sink_core::{RowKey, Scope, Sink};
use kollect_sink_objectstore::local::{Config, Settings, open};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What is tested: a layout in a format with a compression.
#[derive(Clone, Copy)]
struct Folders {
    layout: &'static str,
    format: &'static str,
    compression: &'static str,
}

/// Where rows stand in these tests: many have one name.
const ROWS: &str = "rows/{cluster}/{namespace}/{name}/{targetName}_{uid}{extension}";

struct Folder {
    dir: TempDir,
    how: Folders,
}

impl Fixture for Folders {
    fn traits(&self) -> Traits {
        Traits {
            refused: Err(NotApplicable("a document takes every row")),
            largest_row: 8 << 20,
            memory: Memory::Theirs {
                bound: match (self.layout, self.format) {
                    // What stands where, of 100,000 rows.
                    ("perResource" | "split", _) => 115 << 20,
                    // One row group: 32 MiB of attributes, beside what they are encoded to.
                    (_, "parquet") => 110 << 20,
                    _ => 64 << 20,
                },
            },
        }
    }

    fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Destination>, FixtureError>> {
        async {
            let folder = Folder { dir: tempfile::tempdir()?, how: *self };
            Ok(Box::new(folder) as Box<dyn Destination>)
        }
        .boxed()
    }

    fn wrong_credentials(&self) -> Result<(Arc<dyn Sink>, String), NotApplicable> {
        Err(NotApplicable("a folder has no credentials"))
    }

    fn unreachable(&self) -> Result<Arc<dyn Sink>, NotApplicable> {
        Err(NotApplicable("a folder has no address"))
    }
}

impl Folder {
    fn root(&self) -> PathBuf {
        self.dir.path().join("tenant")
    }

    fn manifest(&self, scope: &Scope) -> PathBuf {
        let (cluster, namespace) = (scope.cluster_segment(), scope.namespace_segment());
        self.root().join(format!(".kollect/{cluster}/{namespace}/{}/latest.json", scope.inventory_name))
    }

    /// The newest document, where a reader would look for it.
    fn document(&self, scope: &Scope) -> Option<PathBuf> {
        let (cluster, namespace, name) =
            (scope.cluster_segment(), scope.namespace_segment(), &scope.inventory_name);
        if self.how.format != "parquet" {
            let ending = if self.how.compression == "gzip" { ".gz" } else { "" };
            let path = format!("inventory/{cluster}/{namespace}/{name}.{}{ending}", self.how.format);
            return Some(self.root().join(path)).filter(|path| path.exists());
        }
        let manifest = fs::read(self.manifest(scope)).unwrap_or_default();
        if let Ok(manifest) = serde_json::from_slice::<Value>(&manifest) {
            let path = manifest["current"]["files"][0]["path"].as_str()?;
            return Some(self.root().join(path));
        }
        let folder = self.root().join(format!("inventory/source={cluster}/ns={namespace}/inventory={name}"));
        let found = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        found.max_by_key(|path| generation(path))
    }

    /// The items of all documents of rows in the scope's folder.
    fn items_of_rows(&self, scope: &Scope) -> Result<Vec<Value>, FixtureError> {
        let (cluster, namespace) = (scope.cluster_segment(), scope.namespace_segment());
        let folder = format!("rows/{cluster}/{namespace}/{}", scope.inventory_name);
        let mut items = Vec::new();
        for entry in fs::read_dir(self.root().join(folder)).into_iter().flatten() {
            let bytes = fs::read(entry?.path())?;
            items.push(match self.how.format {
                "yaml" => yaml(&bytes)?,
                _ => serde_json::from_slice(&bytes)?,
            });
        }
        Ok(items)
    }

    fn foreign(&self) -> [PathBuf; 4] {
        [
            "inventory/cluster-1/team-a/notes.json",
            "rows/cluster-1/team-a/notes.json",
            "inventory/source=cluster-1/ns=team-a/inventory=inventory/generation=999.parquet.bak",
            ".kollect/cluster-1/team-a/inventory/README.md",
        ]
        .map(|path| self.root().join(path))
    }
}

fn generation(path: &Path) -> u64 {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    name.rsplit('=').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

impl Destination for Folder {
    fn open(&self) -> Result<Arc<dyn Sink>, FixtureError> {
        let text = |text: &str| Some(text.to_owned());
        let rows = self.how.layout != "document";
        let settings = Settings {
            root: self.root(),
            format: text(self.how.format),
            compression: text(self.how.compression),
            layout_mode: text(self.how.layout),
            layout_path_template: rows.then(|| ROWS.to_owned()),
            ..Settings::default()
        };
        Ok(open(Config::parse(settings)?))
    }

    fn read_back<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<Contents, FixtureError>> {
        async move {
            let items = if self.how.layout == "document" {
                let Some(path) = self.document(scope) else { return Ok(Contents::new()) };
                items(&path, self.how)?
            } else {
                self.items_of_rows(scope)?
            };
            let count = items.len();
            let contents: Contents = items.into_iter().map(|item| (key(&item), item)).collect();
            if contents.len() == count { Ok(contents) } else { Err("a row stands twice".into()) }
        }
        .boxed()
    }

    fn inflict<'a>(
        &'a self,
        scope: &'a Scope,
        damage: Damage,
    ) -> BoxFuture<'a, Result<Result<(), NotApplicable>, FixtureError>> {
        async move {
            match damage {
                Damage::LoseCheckpoint => fs::remove_file(self.manifest(scope))?,
                Damage::GarbleCheckpoint => fs::write(self.manifest(scope), "{\"checkpoint\":{\"wri")?,
                Damage::PlantForeignData => {
                    for path in self.foreign() {
                        fs::create_dir_all(path.parent().unwrap())?;
                        fs::write(&path, "not yours")?;
                    }
                }
            }
            Ok(Ok(()))
        }
        .boxed()
    }

    fn foreign_data_intact(&self) -> BoxFuture<'_, Result<bool, FixtureError>> {
        let intact = |path: &PathBuf| fs::read(path).is_ok_and(|bytes| bytes == b"not yours");
        async move { Ok(self.foreign().iter().all(intact)) }.boxed()
    }
}

fn key(item: &Value) -> RowKey {
    let text = |name: &str| item[name].as_str().unwrap_or_default().into();
    RowKey { target_namespace: text("targetNamespace"), target_name: text("targetName"), uid: text("uid") }
}

fn items(path: &Path, how: Folders) -> Result<Vec<Value>, FixtureError> {
    if how.format == "parquet" {
        return parquet_items(path);
    }
    let mut bytes = fs::read(path)?;
    if how.compression == "gzip" {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut plain)?;
        bytes = plain;
    }
    match how.format {
        "json" => envelope_items(serde_json::from_slice(&bytes)?),
        "yaml" => envelope_items(yaml(&bytes)?),
        "csv" => csv_items(&bytes),
        _ => lines(&bytes),
    }
}

/// On a stack of its own: this reader takes much of it for each level of nesting.
fn yaml(bytes: &[u8]) -> Result<Value, FixtureError> {
    let read = || {
        let options = serde_saphyr::options! { budget: None };
        serde_saphyr::from_slice_with_options(bytes, options).map_err(FixtureError::from)
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, read)?;
        thread.join().unwrap_or_else(|_| Err("the YAML reader panicked".into()))
    })
}

/// The items of a document whose envelope agrees with them.
fn envelope_items(mut document: Value) -> Result<Vec<Value>, FixtureError> {
    let Value::Array(items) = document["items"].take() else { return Err("no items".into()) };
    if document["itemCount"] != items.len() || document["schemaVersion"] != "kollect.dev/v1alpha1" {
        return Err(format!("the envelope does not fit its {} items: {document}", items.len()).into());
    }
    Ok(items)
}

fn lines(bytes: &[u8]) -> Result<Vec<Value>, FixtureError> {
    let text = std::str::from_utf8(bytes)?;
    text.lines().map(|line| serde_json::from_str(line).map_err(FixtureError::from)).collect()
}

fn csv_items(bytes: &[u8]) -> Result<Vec<Value>, FixtureError> {
    let mut items = Vec::new();
    for record in csv::Reader::from_reader(bytes).deserialize() {
        let record: BTreeMap<String, String> = record?;
        items.push(item_of(record)?);
    }
    Ok(items)
}

/// The item that named columns of text hold.
fn item_of(columns: impl IntoIterator<Item = (String, String)>) -> Result<Value, FixtureError> {
    let mut item = json!({});
    for (name, text) in columns {
        let name = match name.as_str() {
            "target_namespace" => "targetNamespace",
            "target_name" => "targetName",
            "attributes" => {
                item["attributes"] = serde_json::from_str(&text)?;
                continue;
            }
            "group" if text.is_empty() => continue,
            "cluster" | "inventory_namespace" | "inventory_name" | "exported_at" => continue,
            other => other,
        };
        item[name] = Value::String(text);
    }
    Ok(item)
}

/// Rows by the record reader, which shares no code with the columnar one.
fn parquet_items(path: &Path) -> Result<Vec<Value>, FixtureError> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let mut items = Vec::new();
    for row in reader.get_row_iter(None)? {
        let mut columns = Vec::new();
        for (name, field) in row?.get_column_iter() {
            match field {
                Field::Str(text) => columns.push((name.clone(), text.clone())),
                Field::Bytes(bytes) => {
                    columns.push((name.clone(), String::from_utf8(bytes.data().to_vec())?))
                }
                _ => {}
            }
        }
        items.push(item_of(columns)?);
    }
    Ok(items)
}

// One test: a case measures the memory of the whole process.
#[tokio::test]
async fn folders_of_every_format_and_layout_conform() {
    let all = [
        ("document", "parquet", "zstd"),
        ("document", "json", "none"),
        ("document", "yaml", "none"),
        ("document", "ndjson", "gzip"),
        ("document", "csv", "none"),
        ("perResource", "json", "none"),
        ("split", "yaml", "none"),
    ];
    for (layout, format, compression) in all {
        let folders = Folders { layout, format, compression };
        // An index beside the same documents: their number was tried without it.
        let wanted = |case: &str| layout != "split" || case != "hundred_thousand_rows_with_flat_memory";
        let report = suite::run_only(&folders, wanted).await;
        println!("{layout} {format} {compression}\n{report}");
        assert!(report.passed(), "{layout} {format} {compression}\n{report}");
    }
}

//! The folder in the conformance suite of all destinations, once per format. The documents are read back by
//! plain readers, not by the crate; DuckDB and jq are asked in `tests/servers.rs`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::fs::{self, File};
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

struct Folders {
    format: &'static str,
}

struct Folder {
    dir: TempDir,
    format: &'static str,
}

impl Fixture for Folders {
    fn traits(&self) -> Traits {
        Traits {
            refused: Err(NotApplicable("a document takes every row")),
            largest_row: 8 << 20,
            // Parquet holds one row group: 32 MiB of attributes, beside what they are encoded to.
            memory: Memory::Theirs { bound: if self.format == "parquet" { 110 << 20 } else { 64 << 20 } },
        }
    }

    fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Destination>, FixtureError>> {
        async {
            let folder = Folder { dir: tempfile::tempdir()?, format: self.format };
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
        if self.format != "parquet" {
            let path = format!("inventory/{cluster}/{namespace}/{name}.{}", self.format);
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

    fn foreign(&self) -> [PathBuf; 3] {
        [
            "inventory/cluster-1/team-a/notes.json",
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
        let format = Some(self.format.to_owned());
        let settings = Settings { root: self.root(), format, ..Settings::default() };
        Ok(Arc::new(open(Config::parse(settings)?)))
    }

    fn read_back<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<Contents, FixtureError>> {
        async move {
            let Some(path) = self.document(scope) else { return Ok(Contents::new()) };
            let items = match self.format {
                "json" => json_items(&path)?,
                "ndjson" => lines(&path)?,
                _ => parquet_items(&path)?,
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

/// The items of a document whose envelope agrees with them.
fn json_items(path: &Path) -> Result<Vec<Value>, FixtureError> {
    let mut document: Value = serde_json::from_slice(&fs::read(path)?)?;
    let Value::Array(items) = document["items"].take() else { return Err("no items".into()) };
    if document["itemCount"] != items.len() || document["schemaVersion"] != "kollect.dev/v1alpha1" {
        return Err(format!("the envelope does not fit its {} items: {document}", items.len()).into());
    }
    Ok(items)
}

fn lines(path: &Path) -> Result<Vec<Value>, FixtureError> {
    let text = fs::read_to_string(path)?;
    text.lines().map(|line| serde_json::from_str(line).map_err(FixtureError::from)).collect()
}

/// Rows by the record reader, which shares no code with the columnar one.
fn parquet_items(path: &Path) -> Result<Vec<Value>, FixtureError> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let mut items = Vec::new();
    for row in reader.get_row_iter(None)? {
        let mut item = json!({});
        for (name, field) in row?.get_column_iter() {
            let text = match field {
                Field::Str(text) => text.clone(),
                Field::Bytes(bytes) => String::from_utf8(bytes.data().to_vec())?,
                _ => continue,
            };
            let name = match name.as_str() {
                "target_namespace" => "targetNamespace",
                "target_name" => "targetName",
                "attributes" => {
                    item["attributes"] = serde_json::from_str(&text)?;
                    continue;
                }
                "group" if text.is_empty() => continue,
                "cluster" | "inventory_namespace" | "inventory_name" => continue,
                other => other,
            };
            item[name] = Value::String(text);
        }
        items.push(item);
    }
    Ok(items)
}

// One test: a case measures the memory of the whole process.
#[tokio::test]
async fn folders_of_every_format_conform() {
    for format in ["parquet", "json", "ndjson"] {
        let report = suite::run(&Folders { format }).await;
        println!("{format}\n{report}");
        assert!(report.passed(), "{format}\n{report}");
    }
}

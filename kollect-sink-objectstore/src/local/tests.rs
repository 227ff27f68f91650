//! The folder as users and other programs see it. What all destinations have to do is asked by the conformance
//! suite, in `tests/conformance.rs`.

mod documents;
mod preview;
mod rows;
mod safety;
mod writers;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use kollect_sink_core::{
    Batches, Checkpoint, Claim, ClaimMode, Complete, Digest, Held, Identity, Listing, Origin, Receipt,
    Result, Row, Schema, Scope, ScopeDigest, Sink, Snapshot, Target, Writer,
};
use tempfile::TempDir;

use super::config::Layout;
use super::sink::Folder;
use super::{Config, Settings};

/// The folder as a destination with one document per export.
fn open(config: Config) -> Folder {
    let Layout::Documents(documents) = config.layout.clone() else { panic!("not a layout of documents") };
    Folder::new(Arc::new(config), documents)
}

/// A temporary volume with a tenant's folder in it.
struct Volume {
    dir: TempDir,
    scope: Scope,
}

impl Volume {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), scope: Scope::new("prod", "team-a", "apps") }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("tenant")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root().join("out").join(path)
    }

    fn settings(&self, format: &str) -> Settings {
        Settings {
            root: self.root(),
            endpoint: "out".to_owned(),
            format: Some(format.to_owned()),
            ..Settings::default()
        }
    }

    fn open(&self, format: &str) -> Folder {
        open(Config::parse(self.settings(format)).unwrap())
    }

    fn manifest(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path(".kollect/prod/team-a/apps/latest.json")).unwrap())
            .unwrap()
    }

    /// Every file of the volume with its contents, except for locks.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(self.dir.path(), self.dir.path(), &mut found);
        found.retain(|path, _| !path.ends_with("/lock"));
        found
    }

    fn names(&self) -> Vec<String> {
        self.files().into_keys().collect()
    }
}

fn collect(base: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(base, &path, found);
        } else {
            let name = path.strip_prefix(base).unwrap().to_str().unwrap().to_owned();
            // A temporary file may vanish meanwhile.
            if let Ok(contents) = fs::read(&path) {
                found.insert(name, contents);
            }
        }
    }
}

fn row(index: usize, attributes: &str) -> Row {
    let origin = Arc::new(Origin {
        target: Target::new("team-a", "pods"),
        group: "".into(),
        version: "v1".into(),
        kind: "Pod".into(),
    });
    let uid = format!("{index:05}");
    Row::new(Identity::new(origin, "shop".into(), &format!("pod-{index}"), &uid).unwrap(), attributes)
}

fn rows(count: usize) -> Vec<Row> {
    (0..count).map(|index| row(index, "{}")).collect()
}

fn batches(rows: Vec<Row>) -> Batches<'static, Row> {
    let batches: Vec<_> = rows.chunks(3).map(|chunk| Ok(chunk.to_vec())).collect();
    stream::iter(batches).boxed()
}

async fn claim_as(sink: &dyn Sink, scope: &Scope, writer: &str, mode: ClaimMode) -> Result<Checkpoint> {
    let seen_epoch = sink.checkpoint(scope).await?.map_or(0, |stored| stored.epoch);
    let at = "2026-01-31T10:00:00Z".parse().unwrap();
    sink.claim(scope, Claim { writer: Writer::new(writer), seen_epoch, mode, at }).await
}

async fn claim(sink: &dyn Sink, scope: &Scope) -> Checkpoint {
    claim_as(sink, scope, "us", ClaimMode::Own).await.unwrap()
}

/// The header of `rows` as the successor of `base`.
fn complete(sink: &Folder, scope: &Scope, base: &Checkpoint, rows: &[Row]) -> Complete {
    let mut digest = ScopeDigest::default();
    rows.iter().for_each(|row| digest.add(row.digest()));
    let shape = Digest::of(&[&sink.shape().0]);
    let material = base.digest != Some(digest) || base.shape != shape;
    let generation = base.generation + u64::from(material);
    let second = 1_769_853_600 + i64::try_from(generation).unwrap();
    let target = Checkpoint {
        revision: base.revision + 1,
        digest: Some(digest),
        rows: rows.len() as u64,
        shape,
        generation,
        exported_at: if material { Timestamp::from_second(second).unwrap() } else { base.exported_at },
        ..base.clone()
    };
    Complete::declare(scope.clone(), target, Arc::new(Schema::default()))
}

async fn replace(sink: &Folder, scope: &Scope, base: &Checkpoint, rows: &[Row]) -> Result<Receipt> {
    let export = complete(sink, scope, base, rows);
    sink.replace(&export, batches(rows.to_vec())).await
}

/// Claims and exports `rows`.
async fn export(sink: &Folder, scope: &Scope, rows: &[Row]) -> Checkpoint {
    let base = claim(sink, scope).await;
    replace(sink, scope, &base, rows).await.unwrap().reached
}

async fn listed(sink: &Folder, scope: &Scope) -> Vec<Held> {
    let batches: Vec<Vec<Held>> = sink.list(scope, Listing::Recomputed).try_collect().await.unwrap();
    batches.concat()
}

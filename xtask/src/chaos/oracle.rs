//! What the cluster holds, what each sink holds, and whether they agree: by the API server's lists, psql and the folder's
//! files. It shares no code with the product.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::model::{Kind, NAMESPACE_LABEL, OBJECT_LABEL, Rows};
use super::setup;
use super::world::World;
use crate::e2e::Kubectl;

/// How long the cluster may take to become what the model says: namespaces take time to end.
const SETTLES: Duration = Duration::from_secs(90);

/// How often sinks are read.
const PAUSE: Duration = Duration::from_millis(200);

/// The rows that follow from what the API server lists.
///
/// # Errors
/// If it does not list.
pub fn cluster(kubectl: &Kubectl) -> Result<Rows> {
    let list =
        |path: &str| -> Result<Value> { Ok(serde_json::from_str(&kubectl.run(&["get", "--raw", path])?)?) };
    let items = |list: &Value| list.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, pointer: &str| {
        value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string()
    };
    let namespaces: BTreeMap<String, bool> = items(&list("/api/v1/namespaces")?)
        .iter()
        .map(|item| {
            let selected = text(item, &format!("/metadata/labels/{NAMESPACE_LABEL}")) == "yes";
            (text(item, "/metadata/name"), selected)
        })
        .collect();
    let mut rows = Rows::default();
    for kind in [Kind::ConfigMap, Kind::Widget] {
        if kind == Kind::Widget && kubectl.get(&["crd", setup::CRD]).is_err() {
            continue;
        }
        for item in items(&list(&kind.path(None))?) {
            let namespace = text(&item, "/metadata/namespace");
            let selected = text(&item, &format!("/metadata/labels/{OBJECT_LABEL}")) == "yes";
            if selected && namespaces.get(&namespace) == Some(&true) {
                let attributes = serde_json::json!({
                    "team": text(&item, "/metadata/labels/team"),
                    "value": text(&item, &format!("/{}/value", kind.field())),
                });
                rows.add((kind.name().into(), namespace, text(&item, "/metadata/name")), attributes);
            }
        }
    }
    Ok(rows)
}

/// The rows of the table.
///
/// # Errors
/// If Postgres does not answer.
pub fn table(world: &World) -> Result<Rows> {
    let query = "SELECT kind, resource_namespace, resource_name, payload->'attributes' AS attributes,
        cluster = 'chaos' AND inventory_namespace = 'kollect' AND inventory_name = 'all'
        AND target_name = CASE kind WHEN 'Widget' THEN 'widgets' ELSE 'maps' END AS ours FROM inventory";
    let mut rows = Rows::default();
    for row in world.database.psql().rows(query)? {
        ensure!(row.get("ours") == Some(&Value::Bool(true)), "a row of another scope or target: {row}");
        let key = (field(&row, "kind")?, field(&row, "resource_namespace")?, field(&row, "resource_name")?);
        rows.add(key, row.get("attributes").cloned().unwrap_or_default());
    }
    Ok(rows)
}

/// The rows of the folder's newest export, whose files are as its manifest says.
///
/// # Errors
/// If there is none, or a file is not as the manifest says.
pub fn folder(root: &Path) -> Result<Rows> {
    let home = root.join(setup::NAMESPACE);
    let manifest: Value = serde_json::from_slice(&fs::read(manifest(&home)?)?)?;
    let files = manifest.pointer("/current/files").and_then(Value::as_array).context("no export yet")?;
    let mut rows = Rows::default();
    for file in files {
        let bytes = fs::read(home.join(field(file, "path")?))?;
        let sum = hex::encode(Sha256::digest(&bytes));
        ensure!(sum == field(file, "sha256")?, "a file is not what its manifest says");
        let document: Value = serde_json::from_slice(&bytes)?;
        for item in document.get("items").and_then(Value::as_array).context("a document without items")? {
            let key = (field(item, "kind")?, field(item, "namespace")?, field(item, "name")?);
            rows.add(key, item.get("attributes").cloned().unwrap_or_default());
        }
    }
    Ok(rows)
}

/// The folder's manifest.
///
/// # Errors
/// If there is none, or more than one.
pub fn manifest(home: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![home.join(".kollect")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("latest.json") {
                found.push(path);
            }
        }
    }
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => bail!("the folder has no manifest"),
        (Some(_), others) => bail!("the folder has {} manifests", others + 1),
    }
}

/// What each sink lacks; none where all are equal.
#[must_use]
pub fn compare(world: &World, wanted: &Rows) -> Option<String> {
    let sinks = [("table", table(world)), ("folder", folder(&world.folder()))];
    let wrong = sinks.into_iter().filter_map(|(name, rows)| match rows {
        Ok(rows) => {
            let difference = wanted.against(&rows);
            (!difference.is_none()).then(|| format!("{name}: {}", difference.text()))
        }
        Err(error) => Some(format!("{name}: {error:#}")),
    });
    let wrong: Vec<String> = wrong.collect();
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

/// Waits until every sink holds these rows: how long after `since` that was, or what was wrong last.
pub fn equal(world: &World, wanted: &Rows, since: Instant, within: Duration) -> Result<Duration, String> {
    loop {
        let looked = Instant::now();
        match compare(world, wanted) {
            // By when the look began: what it found was there then or came while it looked.
            None => return Ok(looked.saturating_duration_since(since)),
            Some(wrong) if looked > since + within => return Err(wrong),
            Some(_) => thread::sleep(PAUSE),
        }
    }
}

/// Waits until the cluster itself is what the model says, and tells when it was.
///
/// # Errors
/// If it does not become so: then it is the harness that is wrong.
pub fn settled(world: &World, wanted: &Rows) -> Result<Instant> {
    let end = Instant::now() + SETTLES;
    loop {
        let looked = Instant::now();
        let wrong = match cluster(&world.kubectl).map(|found| wanted.against(&found)) {
            Ok(difference) if difference.is_none() => return Ok(looked),
            Ok(difference) => difference.text(),
            Err(error) => format!("{error:#}"),
        };
        ensure!(
            looked < end,
            "the cluster is not what the model says, which is the harness's fault: {wrong}"
        );
        thread::sleep(PAUSE);
    }
}

fn field(of: &Value, name: &str) -> Result<String> {
    let text = of.get(name).and_then(Value::as_str);
    Ok(text.with_context(|| format!("{name} is no text"))?.to_string())
}

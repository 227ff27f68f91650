//! What is remembered of the document of a row, as a line of JSON. Rows are spread over shards by the hash of
//! their keys, so that a change rewrites a small part of what is remembered.

use std::io::{BufRead, BufReader, Read};

use kollect_sink_core::{Digest, Identity, KeyRef, Row};
use serde::{Deserialize, Serialize};

use super::content::{Form, document};
use crate::error::{Error, Result};
use crate::format::{Fields, Rebuild, Sha256};

/// How many shards there are.
pub(crate) const SHARDS: usize = 256;

/// The shard of a key.
pub(crate) fn shard_of(key: KeyRef<'_>) -> u8 {
    let parts = [key.target_namespace, key.target_name, key.uid];
    let [first, ..] = Digest::of(&parts.map(str::as_bytes)).0;
    first
}

/// The document of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) identity: Identity,
    pub(crate) path: Box<str>,
    /// The row's.
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
    pub(crate) sha256: Sha256,
    /// How it is written, where that is not how the others are: an unknown row of another configuration.
    pub(crate) form: Option<Form>,
}

impl Entry {
    /// The document of a row that shall stand at `path`: what is remembered of it, and its bytes.
    pub(crate) fn of(row: &Row, path: &str, form: Form) -> Result<(Self, Vec<u8>)> {
        let (document, sha256) = document(row, form)?;
        let entry = Self {
            identity: row.identity().clone(),
            path: path.into(),
            digest: row.digest(),
            bytes: document.len() as u64,
            sha256,
            form: None,
        };
        Ok((entry, document))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<T> {
    path: T,
    target_namespace: T,
    target_name: T,
    namespace: T,
    name: T,
    group: T,
    version: T,
    kind: T,
    uid: T,
    digest: Digest,
    bytes: u64,
    sha256: Sha256,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    form: Option<Form>,
}

/// The entries as lines, in their order.
pub(crate) fn write_entries<'e>(entries: impl Iterator<Item = &'e Entry>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for entry in entries {
        let identity = &entry.identity;
        let line = Line::<&str> {
            path: &entry.path,
            target_namespace: &identity.target().namespace,
            target_name: &identity.target().name,
            namespace: identity.namespace(),
            name: identity.name(),
            group: identity.group(),
            version: identity.version(),
            kind: identity.kind(),
            uid: identity.uid(),
            digest: entry.digest,
            bytes: entry.bytes,
            sha256: entry.sha256,
            form: entry.form,
        };
        serde_json::to_writer(&mut out, &line).map_err(Error::codec("write what rows stand where"))?;
        out.push(b'\n');
    }
    Ok(out)
}

/// Reads lines of entries; `path` is where they stand.
///
/// # Errors
/// [`Error::Garbled`] where a line is none.
pub(crate) fn read_entries(file: impl Read, path: &str) -> Result<Vec<Entry>> {
    let mut rebuild = Rebuild::default();
    let mut entries = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line.map_err(Error::io(format!("read {path}")))?;
        let line: Line<String> = serde_json::from_str(&line).map_err(|source| Error::Garbled {
            path: path.to_owned(),
            problem: "this part of the manifest cannot be read; restore it from a backup, or delete it and \
                      latest.json: files that only it names stay where they are"
                .to_owned(),
            source: Some(source.into()),
        })?;
        let identity = rebuild.identity(&Fields {
            target_namespace: &line.target_namespace,
            target_name: &line.target_name,
            namespace: &line.namespace,
            name: &line.name,
            group: &line.group,
            version: &line.version,
            kind: &line.kind,
            uid: &line.uid,
            attributes: "",
        })?;
        entries.push(Entry {
            identity,
            path: line.path.into(),
            digest: line.digest,
            bytes: line.bytes,
            sha256: line.sha256,
            form: line.form,
        });
    }
    Ok(entries)
}

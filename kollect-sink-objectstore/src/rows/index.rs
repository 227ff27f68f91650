//! The index of the split layout: which rows there are, and where each stands. It is written as a whole.

use kollect_sink_core::Scope;
use kollect_sink_core::item::SCHEMA_VERSION;
use serde::Serialize;

use super::entry::Entry;
use crate::error::{Error, Result};
use crate::format::{Compressor, Encoding, Format, Sha256, instant, yaml};
use std::io::Write;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'i> {
    schema_version: &'static str,
    cluster: &'i str,
    namespace: &'i str,
    inventory: &'i str,
    generation: u64,
    item_count: u64,
    exported_at: String,
    items: Vec<Item<'i>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'i> {
    target_namespace: &'i str,
    target_name: &'i str,
    namespace: &'i str,
    name: &'i str,
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'i str,
    version: &'i str,
    kind: &'i str,
    uid: &'i str,
    path: &'i str,
}

/// The index of `entries`, in the order of their paths, and its SHA-256. An NDJSON index has the items only.
pub(crate) fn index<'e>(
    scope: &Scope,
    generation: u64,
    exported_at: jiff::Timestamp,
    entries: impl Iterator<Item = &'e Entry>,
    encoding: Encoding,
) -> Result<(Vec<u8>, Sha256)> {
    let mut items: Vec<Item<'_>> = entries.map(item).collect();
    items.sort_unstable_by_key(|item| item.path);
    let mut plain = Vec::new();
    let failed = || Error::codec("write the index");
    if encoding.format() == Format::Ndjson {
        for item in &items {
            serde_json::to_writer(&mut plain, item).map_err(failed())?;
            plain.push(b'\n');
        }
    } else {
        let index = Index {
            schema_version: SCHEMA_VERSION,
            cluster: &scope.cluster,
            namespace: &scope.inventory_namespace,
            inventory: &scope.inventory_name,
            generation,
            item_count: items.len() as u64,
            exported_at: instant(exported_at),
            items,
        };
        if encoding.format() == Format::Yaml {
            yaml::write(&index, &mut plain)?;
        } else {
            serde_json::to_writer(&mut plain, &index).map_err(failed())?;
            plain.push(b'\n');
        }
    }
    let failed = || Error::io("compress the index");
    let mut bytes = Vec::new();
    let mut compressor = Compressor::new(encoding.compression(), &mut bytes).map_err(failed())?;
    compressor.write_all(&plain).map_err(failed())?;
    let (_, sha256) = compressor.finish().map_err(failed())?.finish();
    Ok((bytes, sha256))
}

fn item(entry: &Entry) -> Item<'_> {
    let identity = &entry.identity;
    Item {
        target_namespace: &identity.target().namespace,
        target_name: &identity.target().name,
        namespace: identity.namespace(),
        name: identity.name(),
        group: identity.group(),
        version: identity.version(),
        kind: identity.kind(),
        uid: identity.uid(),
        path: &entry.path,
    }
}

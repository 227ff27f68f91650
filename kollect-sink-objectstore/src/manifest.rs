//! The manifest: what a destination remembers of a scope, and which files are ours. It does no I/O.
//!
//! It is a JSON file of its own, put last. What it does not name was not written, as far as readers are
//! concerned, and is never deleted.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kollect_sink_core::item::SCHEMA_VERSION;
use kollect_sink_core::{Checkpoint, Column, Digest, Scope, Text, Unknown};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::format::{Compression, Encoding, Format, Sha256};
use crate::layout::per_resource::Content;

/// File name of the manifest in its folder.
pub const FILE_NAME: &str = "latest.json";

/// What a destination remembers of a scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Version of this shape.
    pub schema_version: Text,
    /// Whose rows.
    pub cluster: Text,
    /// Namespace of the inventory, empty for a cluster-scoped one.
    pub namespace: Text,
    /// Name of the inventory.
    pub inventory: Text,
    /// The newest export; absent before the first one and after the scope was retired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Export>,
    /// Earlier exports whose files are kept, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Export>,
    /// Files of ours that are not part of any export any more: they were deleted right after this manifest was
    /// put, or will be by the next write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obsolete: Vec<FileEntry>,
    /// The scope's checkpoint.
    pub checkpoint: Checkpoint,
}

/// One complete export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// Its number.
    pub generation: u64,
    /// Time of the material change that it holds.
    pub exported_at: Timestamp,
    /// Rows in it.
    pub item_count: u64,
    /// SHA-256 of the items as one JSON array; absent for formats that hold no JSON items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Sha256>,
    /// What it does not cover.
    #[serde(default, skip_serializing_if = "Unknown::is_empty")]
    pub unknown: Unknown,
    /// How its files are written.
    pub format: Format,
    /// How its files are compressed.
    #[serde(default, skip_serializing_if = "Compression::is_none")]
    pub compression: Compression,
    /// Hash of the configuration that wrote it.
    pub layout: Digest,
    /// Typed columns of its rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// Its files, in the order of their rows; with a document per row, the index if there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileEntry>,
    /// What the document of each row holds; absent where one document holds all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Parts of the manifest that name the documents of rows, a line for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<FileEntry>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileEntry {
    /// Path relative to the destination's root.
    pub path: String,
    /// Length.
    pub bytes: u64,
    /// SHA-256 of the contents.
    pub sha256: Sha256,
    /// Rows in it.
    pub rows: u64,
}

impl Export {
    /// How its files are written.
    ///
    /// # Errors
    /// Where the two do not go together, which we never write.
    pub fn encoding(&self) -> Result<Encoding> {
        Encoding::new(self.format, Some(self.compression))
    }
}

impl Manifest {
    /// The manifest of a scope that was claimed and holds nothing yet.
    pub fn empty(scope: &Scope, checkpoint: Checkpoint) -> Self {
        Self {
            schema_version: SCHEMA_VERSION.into(),
            cluster: scope.cluster.clone(),
            namespace: scope.inventory_namespace.clone(),
            inventory: scope.inventory_name.clone(),
            current: None,
            history: Vec::new(),
            obsolete: Vec::new(),
            checkpoint,
        }
    }

    /// Reads the manifest of `scope`, which stands at `path`.
    ///
    /// # Errors
    /// [`Error::Garbled`] where it is not one, belongs to another scope, or is of a later version.
    pub fn parse(bytes: &[u8], scope: &Scope, path: &str) -> Result<Self> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|source| Error::Garbled {
            path: path.to_owned(),
            problem:
                "this manifest cannot be read; restore it from a backup, or delete it: the next export then \
                      starts anew, and files that only it names stay where they are"
                    .to_owned(),
            source: Some(source.into()),
        })?;
        if *manifest.schema_version != *SCHEMA_VERSION {
            let version = &manifest.schema_version;
            let problem = format!("this manifest has version {version}, which this build does not know");
            return Err(Error::garbled(path, problem));
        }
        if manifest.scope() != *scope {
            let problem = format!("this manifest belongs to {}, not to {scope}", manifest.scope());
            return Err(Error::garbled(path, problem));
        }
        Ok(manifest)
    }

    /// The manifest as a file: indented, for people.
    ///
    /// # Errors
    /// Never in practice: nothing in it can fail to be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(Error::codec("write the manifest"))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Whose manifest this is.
    pub fn scope(&self) -> Scope {
        Scope::new(&self.cluster, &self.namespace, &self.inventory)
    }

    /// All files that belong to an export.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.current.iter().chain(&self.history).flat_map(|export| &export.files)
    }

    /// The parts that name the documents of rows.
    pub fn shards(&self) -> &[FileEntry] {
        self.current.as_ref().map_or(&[], |current| &current.shards)
    }

    /// Files of exports of this manifest that no export of `next` has.
    pub fn no_longer_in(&self, next: &Self) -> Vec<FileEntry> {
        let live: BTreeSet<&str> = next.files().map(|file| file.path.as_str()).collect();
        self.files().filter(|file| !live.contains(file.path.as_str())).cloned().collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::Timestamp;
    use kollect_sink_core::{Checkpoint, Digest, Rejected, Scope, Unknown, Writer};

    use super::{Export, FileEntry, Manifest};
    use crate::format::{Compression, Format, Sha256};

    pub(crate) fn export(generation: u64) -> Export {
        let file = FileEntry {
            path: format!("inventory/generation={generation}.parquet"),
            bytes: 10,
            sha256: Sha256([7; 32]),
            rows: 1,
        };
        Export {
            generation,
            exported_at: Timestamp::UNIX_EPOCH,
            item_count: 1,
            checksum: None,
            unknown: Unknown::none(),
            format: Format::Parquet,
            compression: Compression::Zstd,
            layout: Digest([1; 16]),
            columns: Vec::new(),
            files: vec![file],
            content: None,
            shards: Vec::new(),
        }
    }

    fn manifest() -> Manifest {
        let checkpoint = Checkpoint {
            writer: Writer::new("w"),
            epoch: 3,
            revision: 4,
            digest: None,
            rows: 1,
            rejected: Rejected::default(),
            unknown: Unknown::none(),
            shape: Digest([2; 16]),
            generation: 5,
            exported_at: Timestamp::UNIX_EPOCH,
        };
        Manifest::empty(&Scope::new("c", "n", "i"), checkpoint)
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let mut manifest = manifest();
        manifest.current = Some(export(5));
        manifest.history = vec![export(4)];
        manifest.obsolete = export(3).files;
        let bytes = manifest.to_bytes().unwrap();
        assert_eq!(Manifest::parse(&bytes, &Scope::new("c", "n", "i"), "x").unwrap(), manifest);
    }

    #[test]
    fn other_files_are_refused_with_advice() {
        let bytes = manifest().to_bytes().unwrap();
        let scope = Scope::new("c", "n", "i");
        let other = Manifest::parse(&bytes, &Scope::new("c", "n", "j"), ".kollect/x").unwrap_err();
        assert!(other.to_string().contains("belongs to c/n/i"), "{other}");
        let later = String::from_utf8(bytes.clone()).unwrap().replace("v1alpha1", "v9");
        let later = Manifest::parse(later.as_bytes(), &scope, ".kollect/x").unwrap_err();
        assert!(later.to_string().contains("kollect.dev/v9"), "{later}");
        for garbled in [&bytes[..bytes.len() / 2], b"", b"null", b"{}", &[0; 100]] {
            let error = Manifest::parse(garbled, &scope, ".kollect/x").unwrap_err();
            assert!(error.to_string().contains("delete it"), "{error}");
        }
    }

    #[test]
    fn only_what_no_export_names_is_obsolete() {
        let mut before = manifest();
        before.current = Some(export(5));
        before.history = vec![export(4), export(3)];
        let mut after = manifest();
        after.current = Some(export(6));
        after.history = vec![export(5)];
        let gone: Vec<String> = before.no_longer_in(&after).into_iter().map(|file| file.path).collect();
        let path = |generation: u64| export(generation).files[0].path.clone();
        assert_eq!(gone, [path(4), path(3)]);
    }
}

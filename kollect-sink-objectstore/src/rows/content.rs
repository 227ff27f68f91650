//! The document of one row, and its attributes back from it. It does not know where it stands.

use std::fs::File;
use std::io::{Read, Write};

use kollect_sink_core::Row;
use kollect_sink_core::item::write_item;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::format::{Compression, Compressor, Encoding, Format, Sha256, one, reader, yaml};
use crate::layout::per_resource::Content;

/// How the document of a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Form {
    format: Format,
    #[serde(default, skip_serializing_if = "Compression::is_none")]
    compression: Compression,
    content: Content,
}

impl Form {
    pub(crate) fn new(encoding: Encoding, content: Content) -> Self {
        Self { format: encoding.format(), compression: encoding.compression(), content }
    }
}

/// The document of a row, with its SHA-256.
pub(crate) fn document(row: &Row, form: Form) -> Result<(Vec<u8>, Sha256)> {
    let mut json = Vec::new();
    match form.content {
        Content::Item => write_item(row, &mut json),
        Content::Attributes => json.extend_from_slice(row.attributes().as_bytes()),
    }
    let mut plain = Vec::new();
    if form.format == Format::Yaml {
        yaml::write(&yaml::Json::new(&json)?, &mut plain)?;
    } else {
        plain = json;
        plain.push(b'\n');
    }
    let failed = || Error::io("compress a row's document");
    let mut bytes = Vec::with_capacity(plain.len());
    let mut compressor = Compressor::new(form.compression, &mut bytes).map_err(failed())?;
    compressor.write_all(&plain).map_err(failed())?;
    let (_, sha256) = compressor.finish().map_err(failed())?.finish();
    Ok((bytes, sha256))
}

/// The attributes that a document holds, as canonical JSON.
///
/// # Errors
/// Where it is no such document.
pub(crate) fn attributes(file: File, form: Form) -> Result<Box<str>> {
    let mut contents = String::new();
    let failed = || Error::io("read a row's document");
    reader(form.compression, file).map_err(failed())?.read_to_string(&mut contents).map_err(failed())?;
    match form.content {
        Content::Item => one::attributes(form.format, &contents),
        Content::Attributes => one::value(form.format, &contents),
    }
}

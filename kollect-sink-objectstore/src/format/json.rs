//! The JSON document: an envelope around the items. It does not encode attributes: they are JSON already.
//!
//! The head holds the checksum of what follows it, so the items are kept in a spool until they are complete.
//! The head is the first line, each item stands on a line of its own, and `]}` is the last line: then the
//! exact bytes that the checksum covers can be had without a JSON library, by
//! `(printf '['; sed '1d;$d' FILE | tr -d '\n'; printf ']') | sha256sum`. `jq -cj .items FILE | sha256sum` gives the
//! same unless jq itself rewrites a value: numbers that are not in its shortest form or that a double
//! cannot hold, and the character U+007F.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use kollect_sink_core::Row;
use kollect_sink_core::item::{SCHEMA_VERSION, write_item, write_string};

use super::fingerprint::{ItemsHasher, Sha256};
use super::{Encoder, Finished, Format, Header, OUT_BUFFER, Out, close, instant, write_failed};
use crate::error::{Error, Result};

pub(super) struct Json<'w> {
    header: Header,
    out: Out<'w>,
    spool: BufWriter<File>,
    item: Vec<u8>,
    items: u64,
    hasher: ItemsHasher,
}

impl<'w> Json<'w> {
    pub(super) fn new(
        header: &Header,
        out: Out<'w>,
        spool: impl FnOnce() -> io::Result<File>,
    ) -> Result<Self> {
        let spool = spool().map_err(Error::io("make a temporary file for the document's items"))?;
        Ok(Self {
            header: header.clone(),
            out,
            spool: BufWriter::with_capacity(OUT_BUFFER, spool),
            item: Vec::new(),
            items: 0,
            hasher: ItemsHasher::new(),
        })
    }
}

impl Encoder for Json<'_> {
    fn push(&mut self, row: &Row) -> Result<()> {
        self.item.clear();
        write_item(row, &mut self.item);
        self.hasher.push(&self.item);
        let separator: &[u8] = if self.items == 0 { b"" } else { b",\n" };
        self.items += 1;
        self.spool
            .write_all(separator)
            .and_then(|()| self.spool.write_all(&self.item))
            .map_err(Error::io("write the document's items to a temporary file"))
    }

    fn finish(self: Box<Self>) -> Result<Finished> {
        let Self { header, mut out, spool, items, hasher, .. } = *self;
        let checksum = hasher.finish();
        let failed = || write_failed(Format::Json);
        let mut spool = spool.into_inner().map_err(|error| failed()(error.into_error()))?;
        spool.seek(SeekFrom::Start(0)).map_err(failed())?;
        out.write_all(&head(&header, items, checksum)?).map_err(failed())?;
        io::copy(&mut spool, &mut out).map_err(failed())?;
        let tail: &[u8] = if items == 0 { b"]}\n" } else { b"\n]}\n" };
        out.write_all(tail).map_err(failed())?;
        let (bytes, sha256) = close(out, Format::Json)?;
        Ok(Finished { bytes, sha256, checksum: Some(checksum) })
    }
}

/// The first line: everything up to the opening bracket of the items.
fn head(header: &Header, items: u64, checksum: Sha256) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(512);
    let texts = [
        ("{\"schemaVersion\":", SCHEMA_VERSION),
        (",\"cluster\":", &header.scope.cluster),
        (",\"namespace\":", &header.scope.inventory_namespace),
        (",\"inventory\":", &header.scope.inventory_name),
    ];
    for (name, value) in texts {
        out.extend_from_slice(name.as_bytes());
        write_string(value, &mut out);
    }
    let generation = header.generation;
    let exported_at = instant(header.exported_at);
    out.extend_from_slice(format!(",\"generation\":{generation},\"checksum\":\"{checksum}\"").as_bytes());
    out.extend_from_slice(format!(",\"itemCount\":{items},\"exportedAt\":\"{exported_at}\"").as_bytes());
    if !header.unknown.is_empty() {
        out.extend_from_slice(b",\"unknown\":");
        serde_json::to_writer(&mut out, &header.unknown)
            .map_err(Error::codec("write the document's head"))?;
    }
    out.extend_from_slice(b",\"items\":[\n");
    Ok(out)
}

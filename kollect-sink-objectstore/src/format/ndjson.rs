//! NDJSON: one item per line. It has no envelope: the manifest beside it says whose items they are.

use std::io::Write;

use kollect_sink_core::Row;
use kollect_sink_core::item::write_item;

use super::fingerprint::ItemsHasher;
use super::{Encoder, Finished, Format, Out, close, write_failed};
use crate::error::Result;

pub(super) struct Ndjson<'w> {
    out: Out<'w>,
    line: Vec<u8>,
    hasher: ItemsHasher,
}

impl<'w> Ndjson<'w> {
    pub(super) fn new(out: Out<'w>) -> Self {
        Self { out, line: Vec::new(), hasher: ItemsHasher::new() }
    }
}

impl Encoder for Ndjson<'_> {
    fn push(&mut self, row: &Row) -> Result<()> {
        self.line.clear();
        write_item(row, &mut self.line);
        self.hasher.push(&self.line);
        self.line.push(b'\n');
        self.out.write_all(&self.line).map_err(write_failed(Format::Ndjson))
    }

    fn finish(self: Box<Self>) -> Result<Finished> {
        let Self { out, hasher, .. } = *self;
        let (bytes, sha256) = close(out, Format::Ndjson)?;
        Ok(Finished { bytes, sha256, checksum: Some(hasher.finish()) })
    }
}

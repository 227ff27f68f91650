//! Documents with an envelope, whatever their notation. The head holds the checksum of what follows it, so the
//! items are kept in a spool until they are complete. It does not encode anything by itself.

use std::io::{self, BufWriter, SeekFrom, Write};
use std::marker::PhantomData;

use kollect_sink_core::item::{SCHEMA_VERSION, write_item};
use kollect_sink_core::{Row, Unknown};
use serde::Serialize;

use super::fingerprint::{ItemsHasher, Sha256};
use super::{Encoder, Finished, Format, Header, OUT_BUFFER, Out, Spool, close, instant, write_failed};
use crate::error::{Error, Result};

/// How envelope and items are written.
pub(super) trait Notation: Send {
    const FORMAT: Format;

    /// Everything before the first item.
    fn head(head: &Head<'_>, out: &mut Vec<u8>) -> Result<()>;

    /// One item; `json` is its JSON form, which the checksum covers.
    fn item(row: &Row, json: &[u8], first: bool, out: &mut Vec<u8>) -> Result<()>;

    /// Everything after the last item.
    fn tail(items: u64) -> &'static [u8];
}

/// What the envelope says about its items, in the order of its members.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head<'h> {
    schema_version: &'static str,
    cluster: &'h str,
    namespace: &'h str,
    inventory: &'h str,
    generation: u64,
    checksum: Sha256,
    pub(super) item_count: u64,
    exported_at: String,
    #[serde(skip_serializing_if = "Unknown::is_empty")]
    unknown: &'h Unknown,
}

pub(super) struct Envelope<'w, N, S: Spool> {
    header: Header,
    out: Out<'w>,
    spool: BufWriter<S>,
    json: Vec<u8>,
    item: Vec<u8>,
    items: u64,
    hasher: ItemsHasher,
    notation: PhantomData<N>,
}

impl<'w, N: Notation, S: Spool> Envelope<'w, N, S> {
    pub(super) fn new(header: &Header, out: Out<'w>, spool: impl FnOnce() -> io::Result<S>) -> Result<Self> {
        let spool = spool().map_err(Error::io("make a temporary file for the document's items"))?;
        Ok(Self {
            header: header.clone(),
            out,
            spool: BufWriter::with_capacity(OUT_BUFFER, spool),
            json: Vec::new(),
            item: Vec::new(),
            items: 0,
            hasher: ItemsHasher::new(),
            notation: PhantomData,
        })
    }
}

impl<N: Notation, S: Spool> Encoder for Envelope<'_, N, S> {
    fn push(&mut self, row: &Row) -> Result<()> {
        self.json.clear();
        self.item.clear();
        write_item(row, &mut self.json);
        self.hasher.push(&self.json);
        N::item(row, &self.json, self.items == 0, &mut self.item)?;
        self.items += 1;
        self.spool.write_all(&self.item).map_err(Error::io("write the document's items to a temporary file"))
    }

    fn finish(self: Box<Self>) -> Result<Finished> {
        let Self { header, mut out, spool, items, hasher, .. } = *self;
        let checksum = hasher.finish();
        let head = Head {
            schema_version: SCHEMA_VERSION,
            cluster: &header.scope.cluster,
            namespace: &header.scope.inventory_namespace,
            inventory: &header.scope.inventory_name,
            generation: header.generation,
            checksum,
            item_count: items,
            exported_at: instant(header.exported_at),
            unknown: &header.unknown,
        };
        let mut bytes = Vec::with_capacity(512);
        N::head(&head, &mut bytes)?;
        let failed = || write_failed(N::FORMAT);
        let mut spool = spool.into_inner().map_err(|error| failed()(error.into_error()))?;
        spool.seek(SeekFrom::Start(0)).map_err(failed())?;
        out.write_all(&bytes).map_err(failed())?;
        io::copy(&mut spool, &mut out).map_err(failed())?;
        out.write_all(N::tail(items)).map_err(failed())?;
        let (bytes, sha256) = close(out, N::FORMAT)?;
        Ok(Finished { bytes, sha256, checksum: Some(checksum) })
    }
}

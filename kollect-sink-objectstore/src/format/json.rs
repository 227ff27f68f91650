//! The JSON document: an envelope around the items. It does not encode attributes: they are JSON already.
//!
//! The head is the first line, each item stands on a line of its own, and `]}` is the last line: then the
//! exact bytes that the checksum covers can be had without a JSON library, by
//! `(printf '['; sed '1d;$d' FILE | tr -d '\n'; printf ']') | sha256sum`. `jq -cj .items FILE | sha256sum` gives the
//! same unless jq itself rewrites a value: numbers that are not in its shortest form or that a double
//! cannot hold, and the character U+007F.

use kollect_sink_core::Row;

use super::Format;
use super::envelope::{Head, Notation};
use crate::error::{Error, Result};

pub(super) struct Json;

impl Notation for Json {
    const FORMAT: Format = Format::Json;

    fn head(head: &Head<'_>, out: &mut Vec<u8>) -> Result<()> {
        serde_json::to_writer(&mut *out, head).map_err(Error::codec("write the document's head"))?;
        // The items become the last member of the object.
        out.pop();
        out.extend_from_slice(b",\"items\":[\n");
        Ok(())
    }

    fn item(_row: &Row, json: &[u8], first: bool, out: &mut Vec<u8>) -> Result<()> {
        if !first {
            out.extend_from_slice(b",\n");
        }
        out.extend_from_slice(json);
        Ok(())
    }

    fn tail(items: u64) -> &'static [u8] {
        if items == 0 { b"]}\n" } else { b"\n]}\n" }
    }
}

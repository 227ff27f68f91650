//! A build without Parquet: it says so. It writes nothing.

use std::fs::File;

use kollect_sink_core::Held;

use super::{Compression, Encoder, Format, Header, Out};
use crate::error::{Error, Result};

pub(super) const AVAILABLE: bool = false;

fn refusal() -> Error {
    Format::Parquet.require().err().unwrap_or(Error::Abandoned)
}

pub(super) fn open<'w>(
    _header: &Header,
    _compression: Compression,
    _out: Out<'w>,
) -> Result<Box<dyn Encoder + 'w>> {
    Err(refusal())
}

pub(super) fn read(_file: File, _each: &mut dyn FnMut(Held) -> Result<()>) -> Result<()> {
    Err(refusal())
}

//! Compression of what passes through, and back. It does not compress Parquet, which does that inside.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::encoding::Compression;
use super::fingerprint::Tally;

/// Speed against size, as the tools of each format choose by default.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;

/// Bytes on their way to a document.
pub(crate) enum Compressor<W: Write> {
    Plain(Tally<W>),
    Gzip(GzEncoder<Tally<W>>),
    Zstd(zstd::stream::write::Encoder<'static, Tally<W>>),
}

impl<W: Write> Compressor<W> {
    /// Snappy has no form outside of Parquet: it passes bytes as they are.
    pub(crate) fn new(compression: Compression, out: W) -> io::Result<Self> {
        let out = Tally::new(out);
        Ok(match compression {
            Compression::None | Compression::Snappy => Self::Plain(out),
            // Without a name and with time 0, so that equal contents are equal bytes.
            Compression::Gzip => Self::Gzip(GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL))),
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
        })
    }

    /// Ends the compression and tells what went out.
    pub(crate) fn finish(self) -> io::Result<Tally<W>> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

/// The contents of a compressed file.
pub(crate) fn reader(compression: Compression, file: File) -> io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::None | Compression::Snappy => Box::new(BufReader::new(file)),
        Compression::Gzip => Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(file)))),
        Compression::Zstd => Box::new(BufReader::new(zstd::stream::read::Decoder::new(file)?)),
    })
}

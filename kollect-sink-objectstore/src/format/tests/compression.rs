//! Compressed documents, as their own tools read them. Which programs can is asked in `tests/servers.rs`.

use std::io::Read;

use super::{encodings, header, held, read_back, two_rows, write};
use crate::format::{Compression, Encoding, Format};

#[test]
fn a_compressed_document_is_the_plain_one_inside() {
    let (header, rows) = (header(&[], &["image"]), two_rows());
    for format in [Format::Json, Format::Yaml, Format::Ndjson, Format::Csv] {
        let (plain, written) = write(format, &header, &rows);
        let compressed =
            |compression| write(Encoding::new(format, Some(compression)).unwrap(), &header, &rows);
        let (gzip, gzipped) = compressed(Compression::Gzip);
        let mut inside = Vec::new();
        flate2::read::GzDecoder::new(&*gzip).read_to_end(&mut inside).unwrap();
        assert!(inside == plain, "{format}");
        // Bytes 4 to 7 are the time; there is none.
        assert_eq!(gzip[4..8], [0; 4]);
        assert_eq!(gzipped.checksum, written.checksum);
        let (zstd, _) = compressed(Compression::Zstd);
        assert!(zstd::decode_all(&*zstd).unwrap() == plain, "{format}");
    }
}

#[test]
fn every_encoding_is_read_back() {
    for encoding in encodings() {
        let (out, _) = write(encoding, &header(&[], &[]), &two_rows());
        assert_eq!(read_back(encoding, &out).unwrap(), held(&two_rows()), "{encoding}");
        if encoding.compression() != Compression::None {
            assert!(read_back(encoding, &out[..out.len() / 2]).is_err(), "{encoding}");
        }
    }
}

#[test]
fn names_say_what_is_inside() {
    let extension = |format, compression| Encoding::new(format, compression).unwrap().extension();
    assert_eq!(extension(Format::Json, None), ".json");
    assert_eq!(extension(Format::Yaml, Some(Compression::Gzip)), ".yaml.gz");
    assert_eq!(extension(Format::Csv, Some(Compression::Zstd)), ".csv.zst");
    assert_eq!(extension(Format::Parquet, Some(Compression::Gzip)), ".parquet");
    assert_eq!(Encoding::from(Format::Parquet).compression(), Compression::Zstd);
    assert_eq!(Encoding::from(Format::Ndjson).compression(), Compression::None);
}

#[test]
fn snappy_is_for_parquet() {
    for format in [Format::Json, Format::Yaml, Format::Ndjson, Format::Csv] {
        let error = Encoding::new(format, Some(Compression::Snappy)).unwrap_err().to_string();
        assert!(error.starts_with("serialization.compression: `snappy` is for parquet"), "{error}");
    }
    assert!(Encoding::new(Format::Parquet, Some(Compression::Snappy)).is_ok());
    let error = Compression::parse("lz4").unwrap_err().to_string();
    assert_eq!(error, "serialization.compression: `lz4` is none of none, gzip, snappy, zstd");
}

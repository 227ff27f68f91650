//! What documents look like, byte for byte, and that what is written is read back. Other readers are asked in
//! `tests/servers.rs`.

mod compression;
mod round_trips;

use std::fs::File;
use std::io::{Cursor, Write};
use std::sync::Arc;

use kollect_sink_core::{
    Column, ColumnType, Held, Identity, Origin, Pattern, Row, Schema, Scope, Target, Unknown,
};
use sha2::Digest;

use super::{Compression, Encoding, Format, Header, Sha256, Writer, Written};
use crate::error::Result;

pub(super) fn header(columns: &[(&str, ColumnType)], hot: &[&str]) -> Header {
    let columns =
        columns.iter().map(|(name, column_type)| Column { name: (*name).into(), column_type: *column_type });
    Header {
        scope: Scope::new("prod", "team-a", "apps"),
        generation: 7,
        exported_at: "2026-01-31T10:00:00.1239Z".parse().unwrap(),
        unknown: Unknown::none(),
        schema: Arc::new(Schema::union(columns).0),
        hot_attributes: hot.iter().map(|name| (*name).into()).collect(),
    }
}

pub(super) fn row(kind: &str, namespace: &str, name: &str, uid: &str, attributes: &str) -> Row {
    let group = if kind == "Deployment" { "apps" } else { "" };
    let origin = Arc::new(Origin {
        target: Target::new("team-a", "things"),
        group: group.into(),
        version: "v1".into(),
        kind: kind.into(),
    });
    Row::new(Identity::new(origin, namespace.into(), name, uid).unwrap(), attributes)
}

pub(super) fn write(encoding: impl Into<Encoding>, header: &Header, rows: &[Row]) -> (Vec<u8>, Written) {
    let mut out = Vec::new();
    let mut writer = Writer::new(encoding, header, &mut out, tempfile::tempfile).unwrap();
    rows.iter().for_each(|row| writer.push(row).unwrap());
    let written = writer.finish().unwrap();
    assert_eq!(written.bytes, out.len() as u64);
    assert_eq!(written.rows, rows.len() as u64);
    assert_eq!(written.sha256, sha256(&out));
    (out, written)
}

pub(super) fn stored(bytes: &[u8]) -> File {
    use std::io::Seek;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

pub(super) fn read_back(encoding: impl Into<Encoding>, bytes: &[u8]) -> Result<Vec<Held>> {
    let mut found = Vec::new();
    super::read(encoding, stored(bytes), &mut |held| {
        found.push(held);
        Ok(())
    })?;
    Ok(found)
}

pub(super) fn held(rows: &[Row]) -> Vec<Held> {
    rows.iter().map(Held::of).collect()
}

fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}

fn two_rows() -> Vec<Row> {
    vec![
        row("Deployment", "shop", "web", "a1", r#"{"image":"nginx:1","replicas":3}"#),
        row("Node", "", "n\"1", "b2", r#"{"text":"é \\ \u0001"}"#),
    ]
}

const FIRST: &str = r#"{"targetNamespace":"team-a","targetName":"things","namespace":"shop","name":"web","group":"apps","version":"v1","kind":"Deployment","uid":"a1","attributes":{"image":"nginx:1","replicas":3}}"#;
const SECOND: &str = r#"{"targetNamespace":"team-a","targetName":"things","namespace":"","name":"n\"1","version":"v1","kind":"Node","uid":"b2","attributes":{"text":"é \\ \u0001"}}"#;

#[test]
fn json_is_an_envelope_around_one_item_per_line() {
    let (out, written) = write(Format::Json, &header(&[], &[]), &two_rows());
    let checksum = sha256(format!("[{FIRST},{SECOND}]").as_bytes());
    let head = format!(
        r#"{{"schemaVersion":"kollect.dev/v1alpha1","cluster":"prod","namespace":"team-a","inventory":"apps","generation":7,"checksum":"{checksum}","itemCount":2,"exportedAt":"2026-01-31T10:00:00.123Z","items":["#
    );
    assert_eq!(String::from_utf8(out).unwrap(), format!("{head}\n{FIRST},\n{SECOND}\n]}}\n"));
    assert_eq!(written.checksum, Some(checksum));
}

#[test]
fn json_names_what_is_unknown() {
    let mut header = header(&[], &[]);
    let target = Target::new("team-a", "things");
    header.unknown = Unknown::from_iter([Pattern::new(target, None, Some("shop".into()))]);
    let (out, _) = write(Format::Json, &header, &[]);
    let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["unknown"][0]["target"]["name"], "things");
    assert_eq!(document["unknown"][0]["namespace"], "shop");
}

#[test]
fn an_empty_inventory_is_a_document_with_no_items() {
    let (out, written) = write(Format::Json, &header(&[], &[]), &[]);
    let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["items"], serde_json::json!([]));
    assert_eq!(document["itemCount"], 0);
    assert_eq!(written.checksum, Some(sha256(b"[]")));
    for format in Format::ALL.into_iter().filter(|format| format.require().is_ok()) {
        let (out, _) = write(format, &header(&[], &[]), &[]);
        assert_eq!(read_back(format, &out).unwrap(), [], "{format}");
    }
}

#[test]
fn ndjson_is_one_item_per_line_with_the_checksum_of_json() {
    let (out, written) = write(Format::Ndjson, &header(&[], &[]), &two_rows());
    assert_eq!(String::from_utf8(out).unwrap(), format!("{FIRST}\n{SECOND}\n"));
    assert_eq!(written.checksum, write(Format::Json, &header(&[], &[]), &two_rows()).1.checksum);
}

/// All formats of this build with all their compressions.
fn encodings() -> impl Iterator<Item = Encoding> {
    let formats = Format::ALL.into_iter().filter(|format| format.require().is_ok());
    formats.flat_map(|format| {
        let compressions =
            [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Zstd].map(Some);
        compressions.into_iter().filter_map(move |compression| Encoding::new(format, compression).ok())
    })
}

#[test]
fn the_same_rows_make_the_same_bytes() {
    let header = header(&[("replicas", ColumnType::Int), ("labels", ColumnType::Map)], &["image"]);
    for encoding in encodings() {
        let first = write(encoding, &header, &two_rows());
        for _ in 0..4 {
            assert!(first == write(encoding, &header, &two_rows()), "{encoding}");
        }
    }
}

#[test]
fn what_is_written_is_read_back_in_key_order() {
    let mut rows = two_rows();
    rows.push(row("Deployment", "shop", "api", "c3", "{}"));
    for format in Format::ALL.into_iter().filter(|format| format.require().is_ok()) {
        let (out, written) = write(format, &header(&[], &[]), &rows);
        assert_eq!(read_back(format, &out).unwrap(), held(&rows), "{format}");
        let mut digest = kollect_sink_core::ScopeDigest::default();
        rows.iter().for_each(|row| digest.add(row.digest()));
        assert_eq!(written.digest, digest);
    }
}

#[test]
fn edited_attributes_have_another_digest() {
    let (out, _) = write(Format::Json, &header(&[], &[]), &two_rows());
    let edited = String::from_utf8(out).unwrap().replace("nginx:1", "nginx:2");
    let found = read_back(Format::Json, edited.as_bytes()).unwrap();
    let written = held(&two_rows());
    assert_ne!(found[0].digest, written[0].digest);
    assert_eq!(found[0].key, written[0].key);
    assert_eq!(found[1], written[1]);
}

#[test]
fn damaged_documents_are_errors() {
    let (json, _) = write(Format::Json, &header(&[], &[]), &two_rows());
    let text = String::from_utf8(json.clone()).unwrap();
    let cases = [
        (Format::Json, text[..text.len() - 20].to_owned()),
        (Format::Json, String::new()),
        (Format::Json, "{\"schemaVersion\":\"kollect.dev/v1alpha1\"}".to_owned()),
        (Format::Json, text.replace("\"uid\":\"b2\"", "\"uid\":\"a1\"")),
        (Format::Json, text.replace("\"uid\":\"b2\"", "\"uid\":\"a0\"")),
        (Format::Json, text.replace("\"uid\":\"b2\"", "\"id\":\"b2\"")),
        (Format::Json, text.replace("n\\\"1", "n\\u0001")),
        (Format::Ndjson, format!("{FIRST}\n{}", &SECOND[..20])),
        (Format::Yaml, "items: {}\n".to_owned()),
        (Format::Yaml, "items:\n- uid: a1\n".to_owned()),
        (Format::Yaml, "schemaVersion: kollect.dev/v1alpha1\n".to_owned()),
        (Format::Csv, "uid,name\r\na1,web\r\n".to_owned()),
    ];
    for (format, damaged) in cases {
        assert!(read_back(format, damaged.as_bytes()).is_err(), "{format}: {damaged}");
    }
    if Format::Parquet.require().is_ok() {
        let (parquet, _) = write(Format::Parquet, &header(&[], &[]), &two_rows());
        for damaged in [&parquet[..parquet.len() - 20], &json, b""] {
            assert!(read_back(Format::Parquet, damaged).is_err());
        }
    }
}

#[test]
fn a_full_disk_is_an_error_of_the_operating_system() {
    for format in Format::ALL.into_iter().filter(|format| format.require().is_ok()) {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut writer = Writer::new(format, &header(&[], &[]), full, tempfile::tempfile).unwrap();
        let pushed = two_rows().iter().try_for_each(|row| writer.push(row));
        let error = pushed.and_then(|()| writer.finish()).unwrap_err();
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        let mut found = None;
        while let Some(error) = cause {
            found = found.or(error.downcast_ref::<std::io::Error>().map(std::io::Error::kind));
            cause = error.source();
        }
        assert_eq!(found, Some(std::io::ErrorKind::StorageFull), "{format}");
    }
}

#[test]
fn names_of_formats_are_parsed_and_others_refused() {
    assert_eq!(Format::parse("ndjson").unwrap(), Format::Ndjson);
    let error = Format::parse("xml").unwrap_err().to_string();
    assert_eq!(error, "serialization.format: `xml` is none of json, yaml, ndjson, csv, parquet");
    let parquet = Format::parse("parquet");
    assert_eq!(parquet.is_ok(), cfg!(feature = "parquet"));
    if let Err(error) = parquet {
        assert!(error.to_string().contains("feature `parquet`"), "{error}");
    }
}

#[test]
fn a_writer_takes_anything_that_takes_bytes() {
    let mut out = Cursor::new(Vec::new());
    let writer = Writer::new(Format::Ndjson, &header(&[], &[]), &mut out, tempfile::tempfile).unwrap();
    assert_eq!(writer.finish().unwrap().rows, 0);
}

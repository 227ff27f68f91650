//! The columns of Parquet documents and how rows are grouped. Other readers are asked in `tests/servers.rs`.

use std::io::{BufWriter, Write};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use kollect_sink_core::{ColumnType, Row};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::LogicalType;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::{Limits, Parquet};
use crate::format::tests::{header, held, read_back, row, stored, write};
use crate::format::{Compression, Compressor, Encoder, Format, Header};

fn batches(header: &Header, rows: &[Row]) -> Vec<RecordBatch> {
    let (bytes, _) = write(Format::Parquet, header, rows);
    let reader = ParquetRecordBatchReaderBuilder::try_new(stored(&bytes)).unwrap().build().unwrap();
    reader.map(Result::unwrap).collect()
}

const TYPED: [(&str, ColumnType); 8] = [
    ("any", ColumnType::Json),
    ("count", ColumnType::Int),
    ("labels", ColumnType::Map),
    ("ok", ColumnType::Bool),
    ("ports", ColumnType::List),
    ("ratio", ColumnType::Number),
    ("since", ColumnType::Timestamp),
    ("text", ColumnType::String),
];

#[test]
fn columns_stand_in_order_with_their_types() {
    let rows = [row("Deployment", "shop", "web", "a1", "{}")];
    let (bytes, _) = write(Format::Parquet, &header(&TYPED, &["image", "count"]), &rows);
    let reader = SerializedFileReader::new(stored(&bytes)).unwrap();
    let descriptor = reader.metadata().file_metadata().schema_descr();
    let found: Vec<String> = descriptor
        .columns()
        .iter()
        .map(|column| {
            let logical = match column.logical_type_ref() {
                None => String::new(),
                Some(LogicalType::Json) => " json".to_owned(),
                Some(LogicalType::String) => " string".to_owned(),
                Some(LogicalType::Timestamp(_)) => " timestamp".to_owned(),
                Some(other) => format!(" {other:?}"),
            };
            let optional = if column.max_def_level() > 0 { "?" } else { "" };
            format!("{}{optional} {}{logical}", column.name(), column.physical_type())
        })
        .collect();
    let text = |name: &str| format!("{name} BYTE_ARRAY string");
    let expected: Vec<String> = [
        text("cluster"),
        text("inventory_namespace"),
        text("inventory_name"),
        text("target_namespace"),
        text("target_name"),
        text("namespace"),
        text("name"),
        text("uid"),
        text("group"),
        text("version"),
        text("kind"),
        "exported_at INT64 timestamp".to_owned(),
        "attributes BYTE_ARRAY json".to_owned(),
        "attr_any? BYTE_ARRAY json".to_owned(),
        "attr_count? INT64".to_owned(),
        "attr_image? BYTE_ARRAY string".to_owned(),
        "attr_labels? BYTE_ARRAY json".to_owned(),
        "attr_ok? BOOLEAN".to_owned(),
        "attr_ports? BYTE_ARRAY json".to_owned(),
        "attr_ratio? DOUBLE".to_owned(),
        "attr_since? INT64 timestamp".to_owned(),
        "attr_text? BYTE_ARRAY string".to_owned(),
    ]
    .into();
    assert_eq!(found, expected);
}

#[test]
fn typed_columns_hold_what_fits() {
    let fits = r#"{"any":[1,{"a":null}],"count":-5,"labels":{"a":"b"},"ok":true,"ports":[80],"ratio":1.5e1,"since":"2026-01-31T10:00:00.5Z","text":"a\"b"}"#;
    let not = r#"{"any":null,"count":1.5,"labels":[],"ok":"true","ports":{},"ratio":"1","since":"soon","text":[1,"x"]}"#;
    let rows =
        [row("Pod", "a", "1", "u1", fits), row("Pod", "a", "2", "u2", not), row("Pod", "a", "3", "u3", "{}")];
    let batch = &batches(&header(&TYPED, &[]), &rows)[0];
    let text = |name: &str, index: usize| {
        let column = batch[name].as_string::<i32>();
        (!column.is_null(index)).then(|| column.value(index).to_owned())
    };
    assert_eq!(text("attr_any", 0).unwrap(), r#"[1,{"a":null}]"#);
    assert_eq!(text("attr_labels", 0).unwrap(), r#"{"a":"b"}"#);
    assert_eq!(text("attr_ports", 0).unwrap(), "[80]");
    assert_eq!(text("attr_text", 0).unwrap(), "a\"b");
    assert_eq!(batch["attr_count"].as_primitive::<Int64Type>().value(0), -5);
    assert!(batch["attr_ok"].as_boolean().value(0));
    assert_eq!(batch["attr_ratio"].as_primitive::<Float64Type>().value(0).to_bits(), 15f64.to_bits());
    let since = batch["attr_since"].as_primitive::<TimestampMicrosecondType>();
    assert_eq!(since.value(0), 1_769_853_600_500_000);
    for (name, _) in TYPED {
        let column = &batch[&*format!("attr_{name}")];
        assert!(!column.is_null(0), "{name}");
        // A column of text takes any value, as its JSON; the others take none that is not theirs.
        assert_eq!(column.is_null(1), name != "text", "{name}");
        assert!(column.is_null(2), "{name}");
    }
    assert_eq!(text("attr_text", 1).unwrap(), r#"[1,"x"]"#);
}

#[test]
fn rows_are_sorted_by_kind_namespace_and_name() {
    let rows = [
        row("Service", "b", "x", "u1", "{}"),
        row("Deployment", "b", "y", "u2", "{}"),
        row("Deployment", "b", "x", "u3", "{}"),
        row("Deployment", "a", "z", "u4", "{}"),
    ];
    let (bytes, _) = write(Format::Parquet, &header(&[], &[]), &rows);
    let batch = &batches(&header(&[], &[]), &rows)[0];
    let uids: Vec<&str> = batch["uid"].as_string::<i32>().iter().flatten().collect();
    assert_eq!(uids, ["u4", "u3", "u2", "u1"]);
    assert_eq!(read_back(Format::Parquet, &bytes).unwrap(), held(&rows));
}

#[test]
fn row_groups_are_bounded_and_indexed() {
    let wide = format!("{{\"text\":\"{}\"}}", "x".repeat(600));
    let mut rows: Vec<Row> = (0..101)
        .map(|index| row("Pod", "a", &format!("{:03}", 999 - index), &format!("{index:03}"), "{}"))
        .collect();
    rows.extend((0..3).map(|index| row("Pod", "a", "w", &format!("w{index}"), &wide)));
    let mut bytes = Vec::new();
    let out: Box<dyn Write + Send> = Box::new(&mut bytes);
    let out = BufWriter::new(Compressor::new(Compression::None, out).unwrap());
    let mut writer =
        Parquet::new(&header(&[], &[]), Compression::Zstd, out, Limits { rows: 100, bytes: 1000 }).unwrap();
    rows.iter().for_each(|row| writer.push(row).unwrap());
    Box::new(writer).finish().unwrap();

    let reader = SerializedFileReader::new(stored(&bytes)).unwrap();
    let groups = reader.metadata().row_groups();
    let counts: Vec<i64> = groups.iter().map(|group| group.num_rows()).collect();
    // The last narrow row begins a second group; one wide row fits beside it, and no two fit together.
    assert_eq!(counts, [100, 2, 1, 1]);
    for group in groups {
        let uid = group.columns().iter().find(|column| column.column_path().string() == "uid").unwrap();
        assert!(uid.bloom_filter_offset().is_some());
        assert!(uid.column_index_offset().is_some());
        assert_eq!(group.sorting_columns().unwrap().len(), 3);
    }
    assert_eq!(read_back(Format::Parquet, &bytes).unwrap(), held(&rows));
}

//! YAML and CSV byte for byte, and any rows written and read back in every format.

use kollect_sink_core::conformance::rows::awkward;
use kollect_sink_core::{ColumnType, Row};
use proptest::collection::{btree_map, vec};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert_eq, prop_oneof, proptest};
use serde_json::Value;

use super::{encodings, header, held, read_back, row, two_rows, write};
use crate::format::Format;

#[test]
fn yaml_is_the_envelope_and_a_list() {
    let rows = [row(
        "Deployment",
        "shop",
        "web",
        "a1",
        r#"{"big":340282366920938463463374607431768211455,"empty":{},"float":1e+21,"list":["yes",null,1.0],"lines":"a\nb\n","no":"1e3","tiny":1e-7}"#,
    )];
    let (out, written) = write(Format::Yaml, &header(&[], &[]), &rows);
    let checksum = written.checksum.unwrap();
    let expected = format!(
        "schemaVersion: kollect.dev/v1alpha1\ncluster: prod\nnamespace: team-a\ninventory: apps\ngeneration: 7\n\
         checksum: {checksum}\nitemCount: 1\nexportedAt: \"2026-01-31T10:00:00.123Z\"\nitems:\n\
         - targetNamespace: team-a\n  targetName: things\n  namespace: shop\n  name: web\n  group: apps\n  \
         version: v1\n  kind: Deployment\n  uid: a1\n  attributes:\n    \
         big: 340282366920938463463374607431768211455\n    empty: {{}}\n    float: 1.0e+21\n    list:\n    \
         - \"yes\"\n    - null\n    - 1.0\n    lines: |\n      a\n      b\n    \"no\": \"1e3\"\n    tiny: 1.0e-7\n"
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    let (empty, _) = write(Format::Yaml, &header(&[], &[]), &[]);
    assert!(empty.ends_with(b"Z\"\nitems: []\n"));
}

#[test]
fn texts_that_look_like_something_else_stay_texts_in_yaml() {
    let texts = [
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "true",
        "null",
        "~",
        "",
        "1e3",
        "1_000",
        "0x1f",
        "0o17",
        "017",
        "1:30",
        ".inf",
        "-.INF",
        ".nan",
        "2026-01-31",
        "2026-01-31T10:00:00Z",
        "<<",
        "=",
        "- a",
        "a: b",
        "a #b",
        " a ",
        "#",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%",
        "@",
        "`",
        "'",
        "\"",
        "---",
        "...",
        "?",
        ":",
        "[",
        "{",
        ",",
        "\t",
        "1.",
        ".5",
        "+1",
        "-",
        "a\u{85}b",
        "\u{2028}",
        "\u{feff}",
        "\u{0}",
        "\u{7f}",
        "a\r\nb",
        " \n a",
        "\n",
    ];
    let attributes: serde_json::Map<String, Value> =
        texts.iter().map(|text| ((*text).to_owned(), Value::String((*text).to_owned()))).collect();
    let rows = [row("Pod", "a", "b", "u", &Value::Object(attributes).to_string())];
    let (out, _) = write(Format::Yaml, &header(&[], &[]), &rows);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(read_back(Format::Yaml, text.as_bytes()).unwrap(), held(&rows), "{text}");
}

#[test]
fn csv_has_the_columns_of_parquet() {
    let columns = [
        ("at", ColumnType::Timestamp),
        ("image", ColumnType::String),
        ("labels", ColumnType::Map),
        ("replicas", ColumnType::Int),
    ];
    let rows = [
        row(
            "Deployment",
            "shop",
            "a,b",
            "a1",
            r#"{"at":"2026-01-31T11:00:00+01:00","image":"say \"hi\"\nthere","labels":{"a":"b"},"replicas":3}"#,
        ),
        row("Node", "", "n1", "b2", r#"{"labels":[],"replicas":"three"}"#),
    ];
    let (out, written) = write(Format::Csv, &header(&columns, &["zone"]), &rows);
    let expected = concat!(
        "cluster,inventory_namespace,inventory_name,target_namespace,target_name,namespace,name,uid,group,version,",
        "kind,exported_at,attributes,attr_at,attr_image,attr_labels,attr_replicas,attr_zone\r\n",
        "prod,team-a,apps,team-a,things,shop,\"a,b\",a1,apps,v1,Deployment,2026-01-31T10:00:00.123Z,",
        r#""{""at"":""2026-01-31T11:00:00+01:00"",""image"":""say \""hi\""\nthere"",""labels"":{""a"":""b""},""replicas"":3}","#,
        "2026-01-31T10:00:00Z,\"say \"\"hi\"\"\nthere\",\"{\"\"a\"\":\"\"b\"\"}\",3,\r\n",
        "prod,team-a,apps,team-a,things,,n1,b2,,v1,Node,2026-01-31T10:00:00.123Z,",
        "\"{\"\"labels\"\":[],\"\"replicas\"\":\"\"three\"\"}\",,,,,\r\n",
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    assert_eq!(written.checksum, None);
    let (empty, _) = write(Format::Csv, &header(&[], &[]), &[]);
    assert!(empty.ends_with(b",exported_at,attributes\r\n"), "an empty table has its header");
}

#[test]
fn awkward_rows_are_read_back_in_every_encoding() {
    let mut rows = awkward().unwrap();
    rows.extend(two_rows());
    rows.sort_by(|left, right| left.key().cmp(&right.key()));
    for encoding in encodings() {
        let (out, _) = write(encoding, &header(&[], &["text"]), &rows);
        assert_eq!(read_back(encoding, &out).unwrap(), held(&rows), "{encoding}");
    }
}

/// JSON values as canonical attributes hold them.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[ -~\n\t]{0,12}",
        "[+-]?[0-9_.:eExXoO]{0,8}",
        Just("yes".to_owned()),
        Just("null".to_owned()),
        Just("# a: b".to_owned()),
    ];
    let number = any::<f64>().prop_filter("finite", |number| number.is_finite());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        number.prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let members = btree_map(prop_oneof![any::<String>(), Just("text".to_owned())], value(), 0..5);
    let names = "[^\u{0}-\u{1f}]{0,12}";
    btree_map(names, (names, members), 0..4).prop_map(|rows| {
        let row = |(uid, (name, members)): (String, (String, _))| {
            let members: std::collections::BTreeMap<String, Value> = members;
            row("Deployment", &name, &name, &uid, &serde_json::to_string(&members).unwrap())
        };
        rows.into_iter().map(row).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_written_is_read_back(rows in rows()) {
        for encoding in encodings() {
            let (out, _) = write(encoding, &header(&[("text", ColumnType::String)], &[]), &rows);
            let found = read_back(encoding, &out);
            prop_assert_eq!(found.unwrap(), held(&rows), "{}: {}", encoding, String::from_utf8_lossy(&out));
        }
    }
}

/// Attributes may nest 128 levels deep; threads that may block have stacks of 2 MiB.
#[test]
fn the_deepest_row_fits_the_stack_of_any_thread() {
    let deep = format!("{{\"a\":{}{{}}{}}}", "[".repeat(126), "]".repeat(126));
    for encoding in encodings() {
        let deep = deep.clone();
        let both = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
            let rows = [row("Pod", "a", "b", "u", &deep)];
            let (out, _) = write(encoding, &header(&[], &[]), &rows);
            assert_eq!(read_back(encoding, &out).unwrap(), held(&rows), "{encoding}");
        });
        both.unwrap().join().unwrap();
    }
}

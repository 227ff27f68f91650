//! Canonical JSON: one text for one value, whatever the order and spacing of its source. It does not decide
//! what is written.
//!
//! Keys are sorted bytewise, there is no white space, and of a key that is repeated the last value counts. An
//! integer keeps its digits, however many; any other number is the shortest text that reads back to the same
//! double. Strings escape only what JSON demands.

use std::borrow::Cow;

use serde_json::Value;

use crate::extract::skip;
use crate::extract::tree::Tree;

/// The deepest nesting that is read. Deeper input is an error, never an exhausted stack.
pub const MAX_DEPTH: usize = 128;

/// Why a text cannot be read as JSON. Holds no part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text breaks the grammar.
    #[error("not well-formed JSON at byte {offset}")]
    Syntax {
        /// Offset within the value that was being read.
        offset: usize,
    },
    /// The text is nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A number is beyond what a double can hold.
    #[error("a number is out of range")]
    NumberRange,
}

/// The canonical text of `json`. A canonical text is its own.
///
/// # Errors
/// `json` is not exactly one JSON value, is nested too deep, or holds a number beyond a double.
pub fn from_str(json: &str) -> Result<String, JsonError> {
    let mut out = String::with_capacity(json.len());
    Tree::parse(json)?.write(&mut out);
    Ok(out)
}

/// Calls `visit` with key and value of each member of a canonical object, in order, until it answers false; a text that
/// is no object has none.
///
/// # Errors
/// `json` is no JSON. Values that are passed over are not looked into.
pub fn members<'a>(
    json: &'a str,
    mut visit: impl FnMut(Cow<'a, str>, &'a str) -> bool,
) -> Result<(), JsonError> {
    skip::members(json, |key, value| Ok(visit(key.decode()?, value)))
}

/// Appends the canonical text of a decoded value.
pub fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            // Sorted here, and not only by the map: another crate may turn on its insertion order.
            let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
            sorted.sort_unstable_by(|left, right| left.0.cmp(right.0));
            out.push('{');
            for (index, (key, item)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
    }
}

/// Appends `text` as a JSON string.
pub fn write_string(text: &str, out: &mut String) {
    let plain = !text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\');
    if plain {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        // A string always has a JSON form.
        out.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn order_and_white_space_do_not_matter() {
        let expected = r#"{"a":[1,-2,3.5,18446744073709551615],"b":{"x":null,"y":"é\n\""}}"#;
        let spaced = r#" { "b" : {"y":"\u00e9\n\"", "x":null}, "a":[1,-2,3.50,18446744073709551615] } "#;
        assert_eq!(from_str(spaced).as_deref(), Ok(expected));
        assert_eq!(from_str(expected).as_deref(), Ok(expected));
    }

    #[test]
    fn numbers_have_one_spelling() {
        let table = [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0.0"),
            ("1.50", "1.5"),
            ("1e2", "100.0"),
            ("1E+21", "1e+21"),
            ("0.1", "0.1"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("-9223372036854775808", "-9223372036854775808"),
        ];
        for (text, want) in table {
            assert_eq!(from_str(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn the_last_of_repeated_keys_counts() {
        assert_eq!(from_str(r#"{"a":1,"b":0,"a":{"c":2}}"#).as_deref(), Ok(r#"{"a":{"c":2},"b":0}"#));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            " ",
            "01",
            "+1",
            "1.",
            ".5",
            "1e",
            "--1",
            "nul",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{a:1}",
            "{\"a\":1,}",
            "1 2",
            "\"\\x\"",
            "\"\\ud800\"",
            "]",
            "tru e",
            "NaN",
            "- 1",
            "[1}",
        ] {
            assert!(from_str(text).is_err(), "{text}");
        }
        assert_eq!(from_str("1e999"), Err(JsonError::NumberRange));
        assert_eq!(from_str(&format!("{}{}", "[".repeat(200), "]".repeat(200))), Err(JsonError::TooDeep));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The value as JSON with the members of each object turned around.
    fn turned(value: &Value) -> String {
        match value {
            Value::Array(items) => {
                format!("[ {} ]", items.iter().map(turned).collect::<Vec<_>>().join(" , "))
            }
            Value::Object(fields) => {
                let member = |(key, value): (&String, &Value)| {
                    format!("{} :{}", serde_json::to_string(key).unwrap(), turned(value))
                };
                format!("{{\n{}\t}}", fields.iter().rev().map(member).collect::<Vec<_>>().join(","))
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn writing_again_what_was_written_changes_nothing(value in any_json()) {
            let once = from_str(&value.to_string()).unwrap();
            prop_assert_eq!(&from_str(&once).unwrap(), &once);
        }

        #[test]
        fn order_does_not_matter_and_both_ways_to_write_agree(value in any_json()) {
            let text = from_str(&value.to_string()).unwrap();
            prop_assert_eq!(&from_str(&turned(&value)).unwrap(), &text);
            let mut written = String::new();
            write(&value, &mut written);
            prop_assert_eq!(written.replace("-0.0", "0.0"), text.replace("-0.0", "0.0"));
        }

        #[test]
        fn floats_lose_nothing(float in any::<f64>().prop_filter("finite", |f| f.is_finite() && *f != 0.0)) {
            let text = from_str(&format!("{float:e}")).unwrap();
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), float.to_bits());
        }

        #[test]
        fn it_reads_what_serde_reads(text in "[{}\\[\\],:\"\\\\a0-9eE.+ -]{0,24}") {
            let serde = serde_json::from_str::<Value>(&text);
            prop_assert_eq!(from_str(&text).is_ok(), serde.is_ok(), "{}", text);
        }
    }
}

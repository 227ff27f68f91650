//! The YAML document: the envelope of JSON, for people to read and compare. It decides no quoting: the library
//! quotes whatever a YAML 1.1 or 1.2 reader would take for something else than text.

use std::borrow::Cow;
use std::fmt;

use kollect_sink_core::Row;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_saphyr::{SerializerOptions, ser_options, to_fmt_writer_with_options};

use super::Format;
use super::envelope::{Head, Notation};
use crate::error::{Error, Result};

pub(super) struct Yaml;

impl Notation for Yaml {
    const FORMAT: Format = Format::Yaml;

    fn head(head: &Head<'_>, out: &mut Vec<u8>) -> Result<()> {
        write(head, out)?;
        out.extend_from_slice(if head.item_count == 0 { b"items: []\n" } else { b"items:\n" });
        Ok(())
    }

    fn item(_row: &Row, json: &[u8], _first: bool, out: &mut Vec<u8>) -> Result<()> {
        // A list stands at the indentation of the key that holds it.
        write(&[Json::new(json)?], out)
    }

    fn tail(_items: u64) -> &'static [u8] {
        b""
    }
}

/// Appends a value.
pub(crate) fn write(value: &impl Serialize, out: &mut Vec<u8>) -> Result<()> {
    let mut text = String::new();
    to_fmt_writer_with_options(&mut text, value, options()).map_err(Error::codec("write YAML"))?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn options() -> SerializerOptions {
    // Long lines stay lines: a folded one changes in many places when one word does.
    ser_options! { folded_wrap_chars: usize::MAX, min_fold_chars: usize::MAX }
}

/// JSON text that is written value by value. An integer keeps its digits up to 128 bits.
pub(crate) struct Json<'j>(&'j str);

impl<'j> Json<'j> {
    pub(crate) fn new(json: &'j [u8]) -> Result<Self> {
        std::str::from_utf8(json).map(Self).map_err(Error::codec("write YAML"))
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.trim_ascii();
        match text.as_bytes().first() {
            Some(b'{') => {
                let members: Members<'_> = serde_json::from_str(text).map_err(S::Error::custom)?;
                let mut map = serializer.serialize_map(Some(members.0.len()))?;
                for (name, value) in &members.0 {
                    map.serialize_entry(name, &Json(value.get()))?;
                }
                map.end()
            }
            Some(b'[') => {
                let values: Vec<&RawValue> = serde_json::from_str(text).map_err(S::Error::custom)?;
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(&Json(value.get()))?;
                }
                list.end()
            }
            Some(b'"') => {
                let text: Cow<'_, str> = serde_json::from_str(text).map_err(S::Error::custom)?;
                serializer.serialize_str(&text)
            }
            Some(b't') => serializer.serialize_bool(true),
            Some(b'f') => serializer.serialize_bool(false),
            Some(b'n') => serializer.serialize_unit(),
            _ => number(text, serializer),
        }
    }
}

fn number<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if let Ok(number) = text.parse::<i128>() {
        return serializer.serialize_i128(number);
    }
    if let Ok(number) = text.parse::<u128>() {
        return serializer.serialize_u128(number);
    }
    serializer.serialize_f64(text.parse().map_err(S::Error::custom)?)
}

/// The members of an object, in their order.
struct Members<'j>(Vec<(Cow<'j, str>, &'j RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((member.0.0, member.1));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// A name that is borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'j>(#[serde(borrow)] Cow<'j, str>);

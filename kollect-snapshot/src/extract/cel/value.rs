//! Between JSON and CEL values. It evaluates nothing.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cel::Value as CelValue;
use cel::objects::{Key, Map, OptionalValue};
use serde_json::{Number, Value};

/// Integers become int, or uint where they do not fit; other numbers double.
pub(super) fn from_json(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(flag) => CelValue::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => CelValue::Int(int),
            (None, Some(uint)) => CelValue::UInt(uint),
            (None, None) => CelValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => CelValue::String(Arc::new(text.clone())),
        Value::Array(items) => CelValue::List(Arc::new(items.iter().map(from_json).collect())),
        Value::Object(fields) => {
            let map: HashMap<Key, CelValue> = fields
                .iter()
                .map(|(key, value)| (Key::String(Arc::new(key.clone())), from_json(value)))
                .collect();
            CelValue::Map(Map { map: Arc::new(map) })
        }
    }
}

/// Bytes become base64, timestamps RFC 3339 in UTC, durations seconds as in the JSON form of protocol buffers
/// (`3.5s`); an absent optional is null.
///
/// # Errors
/// The value has no JSON form: NaN, infinity, a function, a message.
pub(super) fn to_json(value: &CelValue) -> Result<Value, String> {
    Ok(match value {
        CelValue::Null => Value::Null,
        CelValue::Bool(flag) => Value::Bool(*flag),
        CelValue::Int(int) => Value::from(*int),
        CelValue::UInt(uint) => Value::from(*uint),
        CelValue::Float(float) => {
            Number::from_f64(*float).map(Value::Number).ok_or("NaN and infinity have no JSON form")?
        }
        CelValue::String(text) => Value::String(text.to_string()),
        CelValue::Bytes(bytes) => Value::String(BASE64_STANDARD.encode(bytes.as_slice())),
        CelValue::List(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        CelValue::Map(map) => {
            let entry = |(key, value): (&Key, &CelValue)| Ok::<_, String>((key_text(key), to_json(value)?));
            Value::Object(map.map.iter().map(entry).collect::<Result<_, _>>()?)
        }
        CelValue::Timestamp(time) => {
            let at = jiff::Timestamp::new(
                time.timestamp(),
                i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(0),
            );
            Value::String(at.map_err(|_| "the timestamp is out of range")?.to_string())
        }
        CelValue::Duration(duration) => {
            let nanos = duration.num_nanoseconds().ok_or("the duration is out of range")?;
            let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
            let fraction = format!("{:09}", nanos % 1_000_000_000);
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            Value::String(format!("{sign}{}{point}{fraction}s", nanos / 1_000_000_000))
        }
        CelValue::Opaque(opaque) => {
            let any: &dyn Any = &**opaque;
            match any.downcast_ref::<OptionalValue>() {
                Some(optional) => optional.value().map_or(Ok(Value::Null), to_json)?,
                None => return Err("the result has no JSON form".to_owned()),
            }
        }
        CelValue::Function(..) | CelValue::Struct(_) => return Err("the result has no JSON form".to_owned()),
    })
}

fn key_text(key: &Key) -> String {
    match key {
        Key::Int(int) => int.to_string(),
        Key::Uint(uint) => uint.to_string(),
        Key::Bool(flag) => flag.to_string(),
        Key::String(text) => text.to_string(),
    }
}

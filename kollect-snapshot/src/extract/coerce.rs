//! Makes a value fit its stated type, or says why it cannot. It never drops a digit.

use kollect_sink_core::ColumnType;
use serde_json::{Number, Value};

/// The value as `wanted`; null stays null.
///
/// # Errors
/// The types of both, never the value.
pub(super) fn coerce(value: Value, wanted: ColumnType) -> Result<Value, String> {
    let found = type_name(&value);
    let made = match (wanted, value) {
        (_, Value::Null) => Some(Value::Null),
        (ColumnType::Json, value) => Some(value),
        (ColumnType::String, Value::String(text)) => Some(Value::String(text)),
        (ColumnType::String, Value::Bool(flag)) => Some(Value::String(flag.to_string())),
        (ColumnType::String, Value::Number(number)) => Some(Value::String(number.to_string())),
        (ColumnType::Int, Value::Number(number)) => integer(&number).map(Value::Number),
        (ColumnType::Int, Value::String(text)) => text.parse::<i64>().ok().map(Value::from),
        (ColumnType::Number, Value::Number(number)) => Some(Value::Number(number)),
        (ColumnType::Number, Value::String(text)) => {
            text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
        }
        (ColumnType::Bool, Value::Bool(flag)) => Some(Value::Bool(flag)),
        (ColumnType::Bool, Value::String(text)) => match text.as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        (ColumnType::Timestamp, Value::String(text)) => {
            text.parse::<jiff::Timestamp>().ok().map(|time| Value::String(time.to_string()))
        }
        (ColumnType::List, Value::Array(items)) => Some(Value::Array(items)),
        // A path with one result gives the value itself.
        (ColumnType::List, single) => Some(Value::Array(vec![single])),
        (ColumnType::Map, Value::Object(fields)) => Some(Value::Object(fields)),
        _ => None,
    };
    made.ok_or_else(|| format!("a {found} is no {}", column_name(wanted)))
}

fn integer(number: &Number) -> Option<Number> {
    if number.is_i64() {
        return Some(number.clone());
    }
    let float = number.as_f64()?;
    // Doubles are exact integers up to 2^53.
    let exact = float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0;
    exact.then(|| format!("{float:.0}").parse::<i64>().ok().map(Number::from)).flatten()
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
}

fn column_name(wanted: ColumnType) -> &'static str {
    match wanted {
        ColumnType::String => "string",
        ColumnType::Int => "64-bit integer",
        ColumnType::Number => "number",
        ColumnType::Bool => "boolean",
        ColumnType::Timestamp => "timestamp (RFC 3339)",
        ColumnType::List => "list",
        ColumnType::Map => "map",
        ColumnType::Json => "JSON value",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_is_made_to_fit_and_nothing_else() {
        let table = [
            (ColumnType::String, json!(3), Ok(json!("3"))),
            (ColumnType::String, json!({}), Err(())),
            (ColumnType::Int, json!("42"), Ok(json!(42))),
            (ColumnType::Int, json!(3.0), Ok(json!(3))),
            (ColumnType::Int, json!(3.5), Err(())),
            (ColumnType::Int, json!("x"), Err(())),
            (ColumnType::Int, json!(u64::MAX), Err(())),
            (ColumnType::Number, json!("1.5"), Ok(json!(1.5))),
            (ColumnType::Number, json!("nan"), Err(())),
            (ColumnType::Bool, json!("true"), Ok(json!(true))),
            (ColumnType::Bool, json!(1), Err(())),
            (ColumnType::Timestamp, json!("2026-01-02T03:04:05+01:00"), Ok(json!("2026-01-02T02:04:05Z"))),
            (ColumnType::Timestamp, json!("yesterday"), Err(())),
            (ColumnType::List, json!("a"), Ok(json!(["a"]))),
            (ColumnType::List, json!([1]), Ok(json!([1]))),
            (ColumnType::Map, json!([]), Err(())),
            (ColumnType::Json, json!([{}]), Ok(json!([{}]))),
            (ColumnType::Int, json!(null), Ok(json!(null))),
        ];
        for (wanted, value, expected) in table {
            assert_eq!(coerce(value.clone(), wanted).map_err(|_| ()), expected, "{value} as {wanted:?}");
        }
    }
}

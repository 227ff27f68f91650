//! Makes a value fit its stated type, or says why it cannot. It never drops a digit.

use std::borrow::Cow;

use kollect_sink_core::ColumnType;

use super::tree::{Number, Tree};

/// The value as `wanted`; null stays null.
///
/// # Errors
/// The types of both, never the value.
pub(super) fn coerce(value: Tree<'_>, wanted: ColumnType) -> Result<Tree<'_>, String> {
    let found = value.kind();
    let made = match (wanted, value) {
        (_, Tree::Null) => Some(Tree::Null),
        (ColumnType::Json, value) => Some(value),
        (ColumnType::String, Tree::String(text)) => Some(Tree::String(text)),
        (ColumnType::String, Tree::Bool(flag)) => {
            Some(Tree::String(Cow::Borrowed(if flag { "true" } else { "false" })))
        }
        (ColumnType::String, Tree::Number(number)) => Some(Tree::String(number.into_text())),
        (ColumnType::Int, Tree::Number(number)) => integer(number),
        (ColumnType::Int, Tree::String(text)) => text.parse::<i64>().ok().map(int),
        (ColumnType::Number, Tree::Number(number)) => Some(Tree::Number(number)),
        (ColumnType::Number, Tree::String(text)) => number(&text),
        (ColumnType::Bool, Tree::Bool(flag)) => Some(Tree::Bool(flag)),
        // Conditions of Kubernetes write `True` and `False`.
        (ColumnType::Bool, Tree::String(text)) => match &*text {
            "true" | "True" => Some(Tree::Bool(true)),
            "false" | "False" => Some(Tree::Bool(false)),
            _ => None,
        },
        (ColumnType::Timestamp, Tree::String(text)) => {
            text.parse::<jiff::Timestamp>().ok().map(|time| Tree::String(Cow::Owned(time.to_string())))
        }
        (ColumnType::List, Tree::List(items)) => Some(Tree::List(items)),
        // A path with one result gives the value itself.
        (ColumnType::List, single) => Some(Tree::List(vec![single])),
        (ColumnType::Map, Tree::Map(members)) => Some(Tree::Map(members)),
        _ => None,
    };
    made.ok_or_else(|| format!("{found} is no {}", column_name(wanted)))
}

fn int<'a>(integer: i64) -> Tree<'a> {
    Tree::Number(Number::from_integer(integer))
}

fn integer(number: Number<'_>) -> Option<Tree<'_>> {
    if number.is_integer() {
        return number.as_str().parse::<i64>().ok().map(int);
    }
    let float = number.as_float();
    // Doubles are exact integers up to 2^53.
    let exact = float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0;
    exact.then(|| format!("{float:.0}").parse::<i64>().ok().map(int)).flatten()
}

/// A number as JSON spells it; `Infinity`, `0x1f` and the like are none.
fn number<'a>(text: &str) -> Option<Tree<'a>> {
    let number = Number::parse(text.trim_start_matches('+')).ok()?;
    Some(Tree::Number(number.into_owned()))
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
    use super::*;

    #[test]
    fn what_fits_is_made_to_fit_and_nothing_else() {
        use ColumnType::{Bool, Int, Json, List, Map, Number, String, Timestamp};
        let table = [
            (String, "3", Some(r#""3""#)),
            (String, "1.50", Some(r#""1.5""#)),
            (String, "true", Some(r#""true""#)),
            (String, "123456789012345678901234567890", Some(r#""123456789012345678901234567890""#)),
            (String, "{}", None),
            (String, "[\"a\"]", None),
            (Int, r#""42""#, Some("42")),
            (Int, "3.0", Some("3")),
            (Int, "1e3", Some("1000")),
            (Int, "3.5", None),
            (Int, r#""x""#, None),
            (Int, r#""500m""#, None),
            (Int, "18446744073709551615", None),
            (Int, "true", None),
            (Number, r#""1.5""#, Some("1.5")),
            (Number, r#""nan""#, None),
            (Number, r#""inf""#, None),
            (Number, r#""1e999""#, None),
            (Number, "7", Some("7")),
            (Bool, r#""true""#, Some("true")),
            (Bool, r#""False""#, Some("false")),
            (Bool, r#""Unknown""#, None),
            (Bool, "1", None),
            (Timestamp, r#""2026-01-02T03:04:05+01:00""#, Some(r#""2026-01-02T02:04:05Z""#)),
            (Timestamp, r#""yesterday""#, None),
            (Timestamp, "1700000000", None),
            (List, r#""a""#, Some(r#"["a"]"#)),
            (List, "[]", Some("[]")),
            (Map, r#"{"a":1}"#, Some(r#"{"a":1}"#)),
            (Map, "[]", None),
            (Json, "[1]", Some("[1]")),
        ];
        for (wanted, value, expected) in table {
            let made = coerce(Tree::parse(value).unwrap(), wanted).map(|made| made.to_text()).ok();
            assert_eq!(made.as_deref(), expected, "{wanted:?} {value}");
            assert_eq!(coerce(Tree::Null, wanted), Ok(Tree::Null));
        }
        assert_eq!(coerce(Tree::parse("[]").unwrap(), Map), Err("a list is no map".to_owned()));
    }
}

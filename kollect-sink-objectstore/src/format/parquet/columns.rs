//! Typed columns of attributes, filled from canonical JSON. It does not convert between types: a value that
//! does not fit its column is null there, and still stands in the attributes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_schema::extension::Json;
use arrow_schema::{DataType, Field, TimeUnit};
use jiff::Timestamp;
use kollect_sink_core::{Column, ColumnType, Schema, Text};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{UTC, is_json};

/// The columns `attr_<name>`, sorted by name.
pub(super) struct AttributeColumns {
    columns: Vec<AttributeColumn>,
    by_name: HashMap<Text, usize>,
}

struct AttributeColumn {
    column: Column,
    values: Values,
}

enum Values {
    Text(StringBuilder),
    Int(Int64Builder),
    Number(Float64Builder),
    Bool(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Json(StringBuilder),
}

impl AttributeColumns {
    /// A column per typed attribute, and one of text per hot attribute that has no stated type.
    pub(super) fn new(schema: &Schema, hot_attributes: &[Text]) -> Self {
        let mut all = schema.columns().to_vec();
        for name in hot_attributes {
            if !all.iter().any(|column| column.name == *name) {
                all.push(Column { name: name.clone(), column_type: ColumnType::String });
            }
        }
        all.sort_by(|left, right| left.name.cmp(&right.name));
        let by_name = all.iter().enumerate().map(|(index, column)| (column.name.clone(), index)).collect();
        let columns = all.into_iter().map(AttributeColumn::new).collect();
        Self { columns, by_name }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = Field> {
        self.columns.iter().map(AttributeColumn::field)
    }

    /// Names of the columns that hold JSON text.
    pub(super) fn json_names(&self) -> impl Iterator<Item = String> {
        self.columns.iter().filter(|column| is_json(column.column.column_type)).map(AttributeColumn::name)
    }

    /// Adds one row's values.
    pub(super) fn append(&mut self, attributes: &str) {
        if self.columns.is_empty() {
            return;
        }
        let mut deserializer = serde_json::Deserializer::from_str(attributes);
        // Not an object: the row has none of these attributes.
        let found = Pick { by_name: &self.by_name }.deserialize(&mut deserializer).unwrap_or_default();
        for (index, column) in self.columns.iter_mut().enumerate() {
            let raw = found.get(index).copied().flatten().map(RawValue::get);
            column.values.append(raw.filter(|raw| *raw != "null"), column.column.column_type);
        }
    }

    /// Moves the values of all rows added so far to `arrays`.
    pub(super) fn finish_into(&mut self, arrays: &mut Vec<ArrayRef>) {
        arrays.extend(self.columns.iter_mut().map(|column| column.values.finish()));
    }
}

impl AttributeColumn {
    fn new(column: Column) -> Self {
        let values = match column.column_type {
            ColumnType::String => Values::Text(StringBuilder::new()),
            ColumnType::Int => Values::Int(Int64Builder::new()),
            ColumnType::Number => Values::Number(Float64Builder::new()),
            ColumnType::Bool => Values::Bool(BooleanBuilder::new()),
            ColumnType::Timestamp => Values::Timestamp(TimestampMicrosecondBuilder::new().with_timezone(UTC)),
            ColumnType::List | ColumnType::Map | ColumnType::Json => Values::Json(StringBuilder::new()),
        };
        Self { column, values }
    }

    fn name(&self) -> String {
        format!("attr_{}", self.column.name)
    }

    fn field(&self) -> Field {
        let data_type = match self.values {
            Values::Text(_) | Values::Json(_) => DataType::Utf8,
            Values::Int(_) => DataType::Int64,
            Values::Number(_) => DataType::Float64,
            Values::Bool(_) => DataType::Boolean,
            Values::Timestamp(_) => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        };
        let field = Field::new(self.name(), data_type, true);
        if is_json(self.column.column_type) { field.with_extension_type(Json::default()) } else { field }
    }
}

impl Values {
    fn append(&mut self, raw: Option<&str>, column_type: ColumnType) {
        match self {
            Self::Text(values) => values.append_option(raw.map(text)),
            Self::Int(values) => values.append_option(raw.and_then(|raw| raw.parse().ok())),
            Self::Number(values) => values.append_option(raw.and_then(number)),
            Self::Bool(values) => values.append_option(raw.and_then(|raw| raw.parse().ok())),
            Self::Timestamp(values) => values.append_option(raw.and_then(microseconds)),
            Self::Json(values) => values.append_option(raw.filter(|raw| fits(raw, column_type))),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(values) | Self::Json(values) => Arc::new(values.finish()),
            Self::Int(values) => Arc::new(values.finish()),
            Self::Number(values) => Arc::new(values.finish()),
            Self::Bool(values) => Arc::new(values.finish()),
            Self::Timestamp(values) => Arc::new(values.finish()),
        }
    }
}

/// A string's contents; any other value as its JSON text.
fn text(raw: &str) -> Cow<'_, str> {
    string(raw).unwrap_or(Cow::Borrowed(raw))
}

/// The contents, if `raw` is a JSON string.
fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The number, if `raw` is one that a double can hold: Rust also reads `inf` and the like, JSON does not.
fn number(raw: &str) -> Option<f64> {
    let first = raw.bytes().next()?;
    let value: f64 = raw.parse().ok()?;
    (first == b'-' || first.is_ascii_digit()).then_some(value).filter(|value| value.is_finite())
}

fn microseconds(raw: &str) -> Option<i64> {
    let instant: Timestamp = string(raw)?.parse().ok()?;
    Some(instant.as_microsecond())
}

fn fits(raw: &str, column_type: ColumnType) -> bool {
    match column_type {
        ColumnType::List => raw.starts_with('['),
        ColumnType::Map => raw.starts_with('{'),
        _ => true,
    }
}

/// Picks the wanted members of an object in one pass, by position of their column.
struct Pick<'c> {
    by_name: &'c HashMap<Text, usize>,
}

impl<'de> DeserializeSeed<'de> for Pick<'_> {
    type Value = Vec<Option<&'de RawValue>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pick<'_> {
    type Value = Vec<Option<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = vec![None; self.by_name.len()];
        while let Some(index) = map.next_key_seed(Lookup { by_name: self.by_name })? {
            match index {
                Some(index) => {
                    let slot = found.get_mut(index).ok_or_else(|| A::Error::custom("no such column"))?;
                    *slot = Some(map.next_value()?);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Finds a member's column without copying its name.
struct Lookup<'c> {
    by_name: &'c HashMap<Text, usize>,
}

impl<'de> DeserializeSeed<'de> for Lookup<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Lookup<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.by_name.get(name).copied())
    }
}

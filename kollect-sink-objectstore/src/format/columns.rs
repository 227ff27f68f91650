//! The columns that tables have, whatever their format: identity as text, and one per typed or hot attribute.
//! It does not build any format's own arrays.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;
use kollect_sink_core::{Column, ColumnType, Row, Schema, Text};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Columns that say whose rows they are.
pub(super) const SCOPE: [&str; 3] = ["cluster", "inventory_namespace", "inventory_name"];

/// What a column of text holds of a row.
pub(super) type Value = fn(&Row) -> &str;

/// Identity columns of text, in order.
pub(super) const IDENTITY: [(&str, Value); 8] = [
    ("target_namespace", |row| &row.identity().target().namespace),
    ("target_name", |row| &row.identity().target().name),
    ("namespace", |row| row.identity().namespace()),
    ("name", |row| row.identity().name()),
    ("uid", |row| row.identity().uid()),
    ("group", |row| row.identity().group()),
    ("version", |row| row.identity().version()),
    ("kind", |row| row.identity().kind()),
];

/// The column of the time of the export.
pub(super) const EXPORTED_AT: &str = "exported_at";

/// The column of all attributes, as JSON text.
pub(super) const ATTRIBUTES: &str = "attributes";

/// The columns `attr_<name>`, sorted by name.
pub(super) struct Attributes {
    columns: Vec<Column>,
    by_name: HashMap<Text, usize>,
}

impl Attributes {
    /// A column per typed attribute, and one of text per hot attribute that has no stated type.
    pub(super) fn new(schema: &Schema, hot_attributes: &[Text]) -> Self {
        let mut columns = schema.columns().to_vec();
        for name in hot_attributes {
            if !columns.iter().any(|column| column.name == *name) {
                columns.push(Column { name: name.clone(), column_type: ColumnType::String });
            }
        }
        columns.sort_by(|left, right| left.name.cmp(&right.name));
        let by_name =
            columns.iter().enumerate().map(|(index, column)| (column.name.clone(), index)).collect();
        Self { columns, by_name }
    }

    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Calls `each` with each column's value in a row, as JSON; absent for null and for what is not there.
    pub(super) fn pick<'r>(&self, attributes: &'r str, mut each: impl FnMut(usize, Option<&'r str>)) {
        if self.columns.is_empty() {
            return;
        }
        let mut deserializer = serde_json::Deserializer::from_str(attributes);
        // Not an object: the row has none of these attributes.
        let found = Pick { by_name: &self.by_name }.deserialize(&mut deserializer).unwrap_or_default();
        for index in 0..self.columns.len() {
            let raw = found.get(index).copied().flatten().map(RawValue::get);
            each(index, raw.filter(|raw| *raw != "null"));
        }
    }
}

/// All columns of a document, in order, each with the type that its values have in rows.
pub(crate) fn of_document(schema: &Schema, hot_attributes: &[Text]) -> Vec<Column> {
    let column = |name: &str, column_type| Column { name: name.into(), column_type };
    let identity = IDENTITY.map(|(name, _)| name);
    let text = SCOPE.into_iter().chain(identity).map(|name| column(name, ColumnType::String));
    let fixed = [column(EXPORTED_AT, ColumnType::Timestamp), column(ATTRIBUTES, ColumnType::Json)];
    let attributes = Attributes::new(schema, hot_attributes).columns;
    let typed = attributes.iter().map(|attribute| column(&name(attribute), attribute.column_type));
    text.chain(fixed).chain(typed).collect()
}

/// The name of an attribute's column.
pub(super) fn name(column: &Column) -> String {
    format!("attr_{}", column.name)
}

/// A string's contents; any other value as its JSON text.
pub(super) fn text(raw: &str) -> Cow<'_, str> {
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
pub(super) fn number(raw: &str) -> Option<f64> {
    let first = raw.bytes().next()?;
    let value: f64 = raw.parse().ok()?;
    (first == b'-' || first.is_ascii_digit()).then_some(value).filter(|value| value.is_finite())
}

/// The instant, if `raw` is a string that holds one.
pub(super) fn instant(raw: &str) -> Option<Timestamp> {
    string(raw)?.parse().ok()
}

/// Whether JSON text belongs in a column of this type.
pub(super) fn fits(raw: &str, column_type: ColumnType) -> bool {
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

//! Typed columns of attributes as Arrow arrays. It does not convert between types: a value that does not fit
//! its column is null there, and still stands in the attributes.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_schema::extension::Json;
use arrow_schema::{DataType, Field, TimeUnit};
use kollect_sink_core::{Column, ColumnType, Schema, Text};

use super::UTC;
use crate::format::columns::{Attributes, fits, instant, name, number, text};

/// The columns `attr_<name>`, sorted by name.
pub(super) struct AttributeColumns {
    attributes: Attributes,
    values: Vec<Values>,
}

enum Values {
    Text(StringBuilder),
    Int(Int64Builder),
    Number(Float64Builder),
    Bool(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Json(StringBuilder, ColumnType),
}

impl AttributeColumns {
    pub(super) fn new(schema: &Schema, hot_attributes: &[Text]) -> Self {
        let attributes = Attributes::new(schema, hot_attributes);
        let values = attributes.columns().iter().map(|column| Values::new(column.column_type)).collect();
        Self { attributes, values }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = Field> {
        self.attributes.columns().iter().map(field)
    }

    /// Names of the columns that hold JSON text.
    pub(super) fn json_names(&self) -> impl Iterator<Item = String> {
        self.attributes.columns().iter().filter(|column| is_json(column.column_type)).map(name)
    }

    /// Adds one row's values.
    pub(super) fn append(&mut self, attributes: &str) {
        let values = &mut self.values;
        self.attributes.pick(attributes, |index, raw| {
            if let Some(values) = values.get_mut(index) {
                values.append(raw);
            }
        });
    }

    /// Moves the values of all rows added so far to `arrays`.
    pub(super) fn finish_into(&mut self, arrays: &mut Vec<ArrayRef>) {
        arrays.extend(self.values.iter_mut().map(Values::finish));
    }
}

fn field(column: &Column) -> Field {
    let data_type = match column.column_type {
        ColumnType::String | ColumnType::List | ColumnType::Map | ColumnType::Json => DataType::Utf8,
        ColumnType::Int => DataType::Int64,
        ColumnType::Number => DataType::Float64,
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
    };
    let field = Field::new(name(column), data_type, true);
    if is_json(column.column_type) { field.with_extension_type(Json::default()) } else { field }
}

impl Values {
    fn new(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::String => Self::Text(StringBuilder::new()),
            ColumnType::Int => Self::Int(Int64Builder::new()),
            ColumnType::Number => Self::Number(Float64Builder::new()),
            ColumnType::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone(UTC)),
            ColumnType::List | ColumnType::Map | ColumnType::Json => {
                Self::Json(StringBuilder::new(), column_type)
            }
        }
    }

    fn append(&mut self, raw: Option<&str>) {
        match self {
            Self::Text(values) => values.append_option(raw.map(text)),
            Self::Int(values) => values.append_option(raw.and_then(|raw| raw.parse().ok())),
            Self::Number(values) => values.append_option(raw.and_then(number)),
            Self::Bool(values) => values.append_option(raw.and_then(|raw| raw.parse().ok())),
            Self::Timestamp(values) => {
                values.append_option(raw.and_then(instant).map(|instant| instant.as_microsecond()));
            }
            Self::Json(values, column_type) => {
                values.append_option(raw.filter(|raw| fits(raw, *column_type)));
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(values) | Self::Json(values, _) => Arc::new(values.finish()),
            Self::Int(values) => Arc::new(values.finish()),
            Self::Number(values) => Arc::new(values.finish()),
            Self::Bool(values) => Arc::new(values.finish()),
            Self::Timestamp(values) => Arc::new(values.finish()),
        }
    }
}

/// Columns whose values are JSON text.
fn is_json(column_type: ColumnType) -> bool {
    matches!(column_type, ColumnType::List | ColumnType::Map | ColumnType::Json)
}

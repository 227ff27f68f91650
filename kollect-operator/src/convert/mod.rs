//! From the words of the API to those of the engine and the sinks. It decides nothing.

use kollect_api::profile::AttributeType;
use kollect_sink_core::ColumnType;

/// The column type that an attribute's stated type means.
pub fn column_type(stated: AttributeType) -> ColumnType {
    match stated.canonical() {
        AttributeType::String => ColumnType::String,
        AttributeType::Int | AttributeType::Integer => ColumnType::Int,
        AttributeType::Number => ColumnType::Number,
        AttributeType::Bool | AttributeType::Boolean => ColumnType::Bool,
        AttributeType::Timestamp => ColumnType::Timestamp,
        AttributeType::List => ColumnType::List,
        AttributeType::Map => ColumnType::Map,
        AttributeType::Json => ColumnType::Json,
    }
}

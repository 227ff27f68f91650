//! The typed columns of an inventory. It does not hold values.

use serde::{Deserialize, Serialize};

use crate::scope::Text;

/// The type that a profile states for an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// UTF-8 text.
    String,
    /// A 64-bit signed integer.
    Int,
    /// A 64-bit float.
    Number,
    /// True or false.
    Bool,
    /// An instant; RFC 3339 in JSON.
    Timestamp,
    /// A JSON array.
    List,
    /// A JSON object.
    Map,
    /// Any JSON value.
    Json,
}

/// One attribute that has a stated type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Column {
    /// The attribute's name.
    pub name: Text,
    /// Its type.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
}

/// The columns of an inventory: the union over its profiles, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema(Vec<Column>);

impl Schema {
    /// The union of `columns`. Where two state different types for one name the column becomes
    /// [`ColumnType::String`]; the second result names those columns.
    pub fn union(columns: impl IntoIterator<Item = Column>) -> (Self, Vec<Text>) {
        let mut all: Vec<Column> = columns.into_iter().collect();
        all.sort_by(|left, right| left.name.cmp(&right.name));
        let mut conflicts = Vec::new();
        all.dedup_by(|later, kept| {
            if later.name != kept.name {
                return false;
            }
            if later.column_type != kept.column_type && conflicts.last() != Some(&kept.name) {
                conflicts.push(kept.name.clone());
            }
            true
        });
        for column in &mut all {
            if conflicts.contains(&column.name) {
                column.column_type = ColumnType::String;
            }
        }
        (Self(all), conflicts)
    }

    /// The columns, sorted by name.
    pub fn columns(&self) -> &[Column] {
        &self.0
    }
}

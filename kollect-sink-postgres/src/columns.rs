//! The columns of the table of rows: what they are called, and what they hold. It makes no statements.

/// What a column must be able to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// `text`, or `varchar`.
    Text,
    /// `jsonb`, or `json`.
    Payload,
    /// `bytea`.
    Bytes,
    /// `timestamptz`, or `timestamp`.
    Time,
}

/// What a table may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Part of the key; without it there is no export.
    Key,
    /// Without it there is no export.
    Required,
    /// Without it the value is read from the payload, or computed from it.
    Optional,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) holds: Holds,
    pub(crate) need: Need,
    /// How the payload yields the value where the column does not have it, for a table named `held`.
    pub(crate) from_payload: Option<&'static str>,
}

const fn text(name: &'static str, need: Need, from_payload: Option<&'static str>) -> Column {
    Column { name, holds: Holds::Text, need, from_payload }
}

/// All columns, in the order in which `ensure` makes them.
pub(crate) const COLUMNS: [Column; 14] = [
    text("cluster", Need::Key, None),
    text("inventory_namespace", Need::Key, None),
    text("inventory_name", Need::Key, None),
    text("target_namespace", Need::Optional, Some("held.payload->>'targetNamespace'")),
    text("target_name", Need::Key, None),
    text("source_uid", Need::Key, None),
    text("resource_namespace", Need::Optional, Some("held.payload->>'namespace'")),
    text("resource_name", Need::Optional, Some("held.payload->>'name'")),
    text("api_group", Need::Optional, Some("held.payload->>'group'")),
    text("api_version", Need::Optional, Some("held.payload->>'version'")),
    text("kind", Need::Optional, Some("held.payload->>'kind'")),
    Column { name: "payload", holds: Holds::Payload, need: Need::Required, from_payload: None },
    Column { name: "digest", holds: Holds::Bytes, need: Need::Optional, from_payload: None },
    Column { name: "exported_at", holds: Holds::Time, need: Need::Required, from_payload: None },
];

/// The columns of a key that tells all rows apart.
pub(crate) const WIDE_KEY: [&str; 6] =
    ["cluster", "inventory_namespace", "inventory_name", "target_namespace", "target_name", "source_uid"];

/// The columns of the key that older tables have: targets of one name in two namespaces share it.
pub(crate) const NARROW_KEY: [&str; 5] =
    ["cluster", "inventory_namespace", "inventory_name", "target_name", "source_uid"];

/// What differs from row to row within one export, in the order in which it is sent.
pub(crate) const PER_ROW: [&str; 10] = [
    "target_namespace",
    "target_name",
    "source_uid",
    "resource_namespace",
    "resource_name",
    "api_group",
    "api_version",
    "kind",
    "payload",
    "digest",
];

impl Holds {
    /// The type that `ensure` makes.
    pub(crate) fn sql_type(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Payload => "jsonb",
            Self::Bytes => "bytea",
            Self::Time => "timestamptz",
        }
    }

    /// Whether a column of the server's type `name` can hold it.
    pub(crate) fn fits(self, name: &str) -> bool {
        match self {
            Self::Text => matches!(name, "text" | "character varying"),
            Self::Payload => matches!(name, "jsonb" | "json"),
            Self::Bytes => name == "bytea",
            Self::Time => matches!(name, "timestamp with time zone" | "timestamp without time zone"),
        }
    }

    /// Whether a column of the server's type `name` takes our binary form as it is.
    pub(crate) fn fits_exactly(self, name: &str) -> bool {
        self.fits(name) && !matches!(name, "json" | "timestamp without time zone")
    }
}

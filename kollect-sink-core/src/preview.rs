//! What an export would do, told beforehand. It holds no credentials, and nothing in it comes from a destination.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::row::Row;
use crate::schema::{Column, Schema};
use crate::scope::Scope;

/// Rows as an export would take them. They are few: documents of them are made in memory.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Whose rows they are.
    pub scope: &'a Scope,
    /// Typed columns of the rows.
    pub schema: &'a Arc<Schema>,
    /// The rows, ascending by key.
    pub rows: &'a [Row],
    /// The time that documents would give as that of their export.
    pub exported_at: Timestamp,
}

/// What the first export into a destination that holds nothing yet would do. Each destination has a function
/// `preview` that makes it of its configuration and a [`Sample`], by the functions that exports use. What a kind of
/// destination does not have is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Whether what is missing would be made: `ensure` or `existing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioning_mode: Option<&'static str>,
    /// How documents or payloads would be written, such as `json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serialization_format: Option<&'static str>,
    /// The statements that make what is missing, in order, each ended by a semicolon and a line break.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ddl: Option<String>,
    /// The columns of documents that are tables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// Where documents would stand, relative to the endpoint: the one document, or that of each row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sample_paths: Vec<String>,
    /// Where an index of the documents would stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_path: Option<String>,
    /// The key of each row, in the destination's own words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sample_keys: Vec<String>,
    /// The one document, or what would be written of the first row, uncompressed; an [`excerpt`] of it where it is
    /// long, and absent where it is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_document: Option<String>,
    /// What is worth knowing before the first export.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Bytes of a document that a preview shows.
const DOCUMENT: usize = 4096;

/// The first 4 KiB of a document, with a last line that says how much was left out. Bytes that are no UTF-8 are
/// replaced.
#[must_use]
pub fn excerpt(document: &[u8]) -> String {
    if document.len() <= DOCUMENT {
        return String::from_utf8_lossy(document).into_owned();
    }
    let mut end = DOCUMENT;
    // Continuation bytes of a character begin with the bits 10.
    while end > 0 && document.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end -= 1;
    }
    let shown = String::from_utf8_lossy(document.get(..end).unwrap_or_default()).into_owned();
    format!("{shown}\n... {} bytes more\n", document.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_document_is_cut_between_characters_and_says_so() {
        assert_eq!(excerpt("größe".as_bytes()), "größe");
        let whole = "x".repeat(DOCUMENT);
        assert_eq!(excerpt(whole.as_bytes()), whole);
        let long = format!("{}ö{}", "x".repeat(DOCUMENT - 1), "y".repeat(10));
        assert_eq!(excerpt(long.as_bytes()), format!("{}\n... 12 bytes more\n", "x".repeat(DOCUMENT - 1)));
    }

    #[test]
    fn what_a_destination_does_not_have_is_absent() {
        let preview = Preview { provisioning_mode: Some("ensure"), ..Preview::default() };
        assert_eq!(serde_json::to_string(&preview).unwrap(), r#"{"provisioningMode":"ensure"}"#);
    }
}

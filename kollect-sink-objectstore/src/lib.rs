//! Inventory documents: the file formats, and destinations that keep whole documents. It knows no
//! Kubernetes, and it does not decide when to export.
//!
//! [`format`] writes rows as JSON, NDJSON or Parquet into anything that takes bytes, [`put`] streams them
//! into a file that appears whole or not at all.

pub mod error;
pub mod format;
pub mod layout;
pub mod manifest;
pub mod put;
pub mod retention;

pub use error::{Error, Result};

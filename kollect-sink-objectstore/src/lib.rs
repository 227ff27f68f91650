//! Inventory documents: the file formats, and destinations that keep whole documents. It knows no
//! Kubernetes, and it does not decide when to export.
//!
//! [`mod@format`] writes rows as JSON, YAML, NDJSON, CSV or Parquet into anything that takes bytes, [`put`] streams
//! them into a file that appears whole or not at all, and [`local`] is a destination in a folder: one document
//! per export or per row, and a manifest that is put last.
//!
//! An example that runs stands in the README.

pub mod error;
pub mod format;
pub mod layout;
#[cfg(feature = "local")]
pub mod local;
pub mod manifest;
pub mod put;
pub mod retention;
// Each destination that takes documents of rows.
#[cfg(feature = "local")]
mod rows;

pub use error::{Error, Result};

/// The README's examples, run as tests.
#[cfg(all(doctest, feature = "local"))]
#[doc = include_str!("../README.md")]
struct Readme;

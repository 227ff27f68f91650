//! A destination in a folder: one document per export with a bounded number of earlier generations, or one per
//! row, and a manifest that is put last. It writes nowhere but below its root, and follows no symbolic link out
//! of it.
//!
//! - The one document of an export is written under a temporary name, synced, and renamed; then the manifest is.
//!   Readers see the old export or the new one. Documents of single rows change one after the other, and the
//!   capabilities say so.
//! - Claims and commits happen under an OS file lock and compare the manifest with what was read before, so
//!   that of two writers one wins. The lock is not held while rows are streamed.
//! - A file is deleted only if the manifest names it as ours. Temporary files that a killed process left are
//!   deleted by the next write.
//! - The manifest stands in the folder itself, so a folder that was replaced or emptied brings its own state
//!   along; where files that it names are missing or have another size, the checkpoint is given without digest.
//!
//! All I/O runs on tokio's blocking pool. A dropped future's work either stops before its commit, or completes
//! it; the next call waits for it by the lock.

mod blocking;
mod claim;
pub mod config;
mod connect;
mod error;
mod list;
mod place;
mod preview;
mod probe;
mod replace;
mod rows;
mod sink;
// They write all formats.
#[cfg(test)]
#[cfg(feature = "parquet")]
mod tests;

use std::sync::Arc;

use kollect_sink_core::Sink;

use config::Layout;
pub use config::{Config, Provisioning, Settings};
pub use preview::preview;

/// Makes the destination; does no I/O. With one document per export its role is `Snapshot`, with a document per
/// row it is `Reconciled`.
pub fn open(config: Config) -> Arc<dyn Sink> {
    let config = Arc::new(config);
    match config.layout.clone() {
        Layout::Documents(documents) => Arc::new(sink::Folder::new(config, documents)),
        Layout::Rows(rows) => Arc::new(rows::Tree::new(config, rows)),
    }
}

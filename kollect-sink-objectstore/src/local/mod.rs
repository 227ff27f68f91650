//! A destination in a folder: one document per export, a manifest that is put last, and a bounded number of
//! earlier generations. It writes nowhere but below its root, and follows no symbolic link out of it.
//!
//! - A document is written under a temporary name, synced, and renamed; then the manifest is. Readers see the
//!   old export or the new one.
//! - Claims and commits happen under an OS file lock and compare the manifest with what was read before, so
//!   that of two writers one wins. The lock is not held while rows are streamed.
//! - A file is deleted only if the manifest names it as ours. Temporary files that a killed process left are
//!   deleted by the next write.
//! - The manifest stands in the folder itself, so a folder that was replaced or emptied brings its own state
//!   along; where files that it names are missing or have another size, the checkpoint is given without digest.
//!
//! All I/O runs on tokio's blocking pool. A dropped future's work either stops before its commit, or completes
//! it; the next call waits for it by the lock.

pub mod config;
mod connect;
mod error;
mod list;
mod place;
mod probe;
mod replace;
mod sink;
// They write all formats.
#[cfg(test)]
#[cfg(feature = "parquet")]
mod tests;

pub use config::{Config, Provisioning, Settings};
pub use sink::{Folder, open};

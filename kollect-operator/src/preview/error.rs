//! Why nothing can be previewed at all. What is wrong with one sink or inventory is in the report.

use crate::{collect, verify};

/// Nothing can be previewed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Objects or manifests cannot be read.
    #[error(transparent)]
    Collect(#[from] collect::Error),
    /// The cluster cannot be read, or a name that was asked for does not exist.
    #[error(transparent)]
    Objects(#[from] verify::Error),
    /// There is nothing to preview.
    #[error("nothing to preview: {0}")]
    Nothing(&'static str),
}

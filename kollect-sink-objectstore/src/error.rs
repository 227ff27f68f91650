//! The error of this crate. It does not classify causes: each backend does that for its own.

use std::error::Error as StdError;
use std::io;

use kollect_sink_core::SourceError;

/// Result of this crate's own functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong with a document or its configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration value cannot work; `field` is its name as users write it.
    #[error("{field}: {problem}")]
    Config {
        /// The field's name.
        field: &'static str,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// Reading or writing failed.
    #[error("cannot {doing}")]
    Io {
        /// What was being done, such as `write out.json`.
        doing: String,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// A document could not be encoded or decoded.
    #[error("cannot {doing}")]
    Codec {
        /// What was being done.
        doing: String,
        /// The codec's answer.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// What is stored is not what was written.
    #[error("{path}: {problem}")]
    Garbled {
        /// Where, relative to the destination.
        path: String,
        /// What is wrong, and what to do.
        problem: String,
        /// The parser's answer, where there is one.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// The rows could not be read from their source.
    #[error("cannot read the rows to write")]
    Source(#[source] SourceError),
    /// The rows are not those that their header announces.
    #[error("the source delivered {delivered}, its header announces {announced}")]
    Incomplete {
        /// What came.
        delivered: String,
        /// What was to come.
        announced: String,
    },
    /// The writing side ended before the rows did.
    #[error("the export was given up before its last row")]
    Abandoned,
}

impl Error {
    pub(crate) fn config(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Config { field, problem: problem.into() }
    }

    /// Turns an I/O error into ours; for `map_err`.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    pub(crate) fn codec<E>(doing: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let doing = doing.into();
        move |source| Self::Codec { doing, source: source.into() }
    }

    pub(crate) fn garbled(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Garbled { path: path.into(), problem: problem.into(), source: None }
    }
}

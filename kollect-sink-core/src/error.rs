//! Errors of destinations and their class. It does not decide when to try again.

use std::error::Error as StdError;
use std::fmt;

use crate::source::SourceError;

/// Result of a destination's method.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in terms that every destination shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No connection: refused, reset, no route, name not found.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The destination asks for fewer requests.
    Throttled,
    /// The destination answers, but cannot work now: starting, failing over, out of resources.
    Unavailable,
    /// A concurrent write came in between; the same step may succeed when repeated.
    Conflict,
    /// No space left.
    Full,
    /// The address is one that the policy refuses.
    AddressRefused,
    /// TLS could not be agreed upon, or the certificate is not trusted.
    Tls,
    /// The credentials are wrong.
    Authentication,
    /// The credentials are right, and not sufficient.
    Permission,
    /// The configuration cannot work.
    InvalidConfig,
    /// The database, schema, bucket or folder does not exist and may not be made.
    NotFound,
    /// The destination exists, and does not fit: columns, keys, settings.
    Mismatch,
    /// One document is larger than the destination can hold.
    TooLarge,
    /// What stands in the destination is not what we wrote: garbled checkpoint or manifest.
    Corrupt,
    /// The base of a delta is not what the destination holds.
    StaleBase,
    /// A higher epoch of the same writer exists.
    Fenced,
    /// Another writer owns the scope.
    ForeignWriter,
    /// The rows could not be read from the source.
    Source,
    /// The destination broke its protocol, or we did.
    Protocol,
}

impl ErrorKind {
    /// Every kind, for tables and metrics.
    pub const ALL: [Self; 20] = [
        Self::Unreachable,
        Self::Timeout,
        Self::Throttled,
        Self::Unavailable,
        Self::Conflict,
        Self::Full,
        Self::AddressRefused,
        Self::Tls,
        Self::Authentication,
        Self::Permission,
        Self::InvalidConfig,
        Self::NotFound,
        Self::Mismatch,
        Self::TooLarge,
        Self::Corrupt,
        Self::StaleBase,
        Self::Fenced,
        Self::ForeignWriter,
        Self::Source,
        Self::Protocol,
    ];

    /// Who has to act. Total: each kind has exactly one class.
    pub fn class(self) -> ErrorClass {
        match self {
            Self::Unreachable
            | Self::Timeout
            | Self::Throttled
            | Self::Unavailable
            | Self::Conflict
            | Self::Full
            | Self::Tls
            | Self::StaleBase
            | Self::Source
            | Self::Protocol => ErrorClass::Transient,
            Self::InvalidConfig
            | Self::NotFound
            | Self::Mismatch
            | Self::TooLarge
            | Self::Corrupt
            | Self::Fenced
            | Self::ForeignWriter => ErrorClass::Terminal,
            Self::AddressRefused | Self::Authentication | Self::Permission => ErrorClass::Forbidden,
        }
    }

    /// The kind as a metric label and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Conflict => "conflict",
            Self::Full => "full",
            Self::AddressRefused => "address_refused",
            Self::Tls => "tls",
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::InvalidConfig => "invalid_config",
            Self::NotFound => "not_found",
            Self::Mismatch => "mismatch",
            Self::TooLarge => "too_large",
            Self::Corrupt => "corrupt",
            Self::StaleBase => "stale_base",
            Self::Fenced => "fenced",
            Self::ForeignWriter => "foreign_writer",
            Self::Source => "source",
            Self::Protocol => "protocol",
        }
    }
}

/// Who has to act on an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Nobody: it is tried again with back-off and jitter.
    Transient,
    /// The user: it waits for a changed specification, Secret or destination.
    Terminal,
    /// Whoever grants rights; waits as a terminal one.
    Forbidden,
}

impl ErrorClass {
    /// The class as a metric label and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Terminal => "terminal",
            Self::Forbidden => "forbidden",
        }
    }
}

/// A destination's error: its kind, what was being done, and the cause.
///
/// `message` tells people what happened and what to do. It holds no secret and no value of an attribute.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error without a cause of its own.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// An error with its cause.
    pub fn caused_by(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(source.into()) }
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Who has to act.
    pub fn class(&self) -> ErrorClass {
        self.kind.class()
    }

    /// The message and its causes on one line, for statuses and logs.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut next = self.source();
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<SourceError> for Error {
    /// An error of a destination that travelled through a stream comes out as it was; any other is `Source`.
    fn from(error: SourceError) -> Self {
        match error.0.downcast::<Self>() {
            Ok(inner) => *inner,
            Err(cause) => Self { source: Some(cause), ..Self::new(ErrorKind::Source, SOURCE_MESSAGE) },
        }
    }
}

const SOURCE_MESSAGE: &str = "cannot read rows from the source";

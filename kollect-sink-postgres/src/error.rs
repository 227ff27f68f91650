//! Maps what the server, the driver and the network say to the kinds that all destinations share. It decides
//! no retry, and lets neither query text nor values of rows through.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use kollect_sink_core::{Error, ErrorKind};

/// What a statement ended with.
pub(crate) enum Failure {
    /// The driver's own error. It may quote rows, so it never leaves this module.
    Driver(sqlx::Error),
    /// No answer within this time.
    Deadline(Duration),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

/// The part of a failure that may be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error("{message} (SQLSTATE {code})")]
    Server { code: String, message: String },
    /// The server's words are withheld, since they may quote a value or the statement.
    #[error("SQLSTATE {0}")]
    Code(String),
    #[error("{0}")]
    Tls(String),
    #[error("{0}")]
    Driver(&'static str),
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    #[error(transparent)]
    Io(io::Error),
}

impl Failure {
    /// The error of a call that was `doing` something.
    pub(crate) fn during(self, doing: &str) -> Error {
        let kind = self.kind();
        let advice = match self.code().as_deref() {
            Some("25006") => "; the server is read-only, perhaps a standby",
            Some("42501") => "; grant the right, or use another role",
            Some("53300") => "; lower max_connections or raise the server's limit",
            Some("3D000") => "; create the database first",
            _ => "",
        };
        Error::caused_by(kind, format!("cannot {doing}{advice}"), self.cause())
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Deadline(_) => ErrorKind::Timeout,
            Self::Driver(sqlx::Error::Io(error)) => io_kind(error),
            Self::Driver(sqlx::Error::Tls(_)) => ErrorKind::Tls,
            Self::Driver(sqlx::Error::Configuration(_)) => ErrorKind::InvalidConfig,
            Self::Driver(sqlx::Error::Database(_)) => {
                self.code().map_or(ErrorKind::Protocol, |code| sqlstate_kind(&code))
            }
            Self::Driver(_) => ErrorKind::Protocol,
        }
    }

    /// Why the server refuses the row itself, where that is what happened: such a row is counted and skipped.
    pub(crate) fn refusal(&self) -> Option<String> {
        refusal(&self.code()?)
    }

    fn code(&self) -> Option<String> {
        match self {
            Self::Driver(sqlx::Error::Database(error)) => error.code().map(|code| code.into_owned()),
            _ => None,
        }
    }

    fn cause(self) -> Cause {
        let code = self.code();
        match (self, code) {
            (Self::Driver(sqlx::Error::Database(error)), Some(code)) if speaks_freely(&code) => {
                Cause::Server { code, message: error.message().to_owned() }
            }
            (Self::Driver(sqlx::Error::Database(_)), Some(code)) => Cause::Code(code),
            (Self::Driver(sqlx::Error::Database(_)), None) => Cause::Driver("the server gave no error code"),
            (Self::Driver(sqlx::Error::Io(error)), _) if io_kind(&error) == ErrorKind::Tls => {
                Cause::Tls(error.to_string())
            }
            (Self::Driver(sqlx::Error::Io(error)), _) => Cause::Io(error),
            (Self::Driver(sqlx::Error::Tls(error)), _) => Cause::Tls(innermost(error.as_ref())),
            (Self::Driver(sqlx::Error::Configuration(_)), _) => {
                Cause::Driver("the driver refuses the connection's settings")
            }
            (Self::Driver(_), _) => Cause::Driver("the server's answer was not as expected"),
            (Self::Deadline(limit), _) => Cause::Deadline(limit),
        }
    }
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// The kind of an error of the network, of a connection or while making one.
pub(crate) fn io_kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        // The TLS layer reports its findings so.
        io::ErrorKind::InvalidData => ErrorKind::Tls,
        io::ErrorKind::TimedOut => ErrorKind::Timeout,
        _ => ErrorKind::Unreachable,
    }
}

/// The kind of a SQLSTATE (PostgreSQL, appendix A): whole classes, with single codes that stand apart.
fn sqlstate_kind(code: &str) -> ErrorKind {
    match code {
        "08P01" => return ErrorKind::Protocol,
        "08004" | "25006" => return ErrorKind::Unavailable,
        "23505" | "55P03" | "55006" => return ErrorKind::Conflict,
        "25P03" | "57014" => return ErrorKind::Timeout,
        "25P02" => return ErrorKind::Protocol,
        "42501" => return ErrorKind::Permission,
        "42P01" | "57P04" => return ErrorKind::NotFound,
        "53100" => return ErrorKind::Full,
        "53300" => return ErrorKind::Throttled,
        _ => {}
    }
    match code.get(..2).unwrap_or_default() {
        "08" => ErrorKind::Unreachable,
        "28" => ErrorKind::Authentication,
        "3D" | "3F" => ErrorKind::NotFound,
        "40" => ErrorKind::Conflict,
        "53" | "55" | "57" | "58" | "F0" => ErrorKind::Unavailable,
        "54" => ErrorKind::TooLarge,
        "0A" | "22" | "23" | "42" | "44" | "P0" => ErrorKind::Mismatch,
        _ => ErrorKind::Protocol,
    }
}

/// Codes whose message names objects and roles, never values.
fn speaks_freely(code: &str) -> bool {
    matches!(code, "42501" | "42P01" | "42703" | "42P10")
        || matches!(
            code.get(..2).unwrap_or_default(),
            "08" | "25" | "28" | "3D" | "3F" | "40" | "53" | "55" | "57" | "58"
        )
}

fn refusal(code: &str) -> Option<String> {
    let reason = match (code, code.get(..2).unwrap_or_default()) {
        ("22P05" | "22021", _) => "it contains a character that the database cannot hold",
        ("22003", _) => "it contains a number that the database cannot hold",
        ("54001", _) => "it is nested too deeply",
        (_, "54") => "it is larger than the database can hold",
        (_, "22") => "it contains a value that the database refuses",
        (_, "23" | "44") => "a constraint of the table refuses it",
        (_, "P0") => "a trigger of the table refuses it",
        _ => return None,
    };
    Some(format!("{reason} (SQLSTATE {code})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_kind_that_tells_who_must_act() {
        let table = [
            ("08000", ErrorKind::Unreachable),
            ("08006", ErrorKind::Unreachable),
            ("08004", ErrorKind::Unavailable),
            ("08P01", ErrorKind::Protocol),
            ("0A000", ErrorKind::Mismatch),
            ("22P05", ErrorKind::Mismatch),
            ("22021", ErrorKind::Mismatch),
            ("23502", ErrorKind::Mismatch),
            ("23505", ErrorKind::Conflict),
            ("25006", ErrorKind::Unavailable),
            ("25P02", ErrorKind::Protocol),
            ("25P03", ErrorKind::Timeout),
            ("28000", ErrorKind::Authentication),
            ("28P01", ErrorKind::Authentication),
            ("3D000", ErrorKind::NotFound),
            ("3F000", ErrorKind::NotFound),
            ("40001", ErrorKind::Conflict),
            ("40P01", ErrorKind::Conflict),
            ("42501", ErrorKind::Permission),
            ("42601", ErrorKind::Mismatch),
            ("42703", ErrorKind::Mismatch),
            ("42804", ErrorKind::Mismatch),
            ("42P01", ErrorKind::NotFound),
            ("42P10", ErrorKind::Mismatch),
            ("53000", ErrorKind::Unavailable),
            ("53100", ErrorKind::Full),
            ("53200", ErrorKind::Unavailable),
            ("53300", ErrorKind::Throttled),
            ("54000", ErrorKind::TooLarge),
            ("54001", ErrorKind::TooLarge),
            ("55000", ErrorKind::Unavailable),
            ("55006", ErrorKind::Conflict),
            ("55P03", ErrorKind::Conflict),
            ("57014", ErrorKind::Timeout),
            ("57P01", ErrorKind::Unavailable),
            ("57P02", ErrorKind::Unavailable),
            ("57P03", ErrorKind::Unavailable),
            ("57P04", ErrorKind::NotFound),
            ("58030", ErrorKind::Unavailable),
            ("P0001", ErrorKind::Mismatch),
            ("XX000", ErrorKind::Protocol),
            ("", ErrorKind::Protocol),
        ];
        for (code, kind) in table {
            assert_eq!(sqlstate_kind(code), kind, "{code}");
        }
    }

    #[test]
    fn network_and_tls_errors_are_told_apart() {
        let table = [
            (io::ErrorKind::ConnectionRefused, ErrorKind::Unreachable),
            (io::ErrorKind::ConnectionReset, ErrorKind::Unreachable),
            (io::ErrorKind::UnexpectedEof, ErrorKind::Unreachable),
            (io::ErrorKind::BrokenPipe, ErrorKind::Unreachable),
            (io::ErrorKind::HostUnreachable, ErrorKind::Unreachable),
            (io::ErrorKind::TimedOut, ErrorKind::Timeout),
            (io::ErrorKind::InvalidData, ErrorKind::Tls),
        ];
        for (io, kind) in table {
            assert_eq!(Failure::Driver(sqlx::Error::Io(io.into())).kind(), kind, "{io:?}");
        }
        assert_eq!(Failure::Driver(sqlx::Error::Tls("x".into())).kind(), ErrorKind::Tls);
        assert_eq!(Failure::Driver(sqlx::Error::Protocol("x".into())).kind(), ErrorKind::Protocol);
        assert_eq!(Failure::Deadline(Duration::from_secs(1)).kind(), ErrorKind::Timeout);
    }

    #[test]
    fn only_what_the_row_itself_causes_rejects_it() {
        for code in ["22P05", "22021", "22003", "22P02", "54000", "54001", "23502", "23514", "44000", "P0001"]
        {
            assert!(refusal(code).is_some(), "{code}");
        }
        for code in ["40001", "40P01", "42501", "42P01", "53100", "53200", "55P03", "57014", "57P01", "25006"]
        {
            assert!(refusal(code).is_none(), "{code}");
        }
    }

    #[test]
    fn a_driver_error_that_quotes_the_statement_does_not_reach_the_message() {
        let failure = Failure::Driver(sqlx::Error::Protocol("canary".into()));
        let error = failure.during("write rows");
        assert!(!format!("{error:?} {}", error.chain()).contains("canary"));
        assert_eq!(error.chain(), "cannot write rows: the server's answer was not as expected");
    }
}

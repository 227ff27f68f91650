//! The operating system's errors as kinds that all destinations share. It does not retry.

use std::error::Error as StdError;
use std::io;

use kollect_sink_core::{Error as SinkError, ErrorKind};

use crate::error::Error;

/// What an I/O error means for an export.
pub(super) fn kind(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::StorageFull | Io::QuotaExceeded => ErrorKind::Full,
        Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::Permission,
        Io::NotFound => ErrorKind::NotFound,
        Io::NotADirectory | Io::IsADirectory | Io::CrossesDevices | Io::Unsupported => ErrorKind::Mismatch,
        Io::InvalidFilename => ErrorKind::InvalidConfig,
        Io::FileTooLarge => ErrorKind::TooLarge,
        Io::TimedOut => ErrorKind::Timeout,
        Io::WouldBlock | Io::ResourceBusy | Io::Deadlock => ErrorKind::Conflict,
        Io::InvalidData | Io::UnexpectedEof => ErrorKind::Corrupt,
        Io::HostUnreachable | Io::NetworkUnreachable | Io::NotConnected => ErrorKind::Unreachable,
        // Those without a name of their own, such as EIO, EMFILE or ELOOP, and what may pass by itself.
        _ => match error.raw_os_error() {
            Some(ELOOP) => ErrorKind::Permission,
            _ => ErrorKind::Unavailable,
        },
    }
}

/// "Too many levels of symbolic links", which is also the answer to a link that may not be followed.
const ELOOP: i32 = 40;

/// What to do, for kinds where that is not obvious.
fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Full => "; free space or raise the quota of the volume",
        ErrorKind::Permission => "; the folder must be writable, and no symbolic link may lead out of it",
        ErrorKind::Mismatch => "; something else stands where a folder or file of the export belongs",
        _ => "",
    }
}

impl From<Error> for SinkError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Config { .. } => Self::new(ErrorKind::InvalidConfig, message),
            Error::Io { source, .. } => {
                let kind = kind(&source);
                Self::caused_by(kind, message + advice(kind), source)
            }
            Error::Codec { source, .. } => {
                // Encoders wrap the errors of what they write to; what remains is about contents.
                let kind = io_cause(&*source).map_or(ErrorKind::Corrupt, kind);
                Self::caused_by(kind, message + advice(kind), source)
            }
            Error::Garbled { source: Some(source), .. } => {
                Self::caused_by(ErrorKind::Corrupt, message, source)
            }
            Error::Garbled { source: None, .. } => Self::new(ErrorKind::Corrupt, message),
            Error::Source(source) => Self::caused_by(ErrorKind::Source, message, source),
            Error::Incomplete { .. } | Error::Abandoned => Self::new(ErrorKind::Source, message),
        }
    }
}

fn io_cause<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io;

    use kollect_sink_core::{Error as SinkError, ErrorKind};

    use super::kind;
    use crate::error::Error;

    #[test]
    fn errors_of_the_operating_system_have_a_kind() {
        // Numbers as of Linux, each with its name.
        let table = [
            (1, "EPERM", ErrorKind::Permission),
            (2, "ENOENT", ErrorKind::NotFound),
            (5, "EIO", ErrorKind::Unavailable),
            (11, "EAGAIN", ErrorKind::Conflict),
            (12, "ENOMEM", ErrorKind::Unavailable),
            (13, "EACCES", ErrorKind::Permission),
            (16, "EBUSY", ErrorKind::Conflict),
            (18, "EXDEV", ErrorKind::Mismatch),
            (20, "ENOTDIR", ErrorKind::Mismatch),
            (21, "EISDIR", ErrorKind::Mismatch),
            (23, "ENFILE", ErrorKind::Unavailable),
            (24, "EMFILE", ErrorKind::Unavailable),
            (27, "EFBIG", ErrorKind::TooLarge),
            (28, "ENOSPC", ErrorKind::Full),
            (30, "EROFS", ErrorKind::Permission),
            (35, "EDEADLK", ErrorKind::Conflict),
            (36, "ENAMETOOLONG", ErrorKind::InvalidConfig),
            (40, "ELOOP", ErrorKind::Permission),
            (95, "EOPNOTSUPP", ErrorKind::Mismatch),
            (110, "ETIMEDOUT", ErrorKind::Timeout),
            (113, "EHOSTUNREACH", ErrorKind::Unreachable),
            (116, "ESTALE", ErrorKind::Unavailable),
            (122, "EDQUOT", ErrorKind::Full),
        ];
        for (number, name, expected) in table {
            assert_eq!(kind(&io::Error::from_raw_os_error(number)), expected, "{name}");
        }
    }

    #[test]
    fn a_cause_is_found_below_an_encoder() {
        let wrapped = io::Error::other(io::Error::from(io::ErrorKind::StorageFull));
        let error = SinkError::from(Error::codec("write the document")(wrapped));
        assert_eq!(error.kind(), ErrorKind::Unavailable, "the outer error decides where it is one of I/O");

        #[derive(Debug, thiserror::Error)]
        #[error("encoder")]
        struct Encoder(#[source] io::Error);
        let full = Encoder(io::Error::from(io::ErrorKind::StorageFull));
        let error = SinkError::from(Error::codec("write the document")(full));
        assert_eq!(error.kind(), ErrorKind::Full);
        assert!(error.chain().starts_with("cannot write the document; free space"), "{}", error.chain());
    }

    #[test]
    fn contents_are_told_from_the_system() {
        let parse = serde_json::from_str::<u8>("x").unwrap_err();
        assert_eq!(SinkError::from(Error::codec("read the document")(parse)).kind(), ErrorKind::Corrupt);
        assert_eq!(SinkError::from(Error::garbled("a", "b")).kind(), ErrorKind::Corrupt);
        assert_eq!(SinkError::from(Error::config("a", "b")).kind(), ErrorKind::InvalidConfig);
        assert_eq!(SinkError::from(Error::Abandoned).kind(), ErrorKind::Source);
    }
}

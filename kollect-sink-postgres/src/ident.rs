//! Names of SQL objects, proved before they reach a statement. It does not look them up.

use std::fmt;

/// What PostgreSQL keeps of a name; longer ones would be cut in silence.
const LONGEST: usize = 63;

/// The name of a schema, a table or a column. `Display` is the quoted form, fit for a statement; the name is
/// taken as it is written, without folding to lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SqlIdent(Box<str>);

/// Why a text cannot be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IdentError {
    /// Nothing.
    #[error("a name must not be empty")]
    Empty,
    /// More than 63 bytes.
    #[error("a name has at most {LONGEST} bytes")]
    TooLong,
    /// A control character.
    #[error("a name must not contain control characters")]
    Control,
}

impl SqlIdent {
    /// Proves a name.
    ///
    /// # Errors
    /// Where the text is empty, longer than 63 bytes or contains a control character.
    pub(crate) fn parse(text: &str) -> Result<Self, IdentError> {
        if text.is_empty() {
            return Err(IdentError::Empty);
        }
        if text.len() > LONGEST {
            return Err(IdentError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(IdentError::Control);
        }
        Ok(Self(text.into()))
    }

    /// The name without quotes.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// This name with `suffix`, cut so that it stays a name.
    pub(crate) fn with_suffix(&self, suffix: &str) -> Self {
        let mut end = self.0.len().min(LONGEST.saturating_sub(suffix.len()));
        while !self.0.is_char_boundary(end) {
            end -= 1;
        }
        let stem = self.0.get(..end).unwrap_or_default();
        Self(format!("{stem}{suffix}").into())
    }
}

impl fmt::Display for SqlIdent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl fmt::Debug for SqlIdent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `text` as a literal. Only for SQL that is shown to people: statements take parameters.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_name_cannot_end_it() {
        let name = SqlIdent::parse(r#"a"; drop table b; --"#).unwrap();
        assert_eq!(name.to_string(), r#""a""; drop table b; --""#);
    }

    #[test]
    fn names_that_the_server_would_change_are_refused() {
        assert_eq!(SqlIdent::parse(""), Err(IdentError::Empty));
        assert_eq!(SqlIdent::parse(&"x".repeat(64)), Err(IdentError::TooLong));
        assert_eq!(SqlIdent::parse("a\0b"), Err(IdentError::Control));
        assert!(SqlIdent::parse(&"x".repeat(63)).is_ok());
    }

    #[test]
    fn a_suffixed_name_stays_a_name() {
        let name = SqlIdent::parse(&"ä".repeat(31)).unwrap();
        let index = name.with_suffix("_object_idx");
        assert!(SqlIdent::parse(index.as_str()).is_ok());
        assert!(index.as_str().ends_with("_object_idx"));
    }
}

//! Digests of rows and of whole scopes. They detect difference; they are not signatures.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::row::Identity;

/// 128 bits of BLAKE3 over a row's identity and attributes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// The digest of arbitrary bytes, for shapes and other fingerprints.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = RowHasher::new();
        for part in parts {
            hasher.field(part);
        }
        hasher.finish()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 32 hexadecimal digits")]
pub struct DigestError;

impl std::str::FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(DigestError);
        }
        u128::from_str_radix(text, 16).map(|value| Self(value.to_be_bytes())).map_err(|_| DigestError)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The sum of the digests of a scope's rows, modulo 2^128: the order of the rows does not matter, and one
/// changed row costs one subtraction and one addition.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ScopeDigest(u128);

impl ScopeDigest {
    /// Counts a row in.
    pub fn add(&mut self, row: Digest) {
        self.0 = self.0.wrapping_add(u128::from_be_bytes(row.0));
    }

    /// Counts a row out.
    pub fn remove(&mut self, row: Digest) {
        self.0 = self.0.wrapping_sub(u128::from_be_bytes(row.0));
    }

    /// The sum as bytes, for storage.
    pub fn as_digest(self) -> Digest {
        Digest(self.0.to_be_bytes())
    }

    /// Back from [`ScopeDigest::as_digest`].
    pub fn from_digest(digest: Digest) -> Self {
        Self(u128::from_be_bytes(digest.0))
    }
}

impl fmt::Display for ScopeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ScopeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ScopeDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_digest().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ScopeDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Digest::deserialize(deserializer).map(Self::from_digest)
    }
}

/// Hashes length-prefixed fields, so that no two sequences of fields meet in one digest by concatenation.
pub(crate) struct RowHasher(blake3::Hasher);

impl RowHasher {
    pub(crate) fn new() -> Self {
        Self(blake3::Hasher::new())
    }

    pub(crate) fn digest(identity: &Identity, attributes: &str) -> Digest {
        let mut hasher = Self::new();
        let target = identity.target();
        let fields: [&str; 9] = [
            &target.namespace,
            &target.name,
            identity.namespace(),
            identity.name(),
            identity.group(),
            identity.version(),
            identity.kind(),
            identity.uid(),
            attributes,
        ];
        for field in fields {
            hasher.field(field.as_bytes());
        }
        hasher.finish()
    }

    fn field(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> Digest {
        let mut half = [0; 16];
        self.0.finalize_xof().fill(&mut half);
        Digest(half)
    }
}

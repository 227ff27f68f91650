//! SHA-256 of what passes through. It does not decide what is hashed.

use std::fmt;
use std::io::{self, Write};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest;

/// A SHA-256, shown and stored as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// The SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// Hashes bytes.
pub(crate) struct Hasher(sha2::Sha256);

impl Hasher {
    pub(crate) fn new() -> Self {
        Self(sha2::Sha256::new())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

/// Hashes items as the JSON array that they form, without white space.
pub(super) struct ItemsHasher {
    hasher: Hasher,
    separator: &'static [u8],
}

impl ItemsHasher {
    pub(super) fn new() -> Self {
        Self { hasher: Hasher::new(), separator: b"[" }
    }

    pub(super) fn push(&mut self, item: &[u8]) {
        self.hasher.update(self.separator);
        self.hasher.update(item);
        self.separator = b",";
    }

    pub(super) fn finish(mut self) -> Sha256 {
        self.hasher.update(if self.separator == b"[" { b"[]" } else { b"]" });
        self.hasher.finish()
    }
}

/// Passes bytes on, counts and hashes them.
pub(crate) struct Tally<W> {
    inner: W,
    bytes: u64,
    hasher: Hasher,
}

impl<W: Write> Tally<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, bytes: 0, hasher: Hasher::new() }
    }

    pub(crate) fn finish(self) -> (u64, Sha256) {
        (self.bytes, self.hasher.finish())
    }
}

impl<W: Write> Write for Tally<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.bytes += taken as u64;
        self.hasher.update(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

//! COPY's binary format (PostgreSQL, "COPY", File Formats). It sends nothing.

use jiff::Timestamp;

/// Microseconds from 1970 to 2000, where the server's time begins.
const EPOCH: i64 = 946_684_800_000_000;

/// A piece of COPY data that grows tuple by tuple.
#[derive(Debug)]
pub(crate) struct Tuples(Vec<u8>);

impl Tuples {
    /// The start of a COPY: signature, no flags, no extension.
    pub(crate) fn begin() -> Self {
        let mut data = b"PGCOPY\n\xff\r\n\0".to_vec();
        data.extend_from_slice(&[0; 8]);
        Self(data)
    }

    /// Begins a tuple of so many fields.
    pub(crate) fn tuple(&mut self, fields: i16) {
        self.0.extend_from_slice(&fields.to_be_bytes());
    }

    /// Adds a field of type `text` or `bytea`.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Adds a field of type `jsonb`.
    pub(crate) fn jsonb(&mut self, json: &[u8]) {
        self.length(json.len() + 1);
        self.0.push(1);
        self.0.extend_from_slice(json);
    }

    /// Adds a field of type `timestamptz`.
    pub(crate) fn time(&mut self, time: Timestamp) {
        self.length(8);
        self.0.extend_from_slice(&(time.as_microsecond() - EPOCH).to_be_bytes());
    }

    /// Ends the COPY.
    pub(crate) fn end(&mut self) {
        self.0.extend_from_slice(&(-1_i16).to_be_bytes());
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Forgets what was sent.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Rows are refused long before a field reaches the format's limit of 2 GiB; an absurd length would only
    /// make the server refuse the data.
    fn length(&mut self, length: usize) {
        self.0.extend_from_slice(&i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_documented_one() {
        let mut tuples = Tuples::begin();
        tuples.tuple(3);
        tuples.bytes(b"ab");
        tuples.jsonb(b"{}");
        tuples.time(Timestamp::from_second(946_684_801).unwrap());
        tuples.end();
        let mut expected = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x03".to_vec();
        expected.extend_from_slice(b"\0\0\0\x02ab\0\0\0\x03\x01{}\0\0\0\x08");
        expected.extend_from_slice(&1_000_000_i64.to_be_bytes());
        expected.extend_from_slice(&[0xff, 0xff]);
        assert_eq!(tuples.as_bytes(), expected);
    }
}

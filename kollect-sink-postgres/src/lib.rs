//! kollect-sink-postgres.

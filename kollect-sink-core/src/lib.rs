//! kollect-sink-core.

//! kollect-sink-objectstore.

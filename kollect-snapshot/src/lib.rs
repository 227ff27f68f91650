//! kollect-snapshot.

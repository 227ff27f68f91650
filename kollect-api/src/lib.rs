//! kollect-api.

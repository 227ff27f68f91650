//! The crate against a real server, which `cargo xtask test` starts and names in the environment. Nothing
//! here stands in for it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that its stories share"
)]

mod servers {
    mod conformance;
    mod connection;
    mod existing;
    mod fixture;
    mod outside;
    mod proxy;
    mod reader;
    mod rejected;
    mod scopes;
}

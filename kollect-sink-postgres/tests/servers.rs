//! The crate against a real server, which `cargo xtask test` starts and names in the environment. Nothing
//! here stands in for it.

mod servers {
    mod conformance;
    mod connection;
    mod existing;
    mod fixture;
    mod outside;
    mod proxy;
    mod rejected;
    mod scopes;
}

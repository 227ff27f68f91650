//! What the developer commands share: real servers for tests, the checks of `tidy`, hands of the
//! end-to-end tests, and clusters full of objects.
//!
//! Nothing here is part of the product, and no crate of the product may depend on it.

pub mod bench;
pub mod cache;
pub mod chaos;
pub mod e2e;
pub mod fixture;
pub mod http;
pub mod interrupt;
pub mod pki;
pub mod ports;
pub mod process;
pub mod servers;
pub mod tidy;
pub mod wait;
pub mod workspace;

//! The operator and the command line of Kollect: what the binary `kollect` is made of. Backends, extraction and
//! the types of the API live in their own crates.

pub mod cli;
pub mod client;
pub mod collect;
pub mod connection_test;
pub mod convert;
pub mod engine;
pub mod error;
pub mod export;
pub mod http;
pub mod index;
pub mod metrics;
pub mod own_addresses;
pub mod preview;
pub mod readiness;
pub mod reconcile;
pub mod sinks;
pub mod status;
pub mod telemetry;
pub mod validate;
pub mod verify;
pub mod watch;
pub mod webhook;

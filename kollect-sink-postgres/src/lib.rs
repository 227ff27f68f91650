//! A table in PostgreSQL as a destination of inventories. It retries nothing and schedules nothing: that is the
//! driver's part, in the core.
//!
#![doc = include_str!("../README.md")]

mod apply;
mod batch;
mod binary;
mod canonical;
mod checkpoint;
mod claim;
mod columns;
mod config;
mod connect;
mod ddl;
mod dsn;
mod error;
mod existing;
mod export;
mod held;
mod ident;
mod layout;
mod list;
mod pool;
mod preview;
mod probe;
mod provision;
mod reconcile;
mod relay;
mod session;
mod sink;
mod statements;
mod timeout;
mod writer;

pub use config::{Config, Provisioning, Settings, Tls};
pub use preview::preview;
pub use sink::Postgres;

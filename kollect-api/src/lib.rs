//! The custom resources of Kollect: eleven kinds of group `kollect.dev`, version `v1alpha1`, with their defaults,
//! schemas and the rules that one object decides alone.
//!
//! This crate talks to no API server and no sink: it describes what is stored, and says what is wrong with it.
//!
//! ```
//! use kollect_api::{KollectInventory, decode};
//!
//! let inventory: KollectInventory = decode(&serde_json::json!({
//!     "apiVersion": "kollect.dev/v1alpha1",
//!     "kind": "KollectInventory",
//!     "metadata": {"name": "apps", "namespace": "team-a"},
//!     "spec": {"databaseSinkRefs": ["warehouse", {"name": "archive", "cadence": "Interval"}]},
//! }))?;
//! assert_eq!(inventory.spec.database_sink_refs[1].name, "archive");
//! assert_eq!(inventory.spec.export_min_interval.to_string(), "30s");
//! # Ok::<(), kollect_api::Violation>(())
//! ```

#![expect(clippy::duplicated_attributes, reason = "each printer column of a kind has keys of the same names")]

pub mod cluster;
pub mod condition;
pub mod connection_test;
pub mod crd;
pub mod decode;
pub mod duration;
pub mod inventory;
pub mod labels;
pub mod layout;
pub mod profile;
pub mod reference;
mod schema;
pub mod scope;
pub mod sink;
mod structure;
pub mod target;
#[cfg(test)]
mod tests;
pub mod validate;

pub use cluster::{KollectClusterInventory, KollectClusterScope, KollectClusterTarget};
pub use connection_test::KollectConnectionTest;
pub use crd::{KINDS, KindNames, crds};
pub use decode::decode;
pub use duration::Duration;
pub use inventory::KollectInventory;
pub use profile::KollectProfile;
pub use scope::KollectScope;
pub use sink::{KollectDatabaseSink, KollectEventSink, KollectSnapshotSink};
pub use target::KollectTarget;
pub use validate::{Validate, Violation};

/// API group of all kinds.
pub const GROUP: &str = "kollect.dev";

/// The one version, served and stored.
pub const VERSION: &str = "v1alpha1";

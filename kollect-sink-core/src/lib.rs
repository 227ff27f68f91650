//! Rows, changes, checkpoints and the traits that every Kollect destination implements. It knows no
//! Kubernetes and no destination.
//!
//! An embedder makes [`Row`]s, opens a sink crate's `Sink`, claims a [`Scope`] and hands over either a full
//! state ([`Complete`]) or changes ([`Delta`]). The [`Driver`] does that by itself for anything that
//! implements [`View`].
#![doc = ""]
#![doc = include_str!("../README.md")]

pub mod address;
pub mod capability;
pub mod change;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod delete_reconcile;
pub mod digest;
pub mod driver;
pub mod error;
pub mod fence;
pub mod header;
pub mod item;
pub mod merge;
pub mod pace;
pub mod partition;
pub mod plan;
pub mod preview;
pub mod probe;
pub mod projection;
pub mod rebatch;
pub mod receipt;
pub mod retry;
pub mod row;
pub mod schema;
pub mod scope;
pub mod secret;
pub mod sink;
pub mod snapshot;
pub mod source;

pub use address::{AddressPolicy, PrivateRanges};
pub use capability::{Atomicity, Capabilities, Fencing};
pub use change::Change;
pub use delete_reconcile::DeleteReconcile;
pub use digest::{Digest, ScopeDigest};
pub use driver::{Driver, Settings, Situation};
pub use error::{Error, ErrorClass, ErrorKind, Result};
pub use header::{Checkpoint, Claim, ClaimMode, Complete, Delta, Rejected, Writer};
pub use merge::{HeldMap, Merge};
pub use pace::Cadence;
pub use partition::{GroupKind, Namespaces, Partition, Pattern, Target, Unknown};
pub use plan::Standing;
pub use preview::{Preview, Sample};
pub use probe::{ProbeDepth, ProbeReport, ProbeStep};
pub use projection::Projection;
pub use rebatch::{Keyed, Limits, rebatch};
pub use receipt::{Receipt, RejectedRow, Rejections};
pub use retry::{Backoff, Jitter};
pub use row::{Identity, IdentityError, KeyRef, Origin, Row, RowKey};
pub use schema::{Column, ColumnType, Schema};
pub use scope::{Scope, Text};
pub use secret::Secret;
pub use sink::{Held, Listing, Role, Sink};
pub use snapshot::Snapshot;
pub use source::{Batches, Head, SourceError, View};

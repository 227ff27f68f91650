//! From observed objects to rows in the store: the one engine behind `run` and `collect`. It talks to no
//! API server and to no sink.

pub mod defaults;
pub mod kind;
pub mod limits;
pub mod namespaces;
pub mod object;
pub mod observe;
pub mod profile;
pub mod selection;
pub mod stats;
pub mod target;

pub use defaults::{ClusterKinds, CollectionDefaults, ScopeRule};
pub use kind::Kind;
pub use limits::Limits;
pub use namespaces::{NamespaceFacts, Namespaces};
pub use object::RawObject;
pub use observe::{Engine, Via};
pub use profile::{CompiledProfile, Gauge};
pub use selection::Selection;
pub use stats::{Failing, FailureCounts, TargetStats};
pub use target::{CompiledTarget, Wanted, is_cluster};

#[cfg(test)]
mod tests;

//! From an object's JSON to a row's attributes: a profile compiles once into a plan, and a plan reads only
//! what it needs. It stores nothing.

mod block;
mod cel;
mod coerce;
mod cut;
mod helm;
mod jsonpath;
mod page;
mod plan;
mod pointer;
mod predicate;
mod resource;
mod rule;
mod scrub;
mod secrets;
pub(crate) mod skip;
mod spec;
pub(crate) mod tree;
pub(crate) mod trie;

pub use plan::Plan;
pub use predicate::Predicate;
pub use spec::{
    AttributeSpec, CompileError, Extraction, Failure, FailureKind, Failures, ObjectContext, PlanSpec,
    PruneSpec, ResourceSpec, Sections, Subject,
};

#[cfg(test)]
mod tests;

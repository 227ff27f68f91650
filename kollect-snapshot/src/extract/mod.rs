//! From an object's JSON to a row's attributes: a profile compiles once into a plan, and a plan reads only
//! what it needs. It stores nothing.

mod cel;
mod coerce;
mod jsonpath;
mod plan;
mod predicate;
mod scan;
mod scrub;
mod secrets;
mod source;
mod spec;

pub use plan::Plan;
pub use predicate::Predicate;
pub use spec::{AttributeSpec, CompileError, Extraction, Failure, Failures, ObjectContext, PlanSpec};

#[cfg(test)]
mod tests;

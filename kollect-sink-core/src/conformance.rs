//! The conformance suite: what every destination has to prove, a model destination, and means to test with.
//! It starts no server and has no runtime of its own.
//!
//! A backend implements [`Fixture`] and [`Destination`] in its tests and calls [`suite::run`]; the report
//! lists every case, also those that do not apply, with the reason.

mod cases;
pub mod faults;
pub mod fixture;
pub mod history;
pub mod patience;
pub mod reference;
pub mod rows;
pub mod source;
mod subject;
pub mod suite;
mod world;

pub use faults::{Fault, Faulty};
pub use fixture::{Contents, Damage, Destination, Fixture, FixtureError, NotApplicable, Traits};
pub use history::{History, Op};
pub use reference::{Reference, ReferenceFixture, Style};
pub use source::{Source, VecView};
pub use suite::{Report, Verdict};

#[cfg(test)]
mod tests;

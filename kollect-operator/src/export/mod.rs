//! Exports: one connection per sink object, one worker per inventory and sink. They know no driver and
//! collect nothing.

pub mod connection;
pub mod notice;
mod outlook;
pub mod registry;
pub mod report;
pub mod secrets;
pub mod settings;
pub mod worker;

pub use connection::{Connection, SinkState};
pub use notice::{News, Notice};
pub use registry::Registry;
pub use report::{ExportReport, Phase, Reports, SinkReport};
pub use secrets::{SecretData, Secrets};
pub use settings::ExportSettings;

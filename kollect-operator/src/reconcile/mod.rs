//! The controller: from observed Kollect objects to watches, workers and statuses. It extracts nothing and
//! knows no driver.

pub mod controller;
pub mod exports;
pub mod feed;
pub mod finalizer;
pub mod history;
pub mod namespaces;

pub use controller::Controller;

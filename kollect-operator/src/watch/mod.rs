//! Watches: one per kind, shared by the targets that need it. They extract nothing and decide nothing about
//! exports.

mod access;
pub mod backoff;
mod definitions;
pub mod discovery;
pub mod hub;
mod kind_watch;
mod list_watch;
mod open_list;
mod page;
mod part;
mod partitions;
mod reach;
mod side_list;
pub mod state;
mod watching;

pub use hub::Hub;
pub use kind_watch::Settings;
pub use state::{Refusal, WatchState, WatchStates};

#[cfg(test)]
mod tests;

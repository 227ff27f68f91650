//! Watches: one per kind, shared by the targets that need it. They extract nothing and decide nothing about
//! exports.

pub mod backoff;
pub mod discovery;
pub mod hub;
pub mod kind_watch;
mod page;
pub mod side_list;
pub mod state;

pub use hub::Hub;
pub use state::{WatchState, WatchStates};

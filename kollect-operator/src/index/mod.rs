//! The Kollect objects as last observed, and what follows from them: which targets are collected, which
//! inventories are exported where. Pure: it talks to nobody, so tests apply objects and read the result.

pub mod ceilings;
pub mod either;
pub mod export;
pub mod inventory;
pub mod name;
pub mod objects;
pub mod resolve;
pub mod target;

pub use ceilings::Ceilings;
pub use either::{StoredInventory, StoredStatus, StoredTarget};
pub use export::{ExportId, ExportSpec, SinkId};
pub use inventory::{InventoryPhase, ResolvedInventory};
pub use name::ObjectName;
pub use objects::{Index, Objects, Stored};
pub use resolve::{Resolution, Resolver};
pub use target::ResolvedTarget;

#[cfg(test)]
mod tests;

//! Extraction of rows from Kubernetes objects, and the canonical inventory that holds them in memory. It talks
//! to no API server and to no destination.

pub mod canonical;
mod collection;
pub mod contents;
mod derived;
pub mod extract;
mod intern;
pub mod inventory;
mod journal;
pub mod knowledge;
mod ledger;
pub mod listing;
mod membership;
pub mod object;
mod recast;
mod rows;
pub mod shards;
mod state;
pub mod store;
pub mod view;

pub use contents::{Contents, Dedupe, Sharding};
pub use inventory::InventoryId;
pub use knowledge::{Gaps, Why};
pub use listing::{ListId, ListScope, Swept};
pub use shards::{Shard, Shards};
pub use store::{Applied, Counts, Reader, Store};
pub use view::InventoryView;

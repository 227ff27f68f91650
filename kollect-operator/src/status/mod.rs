//! Statuses: what each object's status should say, as pure functions of the facts, and the writer that
//! stores what changed. They cause nothing but statuses and events.

pub mod draft;
pub mod export;
pub mod inventory;
mod preview;
pub mod profile;
pub mod rollup;
pub mod scope;
pub mod sink;
pub mod target;
pub mod write;

use std::time::Duration;

use jiff::Timestamp;

use crate::engine::Engine;
use crate::export::{ExportReport, Reports, SinkReport};
use crate::index::{ExportId, Index, Resolution, SinkId};
use crate::reconcile::history::History;
use crate::watch::WatchStates;

pub use draft::Draft;
pub use write::Writer;

/// All that statuses follow from.
pub struct Facts<'a> {
    /// The objects as last observed.
    pub index: &'a Index,
    /// What follows from them.
    pub resolution: &'a Resolution,
    /// The engine, for counts.
    pub engine: &'a Engine,
    /// The watches.
    pub watches: &'a WatchStates,
    /// What the workers tell.
    pub exports: &'a Reports<ExportId, ExportReport>,
    /// What the connections tell.
    pub sinks: &'a Reports<SinkId, SinkReport>,
    /// What was seen before.
    pub history: &'a History,
    /// How long a cluster inventory may be without any target before that is a fault.
    pub no_targets_after: Duration,
    /// Name of the cluster, for sinks that state none.
    pub cluster_name: &'a str,
    /// The time.
    pub now: Timestamp,
}

impl Facts<'_> {
    /// Drafts of all statuses, whether they changed or not.
    pub fn drafts(&self) -> Vec<Draft> {
        let mut drafts = profile::drafts(self);
        let standings = target::standings(self);
        drafts.extend(target::drafts(self, &standings));
        drafts.extend(inventory::drafts(self, &standings));
        drafts.extend(sink::drafts(self));
        drafts.extend(scope::drafts(self));
        drafts
    }
}

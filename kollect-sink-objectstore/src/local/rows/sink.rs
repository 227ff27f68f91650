//! The folder as a destination with a document per row: hands each call to a thread that may block. It holds no
//! state but its configuration.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use kollect_sink_core::{
    Atomicity, Batches, Capabilities, Change, Checkpoint, Claim, Complete, DeleteReconcile, Delta, Digest,
    Fencing, Held, Listing, ProbeDepth, ProbeReport, Projection, Receipt, Result, Role, Row, Scope, Sink,
};

use super::{list, write};
use crate::local::blocking::{blocking, probe};
use crate::local::claim;
use crate::local::config::{Config, Rows};
use crate::local::list::listing;
use crate::put;

/// A folder that holds a document per row. Its methods need a tokio runtime with time enabled.
#[derive(Debug)]
pub(in crate::local) struct Tree {
    config: Arc<Config>,
    rows: Rows,
    capabilities: Capabilities,
}

impl Tree {
    pub(in crate::local) fn new(config: Arc<Config>, rows: Rows) -> Self {
        let capabilities = Capabilities {
            batch_rows: 1000,
            batch_bytes: 8 * 1024 * 1024,
            gap: Duration::from_secs(1),
            gap_limit: Duration::from_secs(5),
            atomicity: Atomicity::Row,
            fencing: Fencing::Enforced,
            confirm_every: Duration::from_secs(1),
        };
        Self { config, rows, capabilities }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}

impl Sink for Tree {
    fn role(&self) -> Role<'_> {
        Role::Reconciled(self)
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn shape(&self) -> Digest {
        self.config.shape()
    }

    fn checkpoint<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<Option<Checkpoint>>> {
        let scope = scope.clone();
        blocking(&self.config, move |config, _| claim::checkpoint(config, &scope)).boxed()
    }

    fn claim<'a>(&'a self, scope: &'a Scope, claim: Claim) -> BoxFuture<'a, Result<Checkpoint>> {
        let scope = scope.clone();
        blocking(&self.config, move |config, caller| claim::claim(config, &scope, &claim, caller)).boxed()
    }

    fn list<'a>(&'a self, scope: &'a Scope, how: Listing) -> Batches<'a, Held> {
        let (config, scope) = (self.config.clone(), scope.clone());
        listing(move |sender| list::read(&config, &scope, how, sender))
    }

    fn probe(&self, depth: ProbeDepth) -> BoxFuture<'_, ProbeReport> {
        probe(&self.config, depth).boxed()
    }
}

impl Projection for Tree {
    fn apply<'a>(
        &'a self,
        export: &'a Delta,
        changes: Batches<'a, Change>,
    ) -> BoxFuture<'a, Result<Receipt>> {
        let (config, rows, export) = (self.config.clone(), self.rows.clone(), export.clone());
        put::pump(changes, move |mut feed| write::apply(&config, &rows, &export, &mut feed)).boxed()
    }
}

impl DeleteReconcile for Tree {
    fn reconcile<'a>(
        &'a self,
        export: &'a Complete,
        rows: Batches<'a, Row>,
    ) -> BoxFuture<'a, Result<Receipt>> {
        let (config, layout, export) = (self.config.clone(), self.rows.clone(), export.clone());
        put::pump(rows, move |mut feed| write::reconcile(&config, &layout, &export, &mut feed)).boxed()
    }

    fn retire<'a>(&'a self, scope: &'a Scope, held: &'a Checkpoint) -> BoxFuture<'a, Result<()>> {
        let (scope, held) = (scope.clone(), held.clone());
        blocking(&self.config, move |config, caller| claim::remove(config, &scope, &held, caller)).boxed()
    }
}

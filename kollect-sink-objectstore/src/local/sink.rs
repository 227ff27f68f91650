//! The folder as a destination with one document per export: hands each call to a thread that may block. It holds
//! no state but its configuration; what is remembered stands in the folder.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use kollect_sink_core::{
    Atomicity, Batches, Capabilities, Checkpoint, Claim, Complete, Digest, Fencing, Held, Listing,
    ProbeDepth, ProbeReport, Receipt, Result, Role, Row, Scope, Sink, Snapshot,
};

use super::blocking::{blocking, probe};
use super::config::{Config, Documents};
use super::{claim, list, replace};
use crate::put;

/// A folder that holds documents. Its methods need a tokio runtime with time enabled.
#[derive(Debug)]
pub(super) struct Folder {
    config: Arc<Config>,
    documents: Documents,
    capabilities: Capabilities,
}

impl Folder {
    pub(super) fn new(config: Arc<Config>, documents: Documents) -> Self {
        let capabilities = Capabilities {
            batch_rows: 1000,
            batch_bytes: 8 * 1024 * 1024,
            gap: Duration::from_secs(1),
            gap_limit: Duration::from_secs(5),
            atomicity: Atomicity::Export,
            fencing: Fencing::Enforced,
            confirm_every: Duration::from_secs(1),
        };
        Self { config, documents, capabilities }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}

impl Sink for Folder {
    fn role(&self) -> Role<'_> {
        Role::Snapshot(self)
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

    fn list<'a>(&'a self, scope: &'a Scope, _listing: Listing) -> Batches<'a, Held> {
        let (config, scope) = (self.config.clone(), scope.clone());
        list::listing(move |sender| list::read(&config, &scope, sender))
    }

    fn probe(&self, depth: ProbeDepth) -> BoxFuture<'_, ProbeReport> {
        probe(&self.config, depth).boxed()
    }
}

impl Snapshot for Folder {
    fn replace<'a>(&'a self, export: &'a Complete, rows: Batches<'a, Row>) -> BoxFuture<'a, Result<Receipt>> {
        let (config, documents, export) = (self.config.clone(), self.documents.clone(), export.clone());
        put::pump(rows, move |mut feed| replace::replace(&config, &documents, &export, &mut feed)).boxed()
    }

    fn remove<'a>(&'a self, scope: &'a Scope, held: &'a Checkpoint) -> BoxFuture<'a, Result<()>> {
        let (scope, held) = (scope.clone(), held.clone());
        blocking(&self.config, move |config, caller| claim::remove(config, &scope, &held, caller)).boxed()
    }
}

//! The folder as a destination: hands each call to a thread that may block. It holds no state but its
//! configuration; what is remembered stands in the folder.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use kollect_sink_core::{
    Atomicity, Batches, Capabilities, Checkpoint, Claim, Complete, Digest, Error, ErrorKind, Fencing, Held,
    Listing, ProbeDepth, ProbeReport, Receipt, Result, Role, Row, Scope, Sink, Snapshot,
};
use tokio::{task, time};

use super::config::Config;
use super::{list, probe, replace};
use crate::put::{self, Caller};

/// A folder that holds documents. Its methods need a tokio runtime with time enabled.
#[derive(Debug)]
pub struct Folder {
    config: Arc<Config>,
    capabilities: Capabilities,
}

/// Makes the destination; does no I/O.
pub fn open(config: Config) -> Folder {
    let capabilities = Capabilities {
        batch_rows: 1000,
        batch_bytes: 8 * 1024 * 1024,
        gap: Duration::from_secs(1),
        gap_limit: Duration::from_secs(5),
        atomicity: Atomicity::Export,
        fencing: Fencing::Enforced,
        confirm_every: Duration::from_secs(1),
    };
    Folder { config: Arc::new(config), capabilities }
}

impl Folder {
    async fn blocking<T, F>(&self, call: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Config, &Caller) -> Result<T> + Send + 'static,
    {
        let config = self.config.clone();
        let (_waiting, caller) = Caller::new();
        let ended = task::spawn_blocking(move || call(&config, &caller)).await;
        ended.unwrap_or_else(|error| {
            Err(Error::caused_by(ErrorKind::Protocol, "a call to the folder did not end by itself", error))
        })
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
        self.blocking(move |config, _| replace::checkpoint(config, &scope)).boxed()
    }

    fn claim<'a>(&'a self, scope: &'a Scope, claim: Claim) -> BoxFuture<'a, Result<Checkpoint>> {
        let scope = scope.clone();
        self.blocking(move |config, caller| replace::claim(config, &scope, &claim, caller)).boxed()
    }

    fn list<'a>(&'a self, scope: &'a Scope, _listing: Listing) -> Batches<'a, Held> {
        list::list(self.config.clone(), scope.clone())
    }

    fn probe(&self, depth: ProbeDepth) -> BoxFuture<'_, ProbeReport> {
        let probe = self.blocking(move |config, _| Ok(probe::probe(config, depth)));
        async move {
            match time::timeout(probe::LIMIT, probe).await {
                Ok(Ok(report)) => report,
                Ok(Err(_)) | Err(_) => probe::timed_out(),
            }
        }
        .boxed()
    }
}

impl Snapshot for Folder {
    fn replace<'a>(&'a self, export: &'a Complete, rows: Batches<'a, Row>) -> BoxFuture<'a, Result<Receipt>> {
        let (config, export) = (self.config.clone(), export.clone());
        put::pump(rows, move |mut feed| replace::replace(&config, &export, &mut feed)).boxed()
    }

    fn remove<'a>(&'a self, scope: &'a Scope, held: &'a Checkpoint) -> BoxFuture<'a, Result<()>> {
        let (scope, held) = (scope.clone(), held.clone());
        self.blocking(move |config, caller| replace::remove(config, &scope, &held, caller)).boxed()
    }
}

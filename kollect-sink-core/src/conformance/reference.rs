//! The model of a destination, in memory: the contract of the traits in its plainest form. It keeps nothing
//! beyond the process.

mod fixture;
mod roles;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};

use crate::capability::{Atomicity, Capabilities, Fencing};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::fence;
use crate::header::{Checkpoint, Claim};
use crate::plan::RoleKind;
use crate::probe::{ProbeDepth, ProbeReport, ProbeStep};
use crate::row::{Row, RowKey};
use crate::scope::Scope;
use crate::sink::{Held, Listing, Role, Sink};
use crate::source::Batches;

use super::patience::tick;
pub use fixture::ReferenceFixture;

/// What kind of destination the model plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// How it takes rows.
    pub role: RoleKind,
    /// What readers see of a step under way; whole documents are always exchanged at once.
    pub atomicity: Atomicity,
}

/// A destination in memory. Clones share what it holds, as connections to one server do.
///
/// It refuses rows whose attributes hold a NUL character, as Postgres does.
#[derive(Clone)]
pub struct Reference {
    style: Style,
    capabilities: Capabilities,
    shared: Arc<Mutex<BTreeMap<Scope, Stored>>>,
}

/// What is held of one scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored {
    checkpoint: Option<Checkpoint>,
    garbled: bool,
    rows: BTreeMap<RowKey, Row>,
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reference").field("style", &self.style).finish_non_exhaustive()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory")
    }
}

impl Reference {
    /// A destination that holds nothing.
    pub fn new(style: Style) -> Self {
        let capabilities = Capabilities {
            batch_rows: 5,
            batch_bytes: 64 * 1024,
            gap: Duration::from_millis(20),
            gap_limit: Duration::from_millis(100),
            atomicity: style.atomicity,
            fencing: Fencing::Enforced,
            confirm_every: Duration::from_secs(1),
        };
        Self { style, capabilities, shared: Arc::default() }
    }

    /// The rows of a scope, by key.
    pub fn rows(&self, scope: &Scope) -> BTreeMap<RowKey, Row> {
        self.lock().get(scope).map(|stored| stored.rows.clone()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Scope, Stored>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on what is held of `scope`, at once for all readers.
    fn with<T>(&self, scope: &Scope, work: impl FnOnce(&mut Stored) -> Result<T>) -> Result<T> {
        let mut all = self.lock();
        let stored = all.entry(scope.clone()).or_default();
        if stored.garbled {
            return Err(Error::new(ErrorKind::Corrupt, "the checkpoint is not readable"));
        }
        work(stored)
    }
}

impl Sink for Reference {
    fn role(&self) -> Role<'_> {
        match self.style.role {
            RoleKind::Snapshot => Role::Snapshot(self),
            RoleKind::Projection => Role::Projection(self),
            RoleKind::Reconciled => Role::Reconciled(self),
        }
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn shape(&self) -> Digest {
        Digest::of(&[b"memory"])
    }

    fn checkpoint<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<Option<Checkpoint>>> {
        async move {
            tick().await;
            self.with(scope, |stored| Ok(stored.checkpoint.clone()))
        }
        .boxed()
    }

    fn claim<'a>(&'a self, scope: &'a Scope, claim: Claim) -> BoxFuture<'a, Result<Checkpoint>> {
        async move {
            tick().await;
            let claimed = self.with(scope, |stored| {
                let claimed = fence::claim(stored.checkpoint.as_ref(), &claim)?;
                stored.checkpoint = Some(claimed.clone());
                Ok(claimed)
            });
            tick().await;
            claimed
        }
        .boxed()
    }

    fn list<'a>(&'a self, scope: &'a Scope, listing: Listing) -> Batches<'a, Held> {
        let digest = move |row: &Row| match listing {
            Listing::Recorded => row.digest(),
            Listing::Recomputed => Row::new(row.identity().clone(), row.attributes()).digest(),
        };
        let held: Vec<Held> = self
            .rows(scope)
            .into_values()
            .map(|row| Held { digest: digest(&row), ..Held::of(&row) })
            .collect();
        stream::iter(held).chunks(self.capabilities.batch_rows).map(Ok).boxed()
    }

    fn probe(&self, _: ProbeDepth) -> BoxFuture<'_, ProbeReport> {
        let message = "in memory".to_owned();
        let step = ProbeStep { name: "target", ok: true, message, duration: Duration::ZERO };
        async { ProbeReport { steps: vec![step] } }.boxed()
    }
}

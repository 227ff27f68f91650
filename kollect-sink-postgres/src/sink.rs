//! The destination as the core sees it. The work is in the modules that are named like the calls.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use kollect_sink_core::{
    AddressPolicy, Atomicity, Batches, Capabilities, Change, Checkpoint, Claim, Complete, DeleteReconcile,
    Delta, Digest, Fencing, Held, Listing, ProbeDepth, ProbeReport, Projection, Receipt, Result, Role, Row,
    Scope, Sink,
};

use crate::checkpoint::Memory;
use crate::config::{Config, Provisioning};
use crate::connect::Connector;
use crate::layout::Layout;
use crate::pool::Pool;

/// Rows per batch at most.
const BATCH_ROWS: usize = 10_000;

/// Bytes per batch at most.
const BATCH_BYTES: usize = 16 << 20;

/// A table in a PostgreSQL database (version 12 or later) that is kept equal to inventories.
///
/// Each export is one transaction: readers see the state before or after it. The row of `kollect_checkpoints`
/// that belongs to the scope is locked and checked in that transaction, so that an outdated writer is kept
/// out. Clones share the connections, of which there are at most as many as configured; they are opened when
/// they are needed, and closed with the last clone.
///
/// With [`Provisioning::Existing`] and no table for checkpoints, these stay in memory: each start costs one full
/// pass, and nothing keeps an outdated writer out.
///
/// Memory: one batch (10,000 rows or 16 MiB), and one page of keys and digests during a full pass.
#[derive(Clone, Debug)]
pub struct Postgres(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) pool: Pool,
    pub(crate) capabilities: Capabilities,
    pub(crate) memory: Memory,
    /// The table as it was found last; it is looked at again when it is another one, or did not fit.
    layout: Mutex<Option<Arc<Layout>>>,
}

impl Postgres {
    /// Prepares a destination. Nothing is dialled before the first call; each connection then dials only
    /// addresses that `policy` allows. Calls need a Tokio runtime with I/O and time.
    pub fn open(config: Config, policy: AddressPolicy) -> Self {
        let capabilities = Capabilities {
            batch_rows: BATCH_ROWS,
            batch_bytes: BATCH_BYTES,
            gap: Duration::from_millis(20),
            // Changes that keep coming are never quiet: a row must not wait for that.
            gap_limit: Duration::from_millis(30),
            atomicity: Atomicity::Export,
            fencing: match config.provisioning {
                Provisioning::Ensure => Fencing::Enforced,
                // Only with a table for checkpoints, which may be missing.
                Provisioning::Existing => Fencing::None,
            },
            confirm_every: Duration::from_secs(1),
        };
        let pool = Pool::new(Connector::new(config, policy));
        Self(Arc::new(Inner { pool, capabilities, memory: Memory::default(), layout: Mutex::default() }))
    }
}

impl Inner {
    pub(crate) fn config(&self) -> &Config {
        self.pool.connector().config()
    }

    pub(crate) fn layout(&self) -> Option<Arc<Layout>> {
        self.layout.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn keep_layout(&self, layout: Layout) -> Arc<Layout> {
        let layout = Arc::new(layout);
        *self.layout.lock().unwrap_or_else(PoisonError::into_inner) = Some(layout.clone());
        layout
    }

    pub(crate) fn forget_layout(&self) {
        *self.layout.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl fmt::Display for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { host, port, database, schema, table, .. } = self.0.config();
        let (schema, table) = (schema.as_str(), table.as_str());
        match host.contains(':') {
            true => write!(f, "postgres://[{host}]:{port}/{database}/{schema}.{table}"),
            false => write!(f, "postgres://{host}:{port}/{database}/{schema}.{table}"),
        }
    }
}

impl Sink for Postgres {
    fn role(&self) -> Role<'_> {
        Role::Reconciled(self)
    }

    fn capabilities(&self) -> &Capabilities {
        &self.0.capabilities
    }

    fn shape(&self) -> Digest {
        let config = self.0.config();
        Digest::of(&[b"postgres/1", config.schema.as_str().as_bytes(), config.table.as_str().as_bytes()])
    }

    fn checkpoint<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<Option<Checkpoint>>> {
        self.0.checkpoint(scope).boxed()
    }

    fn claim<'a>(&'a self, scope: &'a Scope, claim: Claim) -> BoxFuture<'a, Result<Checkpoint>> {
        async move { self.0.claim(scope, &claim).await }.boxed()
    }

    fn list<'a>(&'a self, scope: &'a Scope, listing: Listing) -> Batches<'a, Held> {
        self.0.list(scope, listing)
    }

    fn probe(&self, depth: ProbeDepth) -> BoxFuture<'_, ProbeReport> {
        self.0.probe(depth).boxed()
    }
}

impl Projection for Postgres {
    fn apply<'a>(
        &'a self,
        export: &'a Delta,
        changes: Batches<'a, Change>,
    ) -> BoxFuture<'a, Result<Receipt>> {
        self.0.apply(export, changes).boxed()
    }
}

impl DeleteReconcile for Postgres {
    fn reconcile<'a>(
        &'a self,
        export: &'a Complete,
        rows: Batches<'a, Row>,
    ) -> BoxFuture<'a, Result<Receipt>> {
        self.0.reconcile(export, rows).boxed()
    }

    fn retire<'a>(&'a self, scope: &'a Scope, held: &'a Checkpoint) -> BoxFuture<'a, Result<()>> {
        self.0.retire(scope, held).boxed()
    }
}

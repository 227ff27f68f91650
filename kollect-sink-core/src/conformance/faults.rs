//! A sink that fails as told, around one that works. It chooses no faults by itself.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};

use crate::capability::Capabilities;
use crate::change::Change;
use crate::delete_reconcile::DeleteReconcile;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::header::{Checkpoint, Claim, Complete, Delta};
use crate::probe::{ProbeDepth, ProbeReport};
use crate::projection::Projection;
use crate::receipt::Receipt;
use crate::row::Row;
use crate::scope::Scope;
use crate::sink::{Held, Listing, Role, Sink};
use crate::snapshot::Snapshot;
use crate::source::{Batches, SourceError};

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    Pass,
    /// It fails before it reaches the destination.
    FailBefore,
    /// It is done, and the answer is lost.
    FailAfter,
    /// Its rows break off after so many batches; a call without rows passes.
    CutAfter(usize),
    /// A claim fails, and lands right before the next one, as a request does that was under way when its caller
    /// gave up. Any other call fails before it reaches the destination.
    LandLate,
}

/// Hands calls on to another sink, with one fault per call that may fail, in the order given; without faults
/// left it hands all on as they are.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Sink>,
    faults: Mutex<VecDeque<Fault>>,
    late: Mutex<Option<(Scope, Claim)>>,
}

impl Faulty {
    /// A sink that fails as `faults` tell.
    pub fn new(inner: Arc<dyn Sink>, faults: impl IntoIterator<Item = Fault>) -> Self {
        Self { inner, faults: Mutex::new(faults.into_iter().collect()), late: Mutex::new(None) }
    }

    fn next(&self) -> Fault {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.pop_front().unwrap_or(Fault::Pass)
    }
}

async fn suffer<T>(fault: Fault, call: impl Future<Output = Result<T>>) -> Result<T> {
    if matches!(fault, Fault::FailBefore | Fault::LandLate) {
        return Err(Error::new(ErrorKind::Unavailable, "a fault was injected before the call"));
    }
    let answer = call.await?;
    if fault == Fault::FailAfter {
        return Err(Error::new(ErrorKind::Timeout, "a fault was injected after the call"));
    }
    Ok(answer)
}

/// `batches` up to where `fault` cuts them.
pub fn cut<'a, T: Send + 'a>(fault: Fault, batches: Batches<'a, T>) -> Batches<'a, T> {
    let Fault::CutAfter(count) = fault else { return batches };
    let broken = SourceError("a fault was injected into the rows".into());
    batches.take(count).chain(stream::iter([Err(broken)])).boxed()
}

fn mismatch<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Protocol, "the sink was called in a role that it does not have"))
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Sink for Faulty {
    fn role(&self) -> Role<'_> {
        match self.inner.role() {
            Role::Snapshot(_) => Role::Snapshot(self),
            Role::Projection(_) => Role::Projection(self),
            Role::Reconciled(_) => Role::Reconciled(self),
        }
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn shape(&self) -> Digest {
        self.inner.shape()
    }

    fn checkpoint<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<Option<Checkpoint>>> {
        suffer(self.next(), self.inner.checkpoint(scope)).boxed()
    }

    fn claim<'a>(&'a self, scope: &'a Scope, claim: Claim) -> BoxFuture<'a, Result<Checkpoint>> {
        let fault = self.next();
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        let landing = late.take();
        if fault == Fault::LandLate {
            *late = Some((scope.clone(), claim.clone()));
        }
        drop(late);
        async move {
            if let Some((scope, claim)) = landing {
                // Nobody waits for this answer any more.
                drop(self.inner.claim(&scope, claim).await);
            }
            suffer(fault, self.inner.claim(scope, claim)).await
        }
        .boxed()
    }

    fn list<'a>(&'a self, scope: &'a Scope, listing: Listing) -> Batches<'a, Held> {
        cut(self.next(), self.inner.list(scope, listing))
    }

    fn probe(&self, depth: ProbeDepth) -> BoxFuture<'_, ProbeReport> {
        self.inner.probe(depth)
    }
}

impl Snapshot for Faulty {
    fn replace<'a>(&'a self, export: &'a Complete, rows: Batches<'a, Row>) -> BoxFuture<'a, Result<Receipt>> {
        let fault = self.next();
        match self.inner.role() {
            Role::Snapshot(sink) => suffer(fault, sink.replace(export, cut(fault, rows))).boxed(),
            _ => async { mismatch() }.boxed(),
        }
    }

    fn remove<'a>(&'a self, scope: &'a Scope, held: &'a Checkpoint) -> BoxFuture<'a, Result<()>> {
        match self.inner.role() {
            Role::Snapshot(sink) => suffer(self.next(), sink.remove(scope, held)).boxed(),
            _ => async { mismatch() }.boxed(),
        }
    }
}

impl Projection for Faulty {
    fn apply<'a>(
        &'a self,
        export: &'a Delta,
        changes: Batches<'a, Change>,
    ) -> BoxFuture<'a, Result<Receipt>> {
        let fault = self.next();
        match self.inner.role() {
            Role::Projection(sink) => suffer(fault, sink.apply(export, cut(fault, changes))).boxed(),
            Role::Reconciled(sink) => suffer(fault, sink.apply(export, cut(fault, changes))).boxed(),
            Role::Snapshot(_) => async { mismatch() }.boxed(),
        }
    }
}

impl DeleteReconcile for Faulty {
    fn reconcile<'a>(
        &'a self,
        export: &'a Complete,
        rows: Batches<'a, Row>,
    ) -> BoxFuture<'a, Result<Receipt>> {
        let fault = self.next();
        match self.inner.role() {
            Role::Reconciled(sink) => suffer(fault, sink.reconcile(export, cut(fault, rows))).boxed(),
            _ => async { mismatch() }.boxed(),
        }
    }

    fn retire<'a>(&'a self, scope: &'a Scope, held: &'a Checkpoint) -> BoxFuture<'a, Result<()>> {
        match self.inner.role() {
            Role::Reconciled(sink) => suffer(self.next(), sink.retire(scope, held)).boxed(),
            _ => async { mismatch() }.boxed(),
        }
    }
}

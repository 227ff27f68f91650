//! How the model takes rows, in each role. It does not judge claims: see `fence`.

use std::collections::BTreeMap;
use std::mem;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::StreamExt;

use crate::capability::Atomicity;
use crate::change::Change;
use crate::delete_reconcile::DeleteReconcile;
use crate::error::Result;
use crate::fence::{self, Position};
use crate::header::{Checkpoint, Complete, Delta};
use crate::merge::{self, Step};
use crate::projection::Projection;
use crate::rebatch::Limits;
use crate::receipt::Receipt;
use crate::row::{Row, RowKey};
use crate::scope::Scope;
use crate::sink::{Listing, Sink};
use crate::snapshot::Snapshot;
use crate::source::Batches;

use super::super::patience::tick;
use super::{Reference, Stored};

fn refused(row: &Row) -> bool {
    row.attributes().contains("\\u0000")
}

/// Writes one difference, and counts it.
fn write(stored: &mut Stored, step: Step, receipt: &mut Receipt) {
    match step {
        Step::Upsert(row) if refused(&row) => receipt.reject(&row, "it holds a NUL character"),
        Step::Upsert(row) => {
            let bytes = row.attributes().len() as u64;
            let digest = row.digest();
            let old = stored.rows.insert(row.identity().to_key(), row);
            if old.is_none_or(|old| old.digest() != digest) {
                receipt.written += 1;
                receipt.bytes += bytes;
            }
        }
        Step::Remove(key) => receipt.removed += u64::from(stored.rows.remove(&key).is_some()),
    }
}

impl Reference {
    /// Writes the steps, each batch at once or all at the end, and stores the checkpoint last. `admit` judges
    /// before each write.
    async fn write_all(
        &self,
        scope: &Scope,
        target: &Checkpoint,
        mut steps: Batches<'_, Step>,
        admit: impl Fn(Option<&Checkpoint>) -> Result<()> + Send,
    ) -> Result<Receipt> {
        let mut receipt = Receipt::starting_at(target);
        let mut staged = Vec::new();
        while let Some(batch) = steps.next().await {
            staged.extend(batch?);
            tick().await;
            if self.style.atomicity != Atomicity::Export {
                self.with(scope, |stored| {
                    admit(stored.checkpoint.as_ref())?;
                    mem::take(&mut staged).into_iter().for_each(|step| write(stored, step, &mut receipt));
                    Ok(())
                })?;
            }
        }
        tick().await;
        self.with(scope, |stored| {
            admit(stored.checkpoint.as_ref())?;
            staged.into_iter().for_each(|step| write(stored, step, &mut receipt));
            stored.checkpoint = Some(receipt.reached.clone());
            Ok(())
        })?;
        tick().await;
        Ok(receipt)
    }

    async fn end(&self, scope: &Scope, held: &Checkpoint) -> Result<()> {
        tick().await;
        self.with(scope, |stored| {
            if let Some(left) = fence::retire(stored.checkpoint.as_ref(), held)? {
                stored.rows.clear();
                stored.checkpoint = Some(left);
            }
            Ok(())
        })?;
        tick().await;
        Ok(())
    }
}

impl Projection for Reference {
    fn apply<'a>(
        &'a self,
        export: &'a Delta,
        changes: Batches<'a, Change>,
    ) -> BoxFuture<'a, Result<Receipt>> {
        let steps =
            changes.map(|batch| batch.map(|changes| changes.into_iter().map(step_of).collect())).boxed();
        async move {
            tick().await;
            let position = self.with(&export.scope, |stored| {
                let position = fence::delta(stored.checkpoint.as_ref(), export)?;
                Ok((position, stored.checkpoint.clone()))
            })?;
            if let (Position::Target, Some(reached)) = position {
                return Ok(Receipt::starting_at(&reached));
            }
            let admit = |stored: Option<&Checkpoint>| fence::delta(stored, export).map(|_| ());
            self.write_all(&export.scope, &export.target, steps, admit).await
        }
        .boxed()
    }
}

fn step_of(change: Change) -> Step {
    match change {
        Change::Upsert(row) => Step::Upsert(row),
        Change::Remove(identity) => Step::Remove(identity.to_key()),
    }
}

impl DeleteReconcile for Reference {
    fn reconcile<'a>(
        &'a self,
        export: &'a Complete,
        rows: Batches<'a, Row>,
    ) -> BoxFuture<'a, Result<Receipt>> {
        async move {
            tick().await;
            let (scope, target) = (export.scope(), export.target());
            let admit = |stored: Option<&Checkpoint>| fence::write(stored, target);
            self.with(scope, |stored| admit(stored.checkpoint.as_ref()))?;
            let held = self.list(scope, Listing::Recorded);
            let limits = Limits::from(self.capabilities());
            let steps = merge::steps(held, rows, export.unknown().clone(), limits)
                .map(|batch| batch.map_err(|error| crate::source::SourceError(Box::new(error))))
                .boxed();
            self.write_all(scope, target, steps, admit).await
        }
        .boxed()
    }

    fn retire<'a>(&'a self, scope: &'a Scope, held: &'a Checkpoint) -> BoxFuture<'a, Result<()>> {
        self.end(scope, held).boxed()
    }
}

impl Snapshot for Reference {
    fn replace<'a>(
        &'a self,
        export: &'a Complete,
        mut rows: Batches<'a, Row>,
    ) -> BoxFuture<'a, Result<Receipt>> {
        async move {
            tick().await;
            let (scope, target) = (export.scope(), export.target());
            let mut receipt = Receipt::starting_at(target);
            let mut document: BTreeMap<RowKey, Row> = BTreeMap::new();
            while let Some(batch) = rows.next().await {
                for row in batch? {
                    if refused(&row) {
                        receipt.reject(&row, "it holds a NUL character");
                    } else {
                        document.insert(row.identity().to_key(), row);
                    }
                }
                tick().await;
            }
            let receipt = self.with(scope, |stored| {
                fence::write(stored.checkpoint.as_ref(), target)?;
                let before = stored.checkpoint.as_ref().filter(|before| before.holds_the_same_as(target));
                if let Some(before) = before.filter(|_| stored.rows == document) {
                    receipt.reached = before.clone();
                    return Ok(receipt);
                }
                receipt.written = document.len() as u64;
                receipt.removed = stored.rows.keys().filter(|key| !document.contains_key(key)).count() as u64;
                receipt.bytes = document.values().map(|row| row.attributes().len() as u64).sum();
                stored.rows = document;
                stored.checkpoint = Some(receipt.reached.clone());
                Ok(receipt)
            })?;
            tick().await;
            Ok(receipt)
        }
        .boxed()
    }

    fn remove<'a>(&'a self, scope: &'a Scope, held: &'a Checkpoint) -> BoxFuture<'a, Result<()>> {
        self.end(scope, held).boxed()
    }
}

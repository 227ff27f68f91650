//! The end of a scope in a destination. It does not decide that a scope ends.

use crate::error::Result;
use crate::sink::{Role, Sink};

use super::Driver;

/// How a scope ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retired {
    /// The destination holds no row of the scope any more.
    Removed,
    /// It held none of ours before.
    Nothing,
    /// It takes changes only and cannot tell what it holds: its rows stay.
    Stays,
}

impl Driver {
    /// Removes what the destination holds of this driver's scope. Neither cadence nor back-off hold it up: the
    /// caller decides when to try again. A repetition is a no-op, and the driver may export again afterwards.
    ///
    /// # Errors
    /// `ForeignWriter` where another writer owns the scope, `Fenced` where a later instance of this one does,
    /// and what the destination answers.
    pub async fn retire(&mut self, sink: &dyn Sink, now: jiff::Timestamp) -> Result<Retired> {
        self.known.doubt();
        let answer = sink.checkpoint(&self.settings.scope).await?;
        self.known.read(answer, super::unfinished(sink))?;
        let Some(stored) = self.checkpoint() else { return Ok(Retired::Nothing) };
        if stored.writer.as_str().is_empty() {
            return Ok(Retired::Nothing);
        }
        if stored.writer != self.settings.writer {
            return Err(self.foreign());
        }
        if let Role::Projection(_) = sink.role() {
            return Ok(Retired::Stays);
        }
        let held = self.own(sink, now).await?;
        self.known.forget();
        let scope = &self.settings.scope;
        match sink.role() {
            Role::Snapshot(snapshot) => snapshot.remove(scope, &held).await?,
            Role::Reconciled(reconciled) => reconciled.retire(scope, &held).await?,
            Role::Projection(_) => return Ok(Retired::Stays),
        }
        Ok(Retired::Removed)
    }
}

//! Reads checkpoints and claims scopes. It writes no row.

use kollect_sink_core::{Checkpoint, Claim, ErrorClass, Result, Scope, fence};

use crate::checkpoint::{answer, question};
use crate::config::Provisioning;
use crate::existing;
use crate::pool::{Access, Transaction};
use crate::provision;
use crate::sink::Inner;

impl Inner {
    /// What is stored for `scope`, as it holds for the table that is there now.
    pub(crate) async fn checkpoint(&self, scope: &Scope) -> Result<Option<Checkpoint>> {
        if self.layout().is_some_and(|layout| layout.checkpoints) {
            match self.pool.ask(&question(self.config(), scope, "")).await {
                Ok(rows) => {
                    let (stored, oid) = answer(&rows)?;
                    return Ok(stored.map(|stored| stored.for_table(oid)));
                }
                // The table of checkpoints is gone, or another: what is there now is found out below.
                Err(error) if error.class() == ErrorClass::Terminal => self.forget_layout(),
                Err(error) => return Err(error),
            }
        }
        let mut transaction = self.pool.begin(Access::Read).await?;
        let session = transaction.session();
        let existing = existing::read(session, self.config()).await?;
        let oid = existing.rows.as_ref().map(|relation| relation.oid);
        let stored = match existing.checkpoints {
            true => crate::checkpoint::read(session, self.config(), scope, "").await?,
            false if self.keeps_in_memory() => self.memory.get(scope),
            false => None,
        };
        transaction.commit().await?;
        Ok(stored.map(|stored| stored.for_table(oid)))
    }

    /// Takes the scope, and makes the tables where that is allowed.
    pub(crate) async fn claim(&self, scope: &Scope, claim: &Claim) -> Result<Checkpoint> {
        self.transact(scope, async |transaction: &mut Transaction<'_>| {
            let session = transaction.session();
            let layout = provision::provide(session, self.config(), scope).await?;
            let ledger = self.ledger(layout.checkpoints);
            let stored = ledger.lock_or_open(session, scope).await?;
            let stored = stored.map(|stored| stored.for_table(Some(layout.oid)));
            let claimed = fence::claim(stored.as_ref(), claim)?;
            let note = layout.note(claimed.clone());
            self.keep_layout(layout);
            Ok((claimed, Some(note)))
        })
        .await
    }

    /// Whether checkpoints may have to stay in memory.
    pub(crate) fn keeps_in_memory(&self) -> bool {
        self.config().provisioning == Provisioning::Existing
    }
}

//! What every guarded write has in common: begin, lock the checkpoint, write, store the checkpoint, commit.
//! It neither plans nor compares.

use kollect_sink_core::{Checkpoint, ErrorKind, Result, Scope};

use crate::checkpoint::{Ledger, Stored};
use crate::layout::Layout;
use crate::pool::{Access, Transaction};
use crate::sink::Inner;

/// What to store at the end of a transaction.
pub(crate) struct Note {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) incarnation: i64,
    pub(crate) in_table: bool,
}

impl Inner {
    /// Where checkpoints are kept with this layout.
    pub(crate) fn ledger(&self, in_table: bool) -> Ledger<'_> {
        if in_table { Ledger::Table(self.config()) } else { Ledger::Memory(&self.memory) }
    }

    /// Runs `work` in a transaction. What it notes is stored with it; without a note nothing is written.
    pub(crate) async fn transact<T>(
        &self,
        scope: &Scope,
        work: impl AsyncFnOnce(&mut Transaction<'_>) -> Result<(T, Option<Note>)>,
    ) -> Result<T> {
        let mut transaction = self.pool.begin(Access::Write).await?;
        let result = match work(&mut transaction).await {
            Ok((value, None)) => return transaction.roll_back().await.map(|()| value),
            Ok((value, Some(note))) => self.settle(transaction, scope, note).await.map(|()| value),
            Err(error) => {
                if transaction.session().in_step() {
                    // The connection is sound: the error is what counts, not whether it can be kept.
                    let _ = transaction.roll_back().await;
                }
                Err(error)
            }
        };
        if result
            .as_ref()
            .is_err_and(|error| matches!(error.kind(), ErrorKind::Mismatch | ErrorKind::NotFound))
        {
            self.forget_layout();
        }
        result
    }

    async fn settle(&self, transaction: Transaction<'_>, scope: &Scope, note: Note) -> Result<()> {
        let ledger = self.ledger(note.in_table);
        let stored = Stored { checkpoint: note.checkpoint, incarnation: note.incarnation };
        match ledger.record(scope, &stored)? {
            Some(record) => transaction.commit_after(&record).await?,
            None => transaction.commit().await?,
        }
        ledger.remember(scope, stored);
        Ok(())
    }
}

impl Layout {
    /// What to store after writing to the table of this layout.
    pub(crate) fn note(&self, checkpoint: Checkpoint) -> Note {
        Note { checkpoint, incarnation: self.oid, in_table: self.checkpoints }
    }
}

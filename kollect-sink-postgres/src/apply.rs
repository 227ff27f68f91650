//! Writes observed changes, at a cost that follows their number. It reads no rows.

use futures::StreamExt;
use kollect_sink_core::fence::{self, Position};
use kollect_sink_core::rebatch::{Limits, rebatch};
use kollect_sink_core::{Batches, Change, Delta, Error, ErrorKind, Receipt, Result};

use crate::layout::Verdict;
use crate::pool::Transaction;
use crate::provision;
use crate::session::Session;
use crate::sink::Inner;
use crate::writer::{Ground, Saved, Writer};

impl Inner {
    /// Moves the scope from the delta's base to its target.
    pub(crate) async fn apply(&self, export: &Delta, changes: Batches<'_, Change>) -> Result<Receipt> {
        self.transact(&export.scope, async |transaction: &mut Transaction<'_>| {
            let session = transaction.session();
            let layout = match self.layout() {
                Some(layout) => layout,
                None => match provision::inspect(session, self.config(), &export.scope).await? {
                    Verdict::Fits(layout) => self.keep_layout(layout),
                    Verdict::Wants(_) => return Err(replaced()),
                },
            };
            let ledger = self.ledger(layout.checkpoints);
            let (stored, oid) = ledger.lock_with_table(session, self.config(), &export.scope).await?;
            if oid != Some(layout.oid) {
                self.forget_layout();
                return Err(replaced());
            }
            let stored = stored.map(|stored| stored.for_table(oid));
            let position = fence::delta(stored.as_ref(), export)?;
            match stored {
                // What stood in a table that was replaced is gone, whatever the revision says.
                Some(stored) if stored.digest.is_none() && export.base.digest.is_some() => {
                    return Err(replaced());
                }
                Some(stored) if position == Position::Target => {
                    return Ok((Receipt::starting_at(&stored), None));
                }
                _ => {}
            }
            let receipt = Receipt::starting_at(&export.target);
            let mut writer = Writer::new(&layout, &export.scope, receipt, Saved::Fresh);
            let mut batches = rebatch(changes, Limits::from(&self.capabilities));
            while let Some(batch) = batches.next().await {
                write(&mut writer, session, batch?).await?;
            }
            let receipt = writer.receipt;
            let note = layout.note(receipt.reached.clone());
            Ok((receipt, Some(note)))
        })
        .await
    }
}

async fn write(writer: &mut Writer<'_>, session: &mut Session, batch: Vec<Change>) -> Result<()> {
    let mut rows = Vec::with_capacity(batch.len());
    let mut gone = Vec::new();
    for change in batch {
        match change {
            Change::Upsert(row) => rows.push(row),
            Change::Remove(identity) => gone.push(identity.to_key()),
        }
    }
    // A narrow key is free for its next owner only after the last one left.
    writer.remove(session, &gone).await?;
    writer.upsert(session, rows, Ground::Covered).await
}

fn replaced() -> Error {
    Error::new(ErrorKind::StaleBase, "the table was replaced since the last export")
}

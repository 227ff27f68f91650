//! Makes the rows of a scope equal to a full state, or to nothing. It reads keys and digests by a cursor, and
//! writes differences alone.

use futures::StreamExt;
use kollect_sink_core::merge::{Merge, Next, Step};
use kollect_sink_core::rebatch::Limits;
use kollect_sink_core::{Batches, Checkpoint, Complete, Receipt, Result, Row, Scope, fence};

use crate::export::Note;
use crate::held::{Cursor, Source, scope_parameters};
use crate::layout::Layout;
use crate::pool::Transaction;
use crate::session::Session;
use crate::sink::Inner;
use crate::writer::{Ground, Saved, Writer};
use crate::{existing, provision};

/// Rows deleted by one statement when a scope is emptied.
const CHUNK: i64 = 10_000;

impl Inner {
    /// Makes the scope hold exactly `rows`, and what stood in unknown partitions.
    pub(crate) async fn reconcile(&self, export: &Complete, rows: Batches<'_, Row>) -> Result<Receipt> {
        self.transact(export.scope(), async |transaction: &mut Transaction<'_>| {
            let session = transaction.session();
            let layout = provision::provide(session, self.config(), export.scope()).await?;
            let stored = self.ledger(layout.checkpoints).lock(session, export.scope()).await?;
            let stored = stored.map(|stored| stored.for_table(Some(layout.oid)));
            fence::write(stored.as_ref(), export.target())?;
            let receipt = Receipt::starting_at(export.target());
            let mut writer = Writer::new(&layout, export.scope(), receipt, Saved::Never);
            let limits = Limits::from(&self.capabilities);
            merge(&mut writer, session, export, rows, limits).await?;
            let receipt = writer.receipt;
            let note = layout.note(receipt.reached.clone());
            self.keep_layout(layout);
            Ok((receipt, Some(note)))
        })
        .await
    }

    /// Deletes the rows of `scope`; the checkpoint stays, without a writer.
    pub(crate) async fn retire(&self, scope: &Scope, held: &Checkpoint) -> Result<()> {
        self.transact(scope, async |transaction: &mut Transaction<'_>| {
            let session = transaction.session();
            let existing = existing::read(session, self.config()).await?;
            let layout = Layout::readable(&existing, self.config())?;
            if !existing.checkpoints && !self.keeps_in_memory() {
                return Ok(((), None));
            }
            let oid = layout.as_ref().map(|layout| layout.oid);
            let stored = self.ledger(existing.checkpoints).lock(session, scope).await?;
            let mut stored = stored.map(|stored| stored.for_table(oid));
            if stored.is_none() && !existing.checkpoints {
                // Memory has forgotten it with a former process; the caller's own claim has not.
                stored = Some(held.clone());
            }
            let Some(left) = fence::retire(stored.as_ref(), held)? else { return Ok(((), None)) };
            if let Some(layout) = &layout {
                empty(session, layout, scope).await?;
            }
            let incarnation = oid.unwrap_or_default();
            Ok(((), Some(Note { checkpoint: left, incarnation, in_table: existing.checkpoints })))
        })
        .await
    }
}

/// Compares and writes in turn on one connection: the cursor sees the rows as they were before.
async fn merge(
    writer: &mut Writer<'_>,
    session: &mut Session,
    export: &Complete,
    mut rows: Batches<'_, Row>,
    limits: Limits,
) -> Result<()> {
    let mut cursor = Cursor::open(session, writer.layout, writer.scope, Source::Recorded).await?;
    let mut ground = Ground::Empty;
    let mut merge = Merge::new(export.unknown().clone(), limits);
    loop {
        match merge.advance()? {
            Next::Held => {
                let page = cursor.next(session).await?;
                if page.is_some() {
                    ground = Ground::Covered;
                }
                merge.feed_held(page);
            }
            Next::Rows => merge.feed_rows(rows.next().await.transpose()?),
            Next::Steps(steps) => {
                let mut upserts = Vec::with_capacity(steps.len());
                let mut gone = Vec::new();
                for step in steps {
                    match step {
                        Step::Upsert(row) => upserts.push(row),
                        Step::Remove(key) => gone.push(key),
                    }
                }
                writer.remove(session, &gone).await?;
                writer.upsert(session, upserts, ground).await?;
            }
            Next::Done => return Ok(()),
        }
    }
}

async fn empty(session: &mut Session, layout: &Layout, scope: &Scope) -> Result<()> {
    loop {
        let parameters = scope_parameters(scope).with(CHUNK);
        let removed = session.execute(&layout.statements.delete_some, parameters).await;
        if removed.map_err(|failure| failure.during("delete the rows of the scope"))? == 0 {
            return Ok(());
        }
    }
}

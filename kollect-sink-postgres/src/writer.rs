//! Writes and deletes rows within one transaction, and sets apart those that the server refuses. It keeps no
//! checkpoint.

use std::collections::HashSet;

use kollect_sink_core::{Receipt, Result, Row, RowKey, Scope};
use sqlx::Row as _;

use crate::batch::Batch;
use crate::error::Failure;
use crate::held::scope_parameters;
use crate::layout::Layout;
use crate::session::Session;
use crate::statements::{CLEAR_STAGE, COPY_STAGE, CREATE_STAGE, SAVEPOINT};

/// From so many rows on, COPY and a merge beat arrays.
const STAGE_FROM: usize = 2_000;

/// What the scope holds before rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// No row: all may be loaded without looking for a predecessor.
    Empty,
    /// Any rows.
    Covered,
}

/// How the transaction stands to its savepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    /// There is none.
    Never,
    /// It is set, and nothing was written since.
    Fresh,
    /// It is set, and what was written since is there to stay.
    Before,
}

/// Writes the rows of one export.
pub(crate) struct Writer<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) scope: &'a Scope,
    pub(crate) receipt: Receipt,
    staged: bool,
    saved: Saved,
}

/// How a batch travels.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As arrays.
    Arrays,
    /// By COPY into the stage.
    Stage,
    /// By COPY into the table.
    Table,
}

impl<'a> Writer<'a> {
    /// Starts with `receipt`, whose checkpoint says when the rows were exported, in a transaction that stands so.
    pub(crate) fn new(layout: &'a Layout, scope: &'a Scope, receipt: Receipt, saved: Saved) -> Self {
        Self { layout, scope, receipt, staged: false, saved }
    }

    /// Deletes the rows with these keys, as far as they are there.
    pub(crate) async fn remove(&mut self, session: &mut Session, keys: &[RowKey]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let parameters = scope_parameters(self.scope)
            .with(keys.iter().map(|key| &*key.target_namespace).collect::<Vec<_>>())
            .with(keys.iter().map(|key| &*key.target_name).collect::<Vec<_>>())
            .with(keys.iter().map(|key| &*key.uid).collect::<Vec<_>>());
        let removed = session.execute(&self.layout.statements.delete, parameters).await;
        self.keep();
        self.receipt.removed += removed.map_err(|failure| failure.during("delete rows"))?;
        Ok(())
    }

    /// Makes the table hold these rows, each with a key of its own; rows that are the same already stay as
    /// they are. What the server refuses is counted in the receipt.
    pub(crate) async fn upsert(
        &mut self,
        session: &mut Session,
        rows: Vec<Row>,
        ground: Ground,
    ) -> Result<()> {
        let rows = self.storable(rows);
        let rows = if self.layout.wide { rows } else { self.apart(session, rows).await? };
        if rows.is_empty() {
            return Ok(());
        }
        if !self.staged && self.layout.may_stage && rows.len() >= STAGE_FROM && ground == Ground::Covered {
            let made = session.run(CREATE_STAGE).await;
            made.map_err(|failure| failure.during("make a temporary table"))?;
            self.keep();
            self.staged = true;
        }
        let mut open: Vec<(&[Row], Ground)> = vec![(&rows, ground)];
        while let Some((part, ground)) = open.pop() {
            self.save(session).await?;
            let failure = match self.send(session, part, ground).await {
                Ok(written) => {
                    self.receipt.written += written;
                    self.keep();
                    continue;
                }
                Err(failure) => failure,
            };
            let Some(reason) = failure.refusal() else { return Err(failure.during("write rows")) };
            let undone = session.run("ROLLBACK TO SAVEPOINT kollect").await;
            undone.map_err(|failure| failure.during("return to a savepoint"))?;
            match part {
                [row] => self.receipt.reject(row, reason),
                _ => {
                    // The lower half is on top, so that rows are judged in their order.
                    let (lower, upper) = part.split_at(part.len() / 2);
                    open.extend([(upper, Ground::Covered), (lower, Ground::Covered)]);
                }
            }
        }
        Ok(())
    }

    /// Sets the savepoint here, unless nothing was written since it was set. The transaction's end releases the last.
    async fn save(&mut self, session: &mut Session) -> Result<()> {
        let set = match self.saved {
            Saved::Fresh => return Ok(()),
            Saved::Never => session.run(SAVEPOINT).await,
            Saved::Before => session.run(&format!("RELEASE {SAVEPOINT}; {SAVEPOINT}")).await,
        };
        self.saved = Saved::Fresh;
        set.map_err(|failure| failure.during("set a savepoint"))
    }

    /// What was written is there to stay: a return to the savepoint would undo it.
    fn keep(&mut self) {
        if self.saved == Saved::Fresh {
            self.saved = Saved::Before;
        }
    }

    async fn send(&mut self, session: &mut Session, rows: &[Row], ground: Ground) -> Result<u64, Failure> {
        let way = match ground {
            Ground::Empty if self.layout.exact => Way::Table,
            _ if self.staged && rows.len() >= STAGE_FROM => Way::Stage,
            _ => Way::Arrays,
        };
        let exported_at = self.receipt.reached.exported_at;
        let batch = Batch::of(rows);
        let statements = &self.layout.statements;
        let written = match way {
            Way::Arrays => {
                let parameters = scope_parameters(self.scope).with(exported_at.to_string());
                session.execute(&statements.upsert_arrays, batch.arrays(parameters)).await?
            }
            Way::Stage => {
                batch.copy(session, COPY_STAGE, None).await?;
                let parameters = scope_parameters(self.scope).with(exported_at.to_string());
                let written = session.execute(&statements.upsert_stage, parameters).await?;
                session.run(CLEAR_STAGE).await?;
                written
            }
            Way::Table => batch.copy(session, &statements.copy_rows, Some((self.scope, exported_at))).await?,
        };
        self.receipt.bytes += batch.payload_bytes();
        Ok(written)
    }

    /// Sets rows apart that are known to be refused: one of them would cost a batch its first attempt.
    fn storable(&mut self, rows: Vec<Row>) -> Vec<Row> {
        let mut kept = rows;
        kept.retain(|row| match unstorable(row) {
            Some(reason) => {
                self.receipt.reject(row, reason);
                false
            }
            None => true,
        });
        kept
    }

    /// Sets rows apart that would overwrite the row of another target, which a narrow key cannot tell apart.
    async fn apart(&mut self, session: &mut Session, rows: Vec<Row>) -> Result<Vec<Row>> {
        let parameters = scope_parameters(self.scope)
            .with(rows.iter().map(|row| row.key().target_namespace).collect::<Vec<_>>())
            .with(rows.iter().map(|row| row.key().target_name).collect::<Vec<_>>())
            .with(rows.iter().map(|row| row.key().uid).collect::<Vec<_>>());
        let met = session.fetch(&self.layout.statements.collisions, parameters).await;
        let met: HashSet<i64> = met
            .and_then(|met| {
                met.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>().map_err(Failure::Driver)
            })
            .map_err(|failure| failure.during("look for rows of other targets"))?;
        let mut seen: HashSet<(String, String)> = HashSet::new();
        let mut kept = Vec::with_capacity(rows.len());
        for (place, row) in (1_i64..).zip(rows) {
            let key = row.key();
            if met.contains(&place) || !seen.insert((key.target_name.to_owned(), key.uid.to_owned())) {
                self.receipt
                    .reject(&row, "the table's key lacks target_namespace, and another target has this row");
            } else {
                kept.push(row);
            }
        }
        Ok(kept)
    }
}

/// The most that `jsonb` holds in one string or object.
const LARGEST: usize = 0x0fff_ffff;

/// Why no database of ours could hold `row`, as far as a glance can tell.
fn unstorable(row: &Row) -> Option<&'static str> {
    let identity = row.identity();
    let texts: [&str; 3] = [identity.group(), identity.version(), identity.kind()];
    if texts.iter().any(|text| text.contains('\0')) || escapes_nul(row.attributes()) {
        return Some("it contains a NUL character");
    }
    (row.attributes().len() > LARGEST).then_some("it is larger than jsonb can hold")
}

/// Whether JSON text contains an escaped NUL. An even number of backslashes before it would make it plain text.
fn escapes_nul(json: &str) -> bool {
    const NUL: &str = "u0000";
    json.match_indices(NUL).any(|(at, _)| {
        let before = json.as_bytes().get(..at).unwrap_or_default();
        before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
    })
}

#[cfg(test)]
mod tests {
    use super::escapes_nul;

    #[test]
    fn an_escaped_nul_is_told_from_text_that_looks_like_one() {
        let table = [
            (r#"{"a":"\u0000"}"#, true),
            (r#"{"a":"x\u0000y"}"#, true),
            (r#"{"\u0000":1}"#, true),
            (r#"{"a":"\\\u0000"}"#, true),
            (r#"{"a":"\\u0000"}"#, false),
            (r#"{"a":"u0000"}"#, false),
            (r#"{"a":"\u0001"}"#, false),
        ];
        for (json, expected) in table {
            assert_eq!(escapes_nul(json), expected, "{json}");
        }
    }
}

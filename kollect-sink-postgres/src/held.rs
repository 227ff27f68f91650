//! Reads rows back as key, partition and digest, a page at a time. It compares nothing.

use kollect_sink_core::{Digest, GroupKind, Held, Partition, Result, RowKey, Scope, Target, scope::Text};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::canonical;
use crate::error::Failure;
use crate::layout::Layout;
use crate::session::{Parameters, Session};
use crate::statements::CURSOR;

/// Rows per page.
const PAGE: usize = 10_000;

/// Where digests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The digest column.
    Recorded,
    /// The payload.
    Recomputed,
}

/// A cursor over the rows of one scope, ascending by key. It sees the rows as they were when it was opened.
pub(crate) struct Cursor {
    source: Source,
    shared: Shared,
    ended: bool,
}

impl Cursor {
    /// Opens the only cursor of the transaction of `session`.
    pub(crate) async fn open(
        session: &mut Session,
        layout: &Layout,
        scope: &Scope,
        source: Source,
    ) -> Result<Self> {
        let source = if layout.digests { source } else { Source::Recomputed };
        let sql = match source {
            Source::Recorded => &layout.statements.open_recorded,
            Source::Recomputed => &layout.statements.open_recomputed,
        };
        let opened = session.execute(sql, scope_parameters(scope)).await;
        opened.map_err(|failure| failure.during("list the rows"))?;
        Ok(Self { source, shared: Shared::default(), ended: false })
    }

    /// The next rows; `None` at the end.
    pub(crate) async fn next(&mut self, session: &mut Session) -> Result<Option<Vec<Held>>> {
        if self.ended {
            return Ok(None);
        }
        let sql = format!("FETCH FORWARD {PAGE} FROM {CURSOR}");
        let page = async {
            let rows = session.fetch(&sql, Parameters::none()).await?;
            rows.iter()
                .map(|row| self.held(row))
                .collect::<sqlx::Result<Vec<Held>>>()
                .map_err(Failure::Driver)
        };
        let page = page.await.map_err(|failure: Failure| failure.during("list the rows"))?;
        self.ended = page.len() < PAGE;
        Ok((!page.is_empty()).then_some(page))
    }

    fn held(&mut self, row: &PgRow) -> sqlx::Result<Held> {
        let Shared { target_namespace, target_name, group, kind, namespace } = &mut self.shared;
        let target = Target {
            namespace: share(target_namespace, row.try_get(0)?),
            name: share(target_name, row.try_get(1)?),
        };
        let kind = GroupKind { group: share(group, row.try_get(3)?), kind: share(kind, row.try_get(4)?) };
        let (name, digest) = match self.source {
            // A row without a digest of ours equals nothing, and will be written.
            Source::Recorded => (None, recorded(row, 6)?.unwrap_or(Digest([0; 16]))),
            Source::Recomputed => canonical::read(row.try_get(6)?, recorded(row, 7)?),
        };
        Ok(Held {
            key: RowKey {
                target_namespace: target.namespace.clone(),
                target_name: target.name.clone(),
                uid: row.try_get::<&str, _>(2)?.into(),
            },
            partition: Partition { target, kind, namespace: share(namespace, row.try_get(5)?) },
            name,
            digest,
        })
    }
}

fn recorded(row: &PgRow, column: usize) -> sqlx::Result<Option<Digest>> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    Ok(bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(Digest))
}

/// The parameters that every statement begins with.
pub(crate) fn scope_parameters(scope: &Scope) -> Parameters {
    Parameters::none().with(&*scope.cluster).with(&*scope.inventory_namespace).with(&*scope.inventory_name)
}

/// The strings of the row before: neighbours mostly have the same.
#[derive(Default)]
struct Shared {
    target_namespace: Text,
    target_name: Text,
    group: Text,
    kind: Text,
    namespace: Text,
}

fn share(last: &mut Text, text: &str) -> Text {
    if **last != *text {
        *last = text.into();
    }
    last.clone()
}

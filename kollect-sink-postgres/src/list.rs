//! Lists the rows of a scope as a stream. It holds one page, and one connection until it ends or is dropped.

use futures::stream::{self, StreamExt};
use kollect_sink_core::{Batches, Held, Listing, Result, Scope, SourceError};

use crate::existing;
use crate::held::{Cursor, Source};
use crate::layout::Layout;
use crate::pool::{Access, Transaction};
use crate::sink::Inner;

enum Reading<'a> {
    Before,
    Under(Transaction<'a>, Cursor),
}

impl Inner {
    /// The rows of `scope`, ascending by key.
    pub(crate) fn list<'a>(&'a self, scope: &'a Scope, listing: Listing) -> Batches<'a, Held> {
        let source = match listing {
            Listing::Recorded => Source::Recorded,
            Listing::Recomputed => Source::Recomputed,
        };
        stream::try_unfold(Reading::Before, move |reading| async move {
            self.page(scope, source, reading).await.map_err(|error| SourceError(Box::new(error)))
        })
        .boxed()
    }

    async fn page<'a>(
        &'a self,
        scope: &Scope,
        source: Source,
        reading: Reading<'a>,
    ) -> Result<Option<(Vec<Held>, Reading<'a>)>> {
        let (mut transaction, mut cursor) = match reading {
            Reading::Under(transaction, cursor) => (transaction, cursor),
            Reading::Before => {
                let mut transaction = self.pool.begin(Access::Read).await?;
                let existing = existing::read(transaction.session(), self.config()).await?;
                let Some(layout) = Layout::readable(&existing, self.config())? else {
                    return transaction.commit().await.map(|()| None);
                };
                let cursor = Cursor::open(transaction.session(), &layout, scope, source).await?;
                (transaction, cursor)
            }
        };
        match cursor.next(transaction.session()).await? {
            Some(page) => Ok(Some((page, Reading::Under(transaction, cursor)))),
            None => transaction.commit().await.map(|()| None),
        }
    }
}

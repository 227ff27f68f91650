//! Changes, and full passes. It runs on threads that may block, and knows no streams.

use kollect_sink_core::fence::{self, Position};
use kollect_sink_core::{
    Change, Complete, Delta, Error as SinkError, ErrorKind, Receipt, Result as SinkResult, Row, ScopeDigest,
};

use super::step::{Belief, Step};
use crate::error::Error;
use crate::local::config::{Config, Rows};
use crate::put::Feed;
use crate::rows::shard_of;

/// Applies the changes of `feed`.
pub(super) fn apply(
    config: &Config,
    rows: &Rows,
    delta: &Delta,
    feed: &mut Feed<Change>,
) -> SinkResult<Receipt> {
    let mut step = Step::begin(config, rows, &delta.scope, &delta.target, Belief::Recorded)?;
    if fence::delta(Some(&step.before.checkpoint), delta)? == Position::Target {
        return Ok(Receipt::starting_at(&step.before.checkpoint));
    }
    let fits = step.before.current.as_ref().is_some_and(|current| current.layout == config.shape());
    if !fits || !step.left_overs.is_empty() {
        let message = "the documents of this scope are in doubt, or of another layout";
        return Err(SinkError::new(ErrorKind::StaleBase, message));
    }
    while let Some(changes) = feed.next()? {
        for change in changes {
            match change {
                Change::Upsert(row) => step.consider(row)?,
                Change::Remove(identity) => {
                    step.load(shard_of(identity.key()))?;
                    step.receipt.removed += u64::from(step.ledger.remove(identity.key()));
                }
            }
        }
        step.flush(&feed.caller)?;
    }
    step.settle_later()?;
    step.flush(&feed.caller)?;
    step.commit(&feed.caller)
}

/// Makes the scope's documents those of the rows of `feed`, and of what is unknown.
pub(super) fn reconcile(
    config: &Config,
    rows: &Rows,
    export: &Complete,
    feed: &mut Feed<Row>,
) -> SinkResult<Receipt> {
    let target = export.target();
    let mut step = Step::begin(config, rows, export.scope(), target, Belief::Verified)?;
    step.read_left_overs()?;
    step.load_all()?;
    let (mut count, mut digest) = (0_u64, ScopeDigest::default());
    while let Some(rows) = feed.next()? {
        for row in rows {
            count += 1;
            digest.add(row.digest());
            step.consider(row)?;
        }
        step.flush(&feed.caller)?;
    }
    // Rows that end early would look like deletions.
    if count != target.rows || target.digest.is_some_and(|announced| announced != digest) {
        let announced = target.digest.unwrap_or_default();
        return Err(Error::Incomplete {
            delivered: format!("{count} rows with digest {digest}"),
            announced: format!("{} rows with digest {announced}", target.rows),
        }
        .into());
    }
    step.receipt.removed += step.ledger.sweep(export.unknown());
    step.settle_later()?;
    step.flush(&feed.caller)?;
    step.commit(&feed.caller)
}

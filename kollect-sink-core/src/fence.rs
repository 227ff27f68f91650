//! The rules of claims and of guarded writes as pure functions, so that all destinations judge alike. It
//! stores nothing: a destination calls these between reading and writing its checkpoint, under its own lock
//! or compare-and-set.

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::header::{Checkpoint, Claim, ClaimMode, Delta, Rejected, Writer};
use crate::partition::Unknown;

/// Where a destination stands with regard to a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// At the base: the changes are to be written.
    Base,
    /// At the target already: nothing is to be written.
    Target,
}

/// The checkpoint that a claim makes of what is stored: epoch + 1, revision 0, the claim's writer, the rest
/// kept. The epoch is above all that the claimant has seen, also where the destination lost its own.
///
/// # Errors
/// `ForeignWriter` and `Fenced` as [`Sink::claim`](crate::sink::Sink::claim) says.
pub fn claim(stored: Option<&Checkpoint>, claim: &Claim) -> Result<Checkpoint> {
    let Some(stored) = stored else {
        return Ok(Checkpoint {
            writer: claim.writer.clone(),
            epoch: claim.seen_epoch + 1,
            revision: 0,
            digest: None,
            rows: 0,
            rejected: Rejected::default(),
            unknown: Unknown::none(),
            shape: Digest([0; 16]),
            generation: 0,
            exported_at: claim.at,
        });
    };
    let vacant = stored.writer.as_str().is_empty();
    if !vacant && stored.writer != claim.writer {
        if claim.mode == ClaimMode::Own {
            return Err(foreign(&stored.writer));
        }
    } else if stored.epoch > claim.seen_epoch {
        return Err(fenced(stored.epoch, claim.seen_epoch));
    }
    Ok(Checkpoint {
        writer: claim.writer.clone(),
        epoch: stored.epoch.max(claim.seen_epoch) + 1,
        revision: 0,
        ..stored.clone()
    })
}

/// Whether the owner of `target` may still write a full state.
///
/// # Errors
/// `ForeignWriter`, `Fenced`, and `StaleBase` where the claim is not there any more.
pub fn write(stored: Option<&Checkpoint>, target: &Checkpoint) -> Result<()> {
    let Some(stored) = stored else {
        return Err(stale("the destination lost its checkpoint"));
    };
    let vacant = stored.writer.as_str().is_empty();
    if !vacant && stored.writer != target.writer {
        return Err(foreign(&stored.writer));
    }
    match stored.epoch.cmp(&target.epoch) {
        std::cmp::Ordering::Greater => Err(fenced(stored.epoch, target.epoch)),
        std::cmp::Ordering::Less => Err(stale("the destination fell back behind the claim")),
        std::cmp::Ordering::Equal if vacant => Err(stale("the scope was retired")),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// Whether a delta fits what is stored.
///
/// # Errors
/// Those of [`write()`], and `StaleBase` where the destination is neither at the base nor at the target.
pub fn delta(stored: Option<&Checkpoint>, delta: &Delta) -> Result<Position> {
    write(stored, &delta.target)?;
    match stored.map(|stored| stored.revision) {
        Some(revision) if revision == delta.target.revision => Ok(Position::Target),
        Some(revision) if revision == delta.base.revision => Ok(Position::Base),
        _ => Err(stale("the destination is at another revision")),
    }
}

/// What stays of a scope after its rows are gone; `None` where it is gone already.
///
/// # Errors
/// Those of [`write()`] except that a missing checkpoint has nothing to retire.
pub fn retire(stored: Option<&Checkpoint>, held: &Checkpoint) -> Result<Option<Checkpoint>> {
    let Some(stored) = stored else { return Ok(None) };
    if stored.writer.as_str().is_empty() && stored.epoch == held.epoch {
        return Ok(None);
    }
    write(Some(stored), held)?;
    Ok(Some(Checkpoint {
        writer: Writer::default(),
        digest: None,
        rows: 0,
        rejected: Rejected::default(),
        unknown: Unknown::none(),
        ..stored.clone()
    }))
}

fn foreign(owner: &Writer) -> Error {
    Error::new(ErrorKind::ForeignWriter, format!("the scope belongs to another writer, {owner}"))
}

fn fenced(stored: u64, ours: u64) -> Error {
    let message = format!("a later instance of this writer holds epoch {stored}, this one knows {ours}");
    Error::new(ErrorKind::Fenced, message)
}

fn stale(message: &str) -> Error {
    Error::new(ErrorKind::StaleBase, message)
}

#[cfg(test)]
mod tests;

//! The rules of claims and guarded writes as tables.

use jiff::Timestamp;

use super::{Position, claim, delta, retire, write};
use crate::digest::{Digest, ScopeDigest};
use crate::error::ErrorKind::{Fenced, ForeignWriter, StaleBase};
use crate::header::{Checkpoint, Claim, ClaimMode, Delta, Rejected, Writer};
use crate::partition::Unknown;

fn at(writer: &str, epoch: u64, revision: u64) -> Checkpoint {
    Checkpoint {
        writer: Writer::new(writer),
        epoch,
        revision,
        digest: Some(ScopeDigest::default()),
        rows: 7,
        rejected: Rejected::default(),
        unknown: Unknown::none(),
        shape: Digest([1; 16]),
        generation: 3,
        exported_at: Timestamp::UNIX_EPOCH,
    }
}

fn wish(seen_epoch: u64, mode: ClaimMode) -> Claim {
    Claim { writer: Writer::new("me"), seen_epoch, mode, at: Timestamp::UNIX_EPOCH }
}

#[test]
fn claims() {
    use ClaimMode::{Own, TakeOver};
    let table = [
        (None, 0, Own, Ok(1)),
        // The destination lost its checkpoint: the epoch does not fall.
        (None, 4, Own, Ok(5)),
        (Some(at("me", 3, 9)), 3, Own, Ok(4)),
        (Some(at("me", 3, 9)), 2, Own, Err(Fenced)),
        (Some(at("me", 3, 9)), 2, TakeOver, Err(Fenced)),
        // A restored backup is behind what the claimant has seen.
        (Some(at("me", 3, 9)), 5, Own, Ok(6)),
        (Some(at("other", 3, 9)), 3, Own, Err(ForeignWriter)),
        (Some(at("other", 3, 9)), 0, TakeOver, Ok(4)),
        (Some(at("", 3, 9)), 3, Own, Ok(4)),
        (Some(at("", 3, 9)), 2, Own, Err(Fenced)),
    ];
    for (stored, seen, mode, expected) in table {
        let found = claim(stored.as_ref(), &wish(seen, mode));
        let label = format!("{stored:?} {seen} {mode:?}");
        match (found, expected) {
            (Ok(found), Ok(epoch)) => {
                assert_eq!((found.epoch, found.revision, found.writer.as_str()), (epoch, 0, "me"), "{label}");
                let kept = (found.digest, found.rows, found.generation);
                let before =
                    stored.map_or((None, 0, 0), |stored| (stored.digest, stored.rows, stored.generation));
                assert_eq!(kept, before, "{label}");
            }
            (found, expected) => {
                assert_eq!(found.map_err(|error| error.kind()), expected.map(|_| at("", 0, 0)))
            }
        }
    }
}

#[test]
fn writes_and_deltas() {
    let export =
        Delta { base: at("me", 3, 5), target: at("me", 3, 8), scope: crate::Scope::new("", "", "i") };
    let table = [
        (Some(at("me", 3, 5)), Ok(()), Ok(Position::Base)),
        (Some(at("me", 3, 8)), Ok(()), Ok(Position::Target)),
        (Some(at("me", 3, 6)), Ok(()), Err(StaleBase)),
        (Some(at("me", 2, 5)), Err(StaleBase), Err(StaleBase)),
        (Some(at("me", 4, 0)), Err(Fenced), Err(Fenced)),
        (Some(at("other", 3, 5)), Err(ForeignWriter), Err(ForeignWriter)),
        (Some(at("other", 9, 5)), Err(ForeignWriter), Err(ForeignWriter)),
        (Some(at("", 3, 5)), Err(StaleBase), Err(StaleBase)),
        (Some(at("", 4, 5)), Err(Fenced), Err(Fenced)),
        (None, Err(StaleBase), Err(StaleBase)),
    ];
    for (stored, full, change) in table {
        assert_eq!(write(stored.as_ref(), &export.target).map_err(|error| error.kind()), full, "{stored:?}");
        assert_eq!(delta(stored.as_ref(), &export).map_err(|error| error.kind()), change, "{stored:?}");
    }
}

#[test]
fn retiring_keeps_the_epoch_and_repeats_as_nothing() {
    let held = at("me", 3, 0);
    assert_eq!(retire(None, &held).expect("nothing is there"), None);
    let left = retire(Some(&at("me", 3, 9)), &held).expect("it is ours").expect("a checkpoint stays");
    assert_eq!((left.writer.as_str(), left.epoch, left.rows, left.digest), ("", 3, 0, None));
    assert_eq!(retire(Some(&left), &held).expect("a repetition"), None);
    for (stored, kind) in
        [(at("me", 4, 0), Fenced), (at("other", 3, 0), ForeignWriter), (at("", 4, 0), Fenced)]
    {
        assert_eq!(retire(Some(&stored), &held).map_err(|error| error.kind()), Err(kind));
    }
}

//! What a step of the driver tells its caller. It decides nothing.

use jiff::{SignedDuration, Timestamp};

use crate::error::Error;
use crate::partition::Pattern;
use crate::plan::Cause;
use crate::receipt::Receipt;

/// What a step did, how the scope stands, and when to call again.
#[derive(Debug)]
pub struct Outcome {
    /// What was done.
    pub did: Did,
    /// How the scope stands now.
    pub state: State,
    /// When the next step makes sense.
    pub again: Again,
}

/// What a step did.
#[derive(Debug)]
pub enum Did {
    /// Nothing, not even ask.
    Nothing,
    /// The destination was asked; nothing was written.
    Confirmed,
    /// Rows or a checkpoint were written.
    Exported(Export, Receipt),
    /// It tried, and failed. What the destination holds is read anew by the next step.
    Failed(Error),
}

/// How rows were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// Changes only.
    Delta,
    /// A full pass.
    Full(Cause),
}

/// How a scope stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The destination holds exactly the rows of the view, except for refused ones.
    Synced,
    /// The source has not settled.
    Gathering,
    /// A change waits for its cadence or for quiet.
    Pacing,
    /// A document waits until this is known again.
    Held(Pattern),
    /// So many rows are missing after a start that the source has to confirm it.
    Braked {
        /// Rows that the destination holds.
        stored: u64,
        /// Rows that the source has.
        found: u64,
    },
    /// The last attempt failed; it is tried again.
    Failing,
    /// A later instance of this writer took over: this driver never writes again.
    Fenced,
}

/// A wait in which changes are not looked at one by one.
const SHORT: SignedDuration = SignedDuration::from_millis(100);

/// When to call [`Driver::step`](super::Driver::step) again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// At this time; a change before that needs no call.
    At(Timestamp),
    /// When something changes.
    OnChange,
    /// When something changes, and at this time.
    OnChangeOrAt(Timestamp),
    /// Never.
    Never,
}

impl Again {
    pub(crate) fn on_change_or(at: Option<Timestamp>) -> Self {
        at.map_or(Self::OnChange, Self::OnChangeOrAt)
    }

    /// What a paced change waits for: to be called for each that comes meanwhile costs more than a short wait.
    pub(crate) fn paced(now: Timestamp, until: Timestamp) -> Self {
        if until.duration_since(now) <= SHORT { Self::At(until) } else { Self::OnChangeOrAt(until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_wait_of_a_paced_change_is_cut_short_by_others() {
        let now = Timestamp::UNIX_EPOCH;
        let soon = now + SHORT;
        assert_eq!(Again::paced(now, soon), Again::At(soon));
        let later = soon + SignedDuration::from_millis(1);
        assert_eq!(Again::paced(now, later), Again::OnChangeOrAt(later));
    }
}

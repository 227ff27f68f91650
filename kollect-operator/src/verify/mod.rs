//! `verify`: the inventory's own rows, collected as the operator collects them, compared with what its sinks
//! hold. It writes nothing, and believes no checkpoint.

pub mod compare;
pub mod error;
pub mod look;
pub mod objects;
pub mod report;
pub mod source;
pub mod subject;
pub mod text;

use std::time::Duration;

use futures::{StreamExt, stream};
use kollect_sink_core::Checkpoint;
use kollect_snapshot::InventoryId;

use crate::collect::Done;
use crate::collect::finding::{Finding, Weight};
use crate::collect::progress::Progress;
use crate::engine::CollectionDefaults;
use crate::export::secrets::Secrets;
use crate::export::settings::ExportSettings;
use crate::index::Index;
use crate::reconcile::controller::inventory_id;
pub use error::Error;
use look::{Prints, Seen};
use report::{Export, Report};
use source::Source;
use subject::{Choice, Chosen, Opened, Subject};

/// Sinks that are read at the same time.
const AT_ONCE: usize = 4;

/// What is to be verified.
pub struct Request {
    /// The Kollect objects.
    pub index: Index,
    /// What could not be read of them: where, and why.
    pub problems: Vec<(String, String)>,
    /// Where objects are read.
    pub source: Source,
    /// Which inventories and sinks.
    pub choice: Choice,
    /// Rules of collection.
    pub defaults: CollectionDefaults,
    /// Rules of exports; nothing is exported.
    pub settings: ExportSettings,
    /// Where Secrets are.
    pub secrets: Secrets,
    /// Differing rows that are named for each inventory and sink.
    pub limit: usize,
    /// How long differences may take to vanish.
    pub settle: Duration,
}

/// Compares, and where something differs compares again until it is equal or the time is over. What counts then
/// is what differed in the last look and in the one before, half of that time earlier. Dropping the future ends
/// it.
///
/// # Errors
/// Nothing can be compared at all. What goes wrong with one inventory or sink is in the report.
pub async fn verify(request: Request, progress: &Progress) -> Result<Report, Error> {
    let Request { index, problems, source, choice, defaults, settings, secrets, limit, settle } = request;
    let chosen = Chosen::of(index, &choice, &defaults)?;
    let subjects = chosen.open(&secrets, &settings).await;
    let mut pauses = pauses(settle).into_iter();
    let mut states: Vec<State<'_>> = subjects.iter().map(State::new).collect();
    let mut looks = 0;
    let mut done = source.gather(&chosen.index, &defaults, progress).await?;
    loop {
        looks += 1;
        let open = states.iter_mut().filter(|state| state.is_open());
        stream::iter(open).for_each_concurrent(AT_ONCE, |state| state.look(&done, limit, progress)).await;
        if !states.iter().any(State::is_open) {
            break;
        }
        // A sink that could be read at last only has shown nothing twice yet.
        let once_more = || states.iter().any(State::is_fresh).then_some(settle / 2);
        let Some(pause) = pauses.next().or_else(once_more).filter(|pause| !pause.is_zero()) else { break };
        settle_down(pause, progress).await;
        if source.moves() {
            done = source.gather(&chosen.index, &defaults, progress).await?;
        }
    }
    let exports: Vec<Export> = stream::iter(states).map(State::report).buffered(AT_ONCE).collect().await;
    let failed = |(what, why)| Finding { weight: Weight::Failed, what, why };
    let unread: Vec<Finding> = problems.into_iter().map(failed).collect();
    Ok(Report::new(looks, exports, &chosen.left_out, &unread, &done.gathered.findings))
}

/// Waits between looks: short at first, so that what is on its way costs little time; half of the time at last,
/// so that what counts is what stayed.
fn pauses(settle: Duration) -> Vec<Duration> {
    if settle.is_zero() { Vec::new() } else { [8, 8, 4, 2].map(|part| settle / part).into() }
}

async fn settle_down(pause: Duration, progress: &Progress) {
    let bar = progress.note("differences may be on their way: looking again soon");
    tokio::time::sleep(pause).await;
    bar.finish_and_clear();
}

/// How far the comparison of one subject is.
struct State<'s> {
    subject: &'s Subject,
    last: Last,
    /// Whether `last` is the first look that succeeded.
    first: bool,
}

enum Last {
    None,
    Seen(Seen),
    Failed(String),
}

impl<'s> State<'s> {
    fn new(subject: &'s Subject) -> Self {
        let last = match &subject.sink {
            Ok(_) => Last::None,
            Err(why) => Last::Failed(why.clone()),
        };
        Self { subject, last, first: true }
    }

    /// Whether another look may tell more.
    fn is_open(&self) -> bool {
        match &self.last {
            Last::None => true,
            Last::Seen(seen) => !seen.equal(),
            Last::Failed(_) => self.subject.sink.is_ok(),
        }
    }

    /// Whether differences were seen once only.
    fn is_fresh(&self) -> bool {
        self.first && matches!(&self.last, Last::Seen(seen) if !seen.equal())
    }

    async fn look(&mut self, done: &Done, limit: usize, progress: &Progress) {
        let Ok(opened) = &self.subject.sink else { return };
        let id = inventory_id(&self.subject.id.inventory);
        let earlier = match &self.last {
            Last::Seen(seen) => Some(&seen.prints),
            Last::None | Last::Failed(_) => None,
        };
        let first = earlier.is_none();
        self.last = match look(&id, opened, done, earlier, limit, progress).await {
            Ok(seen) => Last::Seen(seen),
            Err(why) => Last::Failed(why),
        };
        self.first = first;
    }

    async fn report(self) -> Export {
        let Self { subject, last, .. } = self;
        match last {
            Last::Seen(seen) => {
                let checkpoint = if seen.counts.sum() > 0 { checkpoint(subject).await } else { None };
                Export::compared(subject, seen, checkpoint.as_ref())
            }
            Last::Failed(why) => Export::unchecked(subject, why),
            Last::None => Export::unchecked(subject, String::new()),
        }
    }
}

async fn look(
    id: &InventoryId,
    opened: &Opened,
    done: &Done,
    earlier: Option<&Prints>,
    limit: usize,
    progress: &Progress,
) -> Result<Seen, String> {
    let view = done.gathered.inventories.iter().find(|(name, _)| name == id).map(|(_, view)| view);
    let view = view.filter(|_| done.usable).ok_or("nothing of the inventory's own rows could be read")?;
    let bar = progress.rows(&opened.sink.to_string());
    let seen = look::look(view, opened, earlier, limit, &bar).await;
    bar.finish_and_clear();
    seen.map_err(|error| error.chain())
}

/// What the sink says of itself: good for hints, and for nothing else.
async fn checkpoint(subject: &Subject) -> Option<Checkpoint> {
    let opened = subject.sink.as_ref().ok()?;
    opened.sink.checkpoint(&opened.scope).await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_fill_the_time_and_the_last_two_lie_half_of_it_apart() {
        for seconds in [1, 10, 60] {
            let settle = Duration::from_secs(seconds);
            let pauses = pauses(settle);
            assert_eq!(pauses.iter().sum::<Duration>(), settle);
            assert_eq!(pauses.last(), Some(&(settle / 2)));
        }
        assert!(pauses(Duration::ZERO).is_empty());
    }
}

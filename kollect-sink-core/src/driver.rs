//! Keeps one scope of one destination equal to a source, one step per call. It never sleeps, spawns nothing,
//! takes no lock, and reads no clock: time and randomness are arguments.

mod export;
mod known;
mod outcome;
mod refused;
mod retire;

use std::fmt;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;

use crate::capability::Atomicity;
use crate::error::{Error, ErrorClass, ErrorKind, Result};
use crate::header::{Checkpoint, ClaimMode, Writer};
use crate::pace::{Cadence, Pace, Timer};
use crate::partition::{Pattern, Unknown};
use crate::plan::{self, Cause, Facts, Progress, RoleKind, Standing, Step, Trust};
use crate::retry::{Backoff, Jitter, part_of};
use crate::row::RowKey;
use crate::scope::Scope;
use crate::sink::Sink;
use crate::source::View;

use known::Known;
pub use outcome::{Again, Did, Export, Outcome, State};
use refused::Refused;
pub use retire::Retired;

/// How long a scope waits after an error that somebody has to act on.
pub const TERMINAL_WAIT: Duration = Duration::from_secs(600);

/// How often a full pass looks for what others changed, at the latest.
pub const FULL_PASS_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a driver is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What is exported.
    pub scope: Scope,
    /// Who exports it.
    pub writer: Writer,
    /// Whether another writer's scope may be taken: once, by this driver's first claim.
    pub mode: ClaimMode,
    /// How often the scope may be written.
    pub cadence: Cadence,
    /// After how long the checkpoint of an unchanged destination is read again: never where absent, at least
    /// one second, and no more often than the destination's capabilities say.
    pub confirm_after: Option<Duration>,
    /// The last request for a full pass that a former process fulfilled.
    pub fulfilled: Option<String>,
}

/// What a step works with.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// The rows.
    pub view: &'a dyn View,
    /// How far the source is.
    pub standing: Standing,
    /// The time when the step starts; waits count from it.
    pub now: Timestamp,
    /// A token that asks for one full pass when it changes.
    pub requested: Option<&'a str>,
}

/// Keeps one scope of one destination equal to a source.
///
/// A caller loops: take a view, call [`Driver::step`], wait as its [`Again`] says. The destination is handed to
/// each call, so that a new connection needs no new driver. Dropping the future of a step is safe: the next
/// step asks the destination what became of it.
pub struct Driver {
    settings: Settings,
    jitter: Box<dyn Jitter>,
    known: Known,
    progress: Progress,
    fenced: bool,
    /// Contents of partitions that were unknown at the last full pass.
    unswept: Unknown,
    refused: Refused,
    /// A full pass that the last failure or a new connection asks for.
    owed: Option<Cause>,
    pace: Pace,
    backoff: Backoff,
    waiting: Option<Timer>,
    /// When the destination answered last.
    contact: Option<Timestamp>,
    full_pass: Option<Timer>,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings, known, progress, waiting, .. } = self;
        f.debug_struct("Driver")
            .field("settings", settings)
            .field("known", known)
            .field("progress", progress)
            .field("waiting", waiting)
            .finish_non_exhaustive()
    }
}

impl Driver {
    /// A driver that knows nothing of its destination yet.
    pub fn new(settings: Settings, jitter: impl Jitter + 'static) -> Self {
        Self {
            known: Known::new(settings.writer.clone()),
            settings,
            jitter: Box::new(jitter),
            progress: Progress::Starting,
            fenced: false,
            unswept: Unknown::none(),
            refused: Refused::default(),
            owed: None,
            pace: Pace::default(),
            backoff: Backoff::default(),
            waiting: None,
            contact: None,
            full_pass: None,
        }
    }

    /// Performs at most one step: asks the destination where that is needed, and writes once where that is.
    ///
    /// Memory: one batch, whatever the number of rows. Dropping the future at any point is safe.
    pub async fn step(&mut self, sink: &dyn Sink, situation: &Situation<'_>) -> Outcome {
        if self.fenced {
            return Outcome { did: Did::Nothing, state: State::Fenced, again: Again::Never };
        }
        if let Some(wait) = self.waiting.filter(|wait| !wait.due(situation.now)) {
            return Outcome { did: Did::Nothing, state: State::Failing, again: Again::At(wait.until) };
        }
        match self.advance(sink, situation).await {
            Ok(outcome) => outcome,
            Err(error) => self.fail(error, situation.now),
        }
    }

    /// Ends a wait after an error, because something that it depends on changed. A fenced driver stays fenced.
    pub fn wake(&mut self) {
        self.waiting = None;
    }

    /// Notes that the connection to the destination is new: other credentials, or other settings. Ends a wait,
    /// asks the destination again, and tries refused rows again.
    pub fn reconnected(&mut self) {
        self.waiting = None;
        self.known.doubt();
        if self.refused.count() > 0 {
            self.owed = Some(Cause::Reconnected);
        }
    }

    /// Changes cadence and confirmation from the next step on.
    pub fn set_pace(&mut self, cadence: Cadence, confirm_after: Option<Duration>) {
        self.settings.cadence = cadence;
        self.settings.confirm_after = confirm_after;
    }

    /// The destination's checkpoint, where it is known.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.known.stored().flatten()
    }

    /// The last request for a full pass that was fulfilled.
    pub fn fulfilled(&self) -> Option<&str> {
        self.settings.fulfilled.as_deref()
    }

    /// Keys of rows that this process saw refused, at most
    /// [`REJECTED_SAMPLE`](crate::receipt::REJECTED_SAMPLE); [`Driver::checkpoint`] has the count.
    pub fn refused(&self) -> impl Iterator<Item = &RowKey> {
        self.refused.keys()
    }

    async fn advance(&mut self, sink: &dyn Sink, situation: &Situation<'_>) -> Result<Outcome> {
        let now = situation.now;
        if self.confirm(sink).is_some_and(|timer| timer.due(now)) {
            self.known.doubt();
        }
        let did = self.ask(sink, now).await?;
        let role = RoleKind::from(&sink.role());
        let head = situation.view.head();
        let stored = self.known.stored().flatten();
        let facts = Facts {
            role,
            writer: &self.settings.writer,
            mode: self.settings.mode,
            stored,
            synced: self.known.synced(),
            trust: self.known.trust(),
            unswept: &self.unswept,
            head,
            standing: situation.standing,
            shape: plan::shape(role, sink.shape(), head),
            full: self.full_pass_due(situation),
            progress: self.progress,
        };
        let urgent = matches!(facts.full, Some(Cause::Requested | Cause::Reconnected));
        let step = match plan::plan(&facts) {
            // Which rows those are, and whether this change mends one of them, only a full pass tells.
            Step::Delta { .. } if self.refused.inherited() && role == RoleKind::Reconciled => {
                Step::Full(Cause::Reconnected)
            }
            step => step,
        };
        let exported_at = stored.filter(|stored| stored.generation > 0).map(|stored| stored.exported_at);
        let (state, again) = match step {
            Step::Nothing => return Ok(self.rest(did, sink, situation)),
            Step::Foreign => return Err(self.foreign()),
            Step::Gather => (State::Gathering, Again::OnChange),
            Step::Hold(ref pattern) => (State::Held(pattern.clone()), Again::OnChange),
            Step::Brake { stored, found } => (State::Braked { stored, found }, Again::OnChange),
            Step::Delta { .. } | Step::Full(_) => {
                let Settings { cadence, .. } = self.settings;
                match self.pace.wait(now, head.revision, exported_at, cadence, sink.capabilities()) {
                    Some(until) if !urgent => (State::Pacing, Again::paced(now, until)),
                    _ => match stale(role, situation.view).await? {
                        Some(pattern) => (State::Held(pattern), Again::OnChange),
                        None => return self.export(sink, situation, &step).await,
                    },
                }
            }
        };
        Ok(Outcome { did, state, again })
    }

    /// Reads the destination's checkpoint where it is in doubt.
    async fn ask(&mut self, sink: &dyn Sink, now: Timestamp) -> Result<Did> {
        if self.known.stored().is_some() {
            return Ok(Did::Nothing);
        }
        let answer = sink.checkpoint(&self.settings.scope).await?;
        self.known.read(answer, unfinished(sink))?;
        if let Some(stored) = self.known.stored().flatten() {
            self.refused.agree(&stored.rejected);
        }
        self.contact = Some(now);
        Ok(Did::Confirmed)
    }

    /// When an unchanged destination is to be asked again.
    fn confirm(&self, sink: &dyn Sink) -> Option<Timer> {
        let least = sink.capabilities().confirm_every.max(Duration::from_secs(1));
        Some(Timer::after(self.contact?, self.settings.confirm_after?.max(least)))
    }

    /// The destination holds the rows: notes it, and until when that is believed.
    fn rest(&mut self, did: Did, sink: &dyn Sink, situation: &Situation<'_>) -> Outcome {
        let head = situation.view.head();
        if self.progress == Progress::Starting {
            self.unswept = head.unknown.clone();
        }
        self.known.equal_to(head.revision);
        self.progress = Progress::Running;
        self.backoff.succeed();
        self.pace.rest();
        if self.full_pass.is_none() {
            // Anywhere within the day, so that many scopes started together spread out, and so that a process
            // that restarts often gets to it too.
            let wait = part_of(FULL_PASS_EVERY, self.jitter.as_mut());
            self.full_pass = Some(Timer::after(situation.now, wait));
        }
        Outcome { did, state: State::Synced, again: self.next_look(sink) }
    }

    /// When a synced scope is to be looked at again.
    fn next_look(&self, sink: &dyn Sink) -> Again {
        let timers = [self.confirm(sink), self.full_pass];
        Again::on_change_or(timers.iter().flatten().map(|timer| timer.until).min())
    }

    fn full_pass_due(&self, situation: &Situation<'_>) -> Option<Cause> {
        let requested = situation.requested.is_some() && situation.requested != self.fulfilled();
        let daily = self.full_pass.is_some_and(|timer| timer.due(situation.now));
        let requested = requested.then_some(Cause::Requested);
        requested.or(self.owed).or(daily.then_some(Cause::Daily))
    }

    fn foreign(&self) -> Error {
        let owner = self.checkpoint().map(|stored| stored.writer.as_str()).unwrap_or_default();
        Error::new(ErrorKind::ForeignWriter, format!("the scope belongs to another writer, {owner}"))
    }

    fn fail(&mut self, error: Error, now: Timestamp) -> Outcome {
        self.known.doubt();
        match error.kind() {
            ErrorKind::Fenced => {
                self.fenced = true;
                return Outcome { did: Did::Failed(error), state: State::Fenced, again: Again::Never };
            }
            ErrorKind::StaleBase => {
                self.known.forget();
                self.owed = Some(Cause::StaleBase);
            }
            _ => {}
        }
        let wait = match error.class() {
            ErrorClass::Transient => self.backoff.fail(now, self.jitter.as_mut()),
            ErrorClass::Terminal | ErrorClass::Forbidden => TERMINAL_WAIT,
        };
        let timer = Timer::after(now, wait);
        self.waiting = Some(timer);
        Outcome { did: Did::Failed(error), state: State::Failing, again: Again::At(timer.until) }
    }
}

/// What a write to `sink` leaves if it stops in the middle.
fn unfinished(sink: &dyn Sink) -> Trust {
    match sink.capabilities().atomicity {
        Atomicity::Export => Trust::Whole,
        Atomicity::Batch | Atomicity::Row => Trust::Interrupted,
    }
}

/// What is unknown although the view has rows of it, from when it was known. A document with such rows would
/// not tell them from rows that it lacks for being unknown, and a later one could drop them unseen.
async fn stale(role: RoleKind, view: &dyn View) -> Result<Option<Pattern>> {
    let unknown = &view.head().unknown;
    if role != RoleKind::Snapshot || unknown.is_empty() {
        return Ok(None);
    }
    let mut rows = view.rows();
    while let Some(batch) = rows.next().await {
        for row in batch? {
            let partition = row.identity().partition();
            if let Some(pattern) = unknown.patterns().find(|pattern| pattern.covers(&partition)) {
                return Ok(Some(pattern.clone()));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;

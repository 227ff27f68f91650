//! What the cases share: the destination under test, and assertions that are counted. It holds no case.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;

use crate::driver::{Driver, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::header::{Checkpoint, Claim, ClaimMode, Complete, Delta, Writer};
use crate::pace::Cadence;
use crate::plan::{self, RoleKind};
use crate::rebatch::{Limits, rebatch};
use crate::receipt::Receipt;
use crate::row::{IdentityError, Row, RowKey};
use crate::scope::Scope;
use crate::sink::{Role, Sink};
use crate::source::View;

use super::fixture::{Contents, Destination, Fixture, FixtureError, NotApplicable};
use super::rows::item;
use super::source::VecView;

/// Why a case ends before its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// The backend lacks what the case is about.
    Excused(NotApplicable),
    /// The case does not hold.
    Broken(String),
}

impl Failure {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self::Broken(reason.into())
    }
}

impl From<NotApplicable> for Failure {
    fn from(reason: NotApplicable) -> Self {
        Self::Excused(reason)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Broken(format!("unexpected {} error: {}", error.kind().as_str(), error.chain()))
    }
}

impl From<FixtureError> for Failure {
    fn from(error: FixtureError) -> Self {
        Self::Broken(format!("the fixture failed: {error}"))
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        Self::Broken(format!("a row cannot be made: {error}"))
    }
}

/// The writer that most cases write as.
pub(super) const WRITER: &str = "cluster-1/kollect";

/// The time of the suite's first step.
pub(super) const START: i64 = 1_700_000_000;

/// A destination under test.
pub(super) struct Subject<'a> {
    pub(super) fixture: &'a dyn Fixture,
    pub(super) destination: Box<dyn Destination>,
    pub(super) sink: Arc<dyn Sink>,
    checks: AtomicUsize,
}

impl<'a> Subject<'a> {
    pub(super) async fn fresh(fixture: &'a dyn Fixture) -> Result<Self, Failure> {
        let destination = fixture.fresh().await?;
        let sink = destination.open()?;
        Ok(Self { fixture, destination, sink, checks: AtomicUsize::new(0) })
    }

    pub(super) fn checks(&self) -> usize {
        self.checks.load(Ordering::Relaxed)
    }

    /// Asserts.
    pub(super) fn check(&self, holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
        self.checks.fetch_add(1, Ordering::Relaxed);
        if holds { Ok(()) } else { Err(Failure::new(otherwise())) }
    }

    /// Asserts that two values are equal.
    pub(super) fn same<T: PartialEq + fmt::Debug>(
        &self,
        what: &str,
        found: T,
        wanted: T,
    ) -> Result<(), Failure> {
        self.check(found == wanted, || format!("{what}: found {found:?}, wanted {wanted:?}"))
    }

    /// Asserts that a call fails in one of these kinds.
    pub(super) fn refuses<T: fmt::Debug>(
        &self,
        what: &str,
        answer: Result<T>,
        kinds: &[ErrorKind],
    ) -> Result<(), Failure> {
        match answer {
            Ok(answer) => Err(Failure::new(format!("{what}: wanted {kinds:?}, it went well: {answer:?}"))),
            Err(error) => self.check(kinds.contains(&error.kind()), || {
                format!("{what}: wanted {kinds:?}, found {:?}: {}", error.kind(), error.chain())
            }),
        }
    }

    /// Asserts that an independent reader finds exactly `rows` in `scope`.
    pub(super) async fn holds<'r>(
        &self,
        scope: &Scope,
        rows: impl IntoIterator<Item = &'r Row>,
    ) -> Result<(), Failure> {
        let wanted: Contents = rows.into_iter().map(|row| (row.identity().to_key(), item(row))).collect();
        let found = self.destination.read_back(scope).await?;
        self.check(found == wanted, || difference(&found, &wanted))
    }

    pub(super) fn role(&self) -> RoleKind {
        RoleKind::from(&self.sink.role())
    }

    /// Excuses a case from destinations that take whole documents.
    pub(super) fn takes_changes(&self) -> Result<(), NotApplicable> {
        match self.role() {
            RoleKind::Snapshot => Err(NotApplicable("it takes whole documents, and no changes")),
            RoleKind::Projection | RoleKind::Reconciled => Ok(()),
        }
    }

    /// Excuses a case from destinations that take changes only.
    pub(super) fn takes_full_states(&self) -> Result<(), NotApplicable> {
        match self.role() {
            RoleKind::Projection => {
                Err(NotApplicable("it takes changes only, and cannot tell what it holds"))
            }
            RoleKind::Snapshot | RoleKind::Reconciled => Ok(()),
        }
    }

    /// Excuses a case from destinations other than those that reconcile.
    pub(super) fn reconciles(&self) -> Result<(), NotApplicable> {
        match self.role() {
            RoleKind::Reconciled => Ok(()),
            _ => Err(NotApplicable("it does not compare single rows")),
        }
    }

    /// Claims `scope` as `writer`, from the epoch that is stored now.
    pub(super) async fn claim(&self, scope: &Scope, writer: &str) -> Result<Checkpoint> {
        let stored = self.sink.checkpoint(scope).await?;
        let seen_epoch = stored.map_or(0, |stored| stored.epoch);
        self.claim_from(scope, writer, seen_epoch, ClaimMode::Own).await
    }

    pub(super) async fn claim_from(
        &self,
        scope: &Scope,
        writer: &str,
        seen_epoch: u64,
        mode: ClaimMode,
    ) -> Result<Checkpoint> {
        let claim = Claim { writer: Writer::new(writer), seen_epoch, mode, at: at(0) };
        self.sink.claim(scope, claim).await
    }

    /// The checkpoint that `view` makes after `base`.
    pub(super) fn target(&self, base: &Checkpoint, view: &dyn View) -> Checkpoint {
        let head = view.head();
        let shape = plan::shape(self.role(), self.sink.shape(), head);
        plan::target(base, &base.writer, head, shape, at(60))
    }

    /// Makes `scope` equal to `view` by a full pass from `base`, by whatever the role has for that; where it
    /// takes changes only, every row is sent.
    pub(super) async fn full(&self, scope: &Scope, base: &Checkpoint, view: &dyn View) -> Result<Receipt> {
        let target = self.target(base, view);
        let limits = Limits::from(self.sink.capabilities());
        let rows = rebatch(view.rows(), limits);
        let complete = Complete::declare(scope.clone(), target.clone(), view.head().schema.clone());
        match self.sink.role() {
            Role::Snapshot(sink) => sink.replace(&complete, rows).await,
            Role::Reconciled(sink) => sink.reconcile(&complete, rows).await,
            Role::Projection(sink) => {
                let delta = Delta { scope: scope.clone(), base: base.clone(), target };
                let changes = view.changes_since(1).ok_or_else(no_journal)?;
                sink.apply(&delta, rebatch(changes, limits)).await
            }
        }
    }

    /// Sends what changed in `view` after `since`.
    pub(super) async fn delta(
        &self,
        scope: &Scope,
        base: &Checkpoint,
        view: &VecView,
        since: u64,
    ) -> Result<Receipt> {
        let delta = Delta { scope: scope.clone(), base: base.clone(), target: self.target(base, view) };
        let changes = view.changes_since(since).ok_or_else(no_journal)?;
        let changes = rebatch(changes, Limits::from(self.sink.capabilities()));
        match self.sink.role() {
            Role::Projection(sink) => sink.apply(&delta, changes).await,
            Role::Reconciled(sink) => sink.apply(&delta, changes).await,
            Role::Snapshot(_) => Err(Error::new(ErrorKind::Protocol, "a document takes no changes")),
        }
    }

    /// Removes what `scope` holds.
    pub(super) async fn end(&self, scope: &Scope, held: &Checkpoint) -> Result<()> {
        match self.sink.role() {
            Role::Snapshot(sink) => sink.remove(scope, held).await,
            Role::Reconciled(sink) => sink.retire(scope, held).await,
            Role::Projection(_) => Err(Error::new(ErrorKind::Protocol, "it takes changes only")),
        }
    }

    /// Claims `scope` and fills it; returns what was reached.
    pub(super) async fn fill(&self, scope: &Scope, view: &dyn View) -> Result<Checkpoint> {
        let base = self.claim(scope, WRITER).await?;
        Ok(self.full(scope, &base, view).await?.reached)
    }
}

fn no_journal() -> Error {
    Error::new(ErrorKind::Source, "the view has no journal")
}

/// The scope of most cases.
pub(super) fn scope() -> Scope {
    Scope::new("cluster-1", "team-a", "inventory")
}

/// A time of the suite, in seconds after its start.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A driver as a new process would make it, with constants for randomness.
pub(super) fn driver(scope: Scope) -> Driver {
    let settings = Settings {
        scope,
        writer: Writer::new(WRITER),
        mode: ClaimMode::Own,
        cadence: Cadence::OnChange,
        confirm_after: None,
        fulfilled: None,
    };
    Driver::new(settings, || 43_200_000)
}

/// The first differences between two contents, for people.
fn difference(found: &Contents, wanted: &Contents) -> String {
    let mut lines: BTreeMap<&RowKey, String> = BTreeMap::new();
    for (key, value) in wanted {
        match found.get(key) {
            None => drop(lines.insert(key, format!("{key} is missing"))),
            Some(other) if other != value => {
                drop(lines.insert(key, format!("{key} is {}, wanted {}", brief(other), brief(value))));
            }
            Some(_) => {}
        }
    }
    for key in found.keys().filter(|key| !wanted.contains_key(key)) {
        lines.insert(key, format!("{key} should not be there"));
    }
    let shown: Vec<String> = lines.values().take(3).cloned().collect();
    format!(
        "{} rows found, {} wanted; {} differ: {}",
        found.len(),
        wanted.len(),
        lines.len(),
        shown.join("; ")
    )
}

fn brief(value: &serde_json::Value) -> String {
    value.to_string().chars().take(200).collect()
}

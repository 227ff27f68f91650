//! Destinations that are wrong in one way each, to prove that the suite finds it.

use std::fmt;
use std::sync::Arc;

use futures::StreamExt;
use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt};

use crate::capability::{Atomicity, Capabilities};
use crate::change::Change;
use crate::conformance::{
    Contents, Damage, Destination, Fixture, FixtureError, NotApplicable, Reference, ReferenceFixture, Style,
    Traits, Verdict, suite,
};
use crate::delete_reconcile::DeleteReconcile;
use crate::digest::Digest;
use crate::error::Result;
use crate::header::{Checkpoint, Claim, ClaimMode, Complete, Delta};
use crate::partition::Unknown;
use crate::plan::RoleKind;
use crate::probe::{ProbeDepth, ProbeReport};
use crate::projection::Projection;
use crate::receipt::{Receipt, Rejections};
use crate::row::Row;
use crate::scope::Scope;
use crate::sink::{Held, Listing, Role, Sink};
use crate::source::Batches;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    KeepsDeletedRows,
    LosesRows,
    DeletesUnknown,
    MixesClusters,
    LetsEverybodyClaim,
    HidesRefusals,
    ForgetsUnknown,
    TakesACutForTheEnd,
    ListsBackwards,
    ForgetsEpochOfTheRetired,
    CountsReplays,
}

use Fault::*;

/// Each fault, and a case that must find it.
const TABLE: [(Fault, &str); 11] = [
    (KeepsDeletedRows, "deletion"),
    (LosesRows, "empty_to_full"),
    (DeletesUnknown, "unknown_partitions_keep_rows"),
    (MixesClusters, "two_clusters_do_not_touch"),
    (LetsEverybodyClaim, "foreign_writer_is_refused"),
    (HidesRefusals, "rejected_row_alone"),
    (ForgetsUnknown, "checkpoint_is_read_back_exactly"),
    (TakesACutForTheEnd, "cut_between_batches_then_reconcile"),
    (ListsBackwards, "listing_shows_what_is_held"),
    (ForgetsEpochOfTheRetired, "retire_keeps_the_epoch"),
    (CountsReplays, "replay_is_a_no_op"),
];

#[test]
fn each_fault_is_found_by_its_case() {
    for (fault, case) in TABLE {
        let report = block_on(suite::run_only(&Broken(fault), |name| name == case));
        assert!(
            matches!(report.cases.as_slice(), [(_, Verdict::Failed(_))]),
            "{fault:?} is not found by {case}: {report}"
        );
    }
}

/// What tears data apart is also found by living random histories.
#[test]
fn histories_find_faults_that_lose_or_keep_rows() {
    for fault in [KeepsDeletedRows, LosesRows, DeletesUnknown, TakesACutForTheEnd] {
        let found = (0..60).any(|seed| {
            let history = crate::conformance::History::random(seed, 60);
            block_on(suite::live(&Broken(fault), &history)).is_err()
        });
        assert!(found, "{fault:?}");
    }
}

const STYLE: Style = Style { role: RoleKind::Reconciled, atomicity: Atomicity::Export };

struct Broken(Fault);

impl Fixture for Broken {
    fn traits(&self) -> Traits {
        ReferenceFixture(STYLE).traits()
    }

    fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Destination>, FixtureError>> {
        let destination: Box<dyn Destination> = Box::new(BrokenSink(self.0, Reference::new(STYLE)));
        async move { Ok(destination) }.boxed()
    }

    fn wrong_credentials(&self) -> Result<(Arc<dyn Sink>, String), NotApplicable> {
        ReferenceFixture(STYLE).wrong_credentials()
    }

    fn unreachable(&self) -> Result<Arc<dyn Sink>, NotApplicable> {
        ReferenceFixture(STYLE).unreachable()
    }
}

#[derive(Clone, Debug)]
struct BrokenSink(Fault, Reference);

impl BrokenSink {
    fn scope(&self, scope: &Scope) -> Scope {
        match self.0 {
            MixesClusters => Scope { cluster: "".into(), ..scope.clone() },
            _ => scope.clone(),
        }
    }

    fn spoil<'a, T: Send + 'a>(
        &self,
        batches: Batches<'a, T>,
        keep: impl Fn(&T) -> bool + Send + 'a,
    ) -> Batches<'a, T> {
        match self.0 {
            TakesACutForTheEnd => batches.take_while(|batch| std::future::ready(batch.is_ok())).boxed(),
            KeepsDeletedRows | LosesRows => {
                batches.map(move |batch| batch.map(|all| all.into_iter().filter(&keep).collect())).boxed()
            }
            _ => batches,
        }
    }

    fn receipt(&self, receipt: Receipt) -> Receipt {
        match self.0 {
            HidesRefusals => Receipt { rejected: Rejections::default(), ..receipt },
            CountsReplays => Receipt { written: receipt.written + 1, ..receipt },
            _ => receipt,
        }
    }

    /// Whether the fault leaves this row alone.
    fn keeps(fault: Fault) -> impl Fn(&Row) -> bool {
        move |row| fault != LosesRows || !row.identity().uid().ends_with('5')
    }
}

impl fmt::Display for BrokenSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.fmt(f)
    }
}

impl Sink for BrokenSink {
    fn role(&self) -> Role<'_> {
        Role::Reconciled(self)
    }

    fn capabilities(&self) -> &Capabilities {
        self.1.capabilities()
    }

    fn shape(&self) -> Digest {
        self.1.shape()
    }

    fn checkpoint<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<Option<Checkpoint>>> {
        async move {
            let mut found = self.1.checkpoint(&self.scope(scope)).await?;
            if let (ForgetsUnknown, Some(found)) = (self.0, &mut found) {
                found.unknown = Unknown::none();
            }
            Ok(found)
        }
        .boxed()
    }

    fn claim<'a>(&'a self, scope: &'a Scope, claim: Claim) -> BoxFuture<'a, Result<Checkpoint>> {
        async move {
            let claim = match self.0 {
                LetsEverybodyClaim => Claim { mode: ClaimMode::TakeOver, ..claim },
                _ => claim,
            };
            self.1.claim(&self.scope(scope), claim).await
        }
        .boxed()
    }

    fn list<'a>(&'a self, scope: &'a Scope, listing: Listing) -> Batches<'a, Held> {
        let batches = self.1.list(scope, listing);
        match self.0 {
            ListsBackwards => batches
                .map(|batch| {
                    batch.map(|mut held| {
                        held.reverse();
                        held
                    })
                })
                .boxed(),
            _ => batches,
        }
    }

    fn probe(&self, depth: ProbeDepth) -> BoxFuture<'_, ProbeReport> {
        self.1.probe(depth)
    }
}

impl Projection for BrokenSink {
    fn apply<'a>(
        &'a self,
        export: &'a Delta,
        changes: Batches<'a, Change>,
    ) -> BoxFuture<'a, Result<Receipt>> {
        let keeps = Self::keeps(self.0);
        let changes = self.spoil(changes, move |change| match change {
            Change::Upsert(row) => keeps(row),
            Change::Remove(_) => false,
        });
        async move {
            let export = Delta { scope: self.scope(&export.scope), ..export.clone() };
            Ok(self.receipt(self.1.apply(&export, changes).await?))
        }
        .boxed()
    }
}

impl DeleteReconcile for BrokenSink {
    fn reconcile<'a>(
        &'a self,
        export: &'a Complete,
        rows: Batches<'a, Row>,
    ) -> BoxFuture<'a, Result<Receipt>> {
        let rows = self.spoil(rows, Self::keeps(self.0));
        async move {
            let mut target = export.target().clone();
            if self.0 == DeletesUnknown {
                target.unknown = Unknown::none();
            }
            let complete = Complete::declare(self.scope(export.scope()), target, export.schema().clone());
            Ok(self.receipt(self.1.reconcile(&complete, rows).await?))
        }
        .boxed()
    }

    fn retire<'a>(&'a self, scope: &'a Scope, held: &'a Checkpoint) -> BoxFuture<'a, Result<()>> {
        async move {
            let scope = self.scope(scope);
            self.1.retire(&scope, held).await?;
            if self.0 == ForgetsEpochOfTheRetired {
                self.1.inflict(&scope, Damage::LoseCheckpoint).await.expect("done").expect("applies");
            }
            Ok(())
        }
        .boxed()
    }
}

impl Destination for BrokenSink {
    fn open(&self) -> Result<Arc<dyn Sink>, FixtureError> {
        Ok(Arc::new(self.clone()))
    }

    fn read_back<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<Contents, FixtureError>> {
        async move { self.1.read_back(&self.scope(scope)).await }.boxed()
    }

    fn inflict<'a>(
        &'a self,
        scope: &'a Scope,
        damage: Damage,
    ) -> BoxFuture<'a, Result<Result<(), NotApplicable>, FixtureError>> {
        self.1.inflict(scope, damage)
    }

    fn foreign_data_intact(&self) -> BoxFuture<'_, Result<bool, FixtureError>> {
        self.1.foreign_data_intact()
    }
}

//! The list of cases and their run. It starts no server and sets no time limit: the caller's test does.

use std::fmt;

use futures::future::BoxFuture;

use super::cases;
use super::fixture::{Fixture, NotApplicable};
use super::history::History;
use super::subject::{Failure, Subject, scope};
use super::world::World;

/// One thing that every destination has to prove.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) run: for<'a> fn(&'a Subject<'a>) -> BoxFuture<'a, Result<(), Failure>>,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds; so many assertions were made.
    Passed(usize),
    /// The backend has no such thing, for this reason.
    NotApplicable(&'static str),
    /// It does not hold.
    Failed(String),
}

/// All cases with what came of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Name and verdict, in the order of the run.
    pub cases: Vec<(&'static str, Verdict)>,
}

impl Report {
    /// Whether no case failed and at least one passed.
    pub fn passed(&self) -> bool {
        let failed = self.cases.iter().any(|(_, verdict)| matches!(verdict, Verdict::Failed(_)));
        !failed && self.cases.iter().any(|(_, verdict)| matches!(verdict, Verdict::Passed(_)))
    }

    /// Names of the cases that did not apply.
    pub fn not_applicable(&self) -> impl Iterator<Item = &'static str> {
        let excused = |verdict: &Verdict| matches!(verdict, Verdict::NotApplicable(_));
        self.cases.iter().filter(move |(_, verdict)| excused(verdict)).map(|(name, _)| *name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, verdict) in &self.cases {
            match verdict {
                Verdict::Passed(checks) => writeln!(f, "ok    {name} ({checks} checks)")?,
                Verdict::NotApplicable(reason) => writeln!(f, "n/a   {name}: not applicable: {reason}")?,
                Verdict::Failed(reason) => writeln!(f, "FAIL  {name}: {reason}")?,
            }
        }
        Ok(())
    }
}

/// Names of all cases, in the order of the run.
pub fn names() -> impl Iterator<Item = &'static str> {
    cases::ALL.iter().map(|case| case.name)
}

/// Runs every case, each on a fresh destination.
pub async fn run(fixture: &dyn Fixture) -> Report {
    run_only(fixture, |_| true).await
}

/// Runs the cases whose names are `wanted`.
pub async fn run_only(fixture: &dyn Fixture, wanted: impl Fn(&str) -> bool) -> Report {
    let mut report = Report::default();
    for case in cases::ALL.iter().filter(|case| wanted(case.name)) {
        report.cases.push((case.name, judge(fixture, case).await));
    }
    report
}

async fn judge(fixture: &dyn Fixture, case: &Case) -> Verdict {
    let subject = match Subject::fresh(fixture).await {
        Ok(subject) => subject,
        Err(failure) => return verdict(failure),
    };
    match (case.run)(&subject).await {
        Ok(()) if subject.checks() == 0 => Verdict::Failed("it checked nothing".to_owned()),
        Ok(()) => Verdict::Passed(subject.checks()),
        Err(failure) => verdict(failure),
    }
}

fn verdict(failure: Failure) -> Verdict {
    match failure {
        Failure::Excused(NotApplicable(reason)) => Verdict::NotApplicable(reason),
        Failure::Broken(reason) => Verdict::Failed(reason),
    }
}

/// Lives through `history` on a fresh destination and compares it with the model at each step.
///
/// # Errors
/// What went wrong, and after which event.
pub async fn live(fixture: &dyn Fixture, history: &History) -> Result<(), String> {
    let outcome = async {
        let subject = Subject::fresh(fixture).await?;
        World::new(&subject, scope())?.live(history).await
    };
    match outcome.await {
        Ok(()) => Ok(()),
        Err(Failure::Excused(NotApplicable(reason))) => Err(format!("not applicable: {reason}")),
        Err(Failure::Broken(reason)) => Err(reason),
    }
}

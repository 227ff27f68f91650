//! Cases about destinations that cannot be reached or entered. They export nothing.

use crate::error::ErrorKind::{Authentication, Permission, Timeout, Unreachable};
use crate::probe::{ProbeDepth, ProbeReport};

use super::super::rows::fleet;
use super::super::source::Source;
use super::super::subject::{Failure, Subject, scope};

/// A failed probe ends with the step that failed, and says something.
fn fails(subject: &Subject<'_>, report: &ProbeReport) -> Result<(), Failure> {
    let last = report.steps.last().filter(|step| !step.ok && !step.message.is_empty());
    subject.check(!report.ok() && last.is_some(), || format!("a probe that must fail: {report:?}"))
}

pub(super) async fn probe_says_that_all_is_well(subject: &Subject<'_>) -> Result<(), Failure> {
    let rows = fleet(3)?;
    for round in 0..2 {
        for depth in [ProbeDepth::Read, ProbeDepth::Write] {
            let report = subject.sink.probe(depth).await;
            let well = report.ok() && !report.steps.is_empty();
            subject.check(well, || format!("{depth:?} of a destination that works: {report:?}"))?;
        }
        if round == 0 {
            subject.holds(&scope(), []).await?;
            subject.fill(&scope(), &Source::of(rows.clone()).view()).await?;
        }
    }
    subject.holds(&scope(), &rows).await
}

pub(super) async fn wrong_credentials_are_classified(subject: &Subject<'_>) -> Result<(), Failure> {
    let (sink, secret) = subject.fixture.wrong_credentials()?;
    let answer = sink.checkpoint(&scope()).await;
    let told = answer.as_ref().err().map(|error| format!("{error:?} {}", error.chain())).unwrap_or_default();
    subject.refuses("a checkpoint with wrong credentials", answer, &[Authentication, Permission])?;
    let report = sink.probe(ProbeDepth::Write).await;
    fails(subject, &report)?;
    for text in [told, format!("{sink}"), format!("{sink:?}"), format!("{report:?}")] {
        subject.check(!text.contains(&secret), || "a message shows the secret".to_owned())?;
    }
    Ok(())
}

pub(super) async fn unreachable_address_is_classified(subject: &Subject<'_>) -> Result<(), Failure> {
    let sink = subject.fixture.unreachable()?;
    let answer = sink.checkpoint(&scope()).await;
    subject.refuses("a checkpoint of nobody", answer, &[Unreachable, Timeout])?;
    fails(subject, &sink.probe(ProbeDepth::Read).await)
}

//! Cases about what a full pass leaves behind. They know no driver.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt;

use crate::change::Change;
use crate::row::{KeyRef, Row};
use crate::source::{Batches, Head, View};

use super::super::fixture::{Memory, NotApplicable};
use super::super::rows::{Generated, awkward, changed, fleet, item, row, sized};
use super::super::source::Source;
use super::super::subject::{Failure, Subject, WRITER, scope};

pub(super) async fn empty_to_full(subject: &Subject<'_>) -> Result<(), Failure> {
    let rows = fleet(23)?;
    let before = subject.sink.checkpoint(&scope()).await?;
    subject.same("the checkpoint of a scope that never was", before, None)?;
    subject.holds(&scope(), []).await?;
    let base = subject.claim(&scope(), WRITER).await?;
    let receipt = subject.full(&scope(), &base, &Source::of(rows.clone()).view()).await?;
    subject.same("rows removed", receipt.removed, 0)?;
    subject.same("rows refused", receipt.rejected.count, 0)?;
    subject.check(receipt.written > 0, || "the receipt says that nothing was written".to_owned())?;
    subject.holds(&scope(), &rows).await
}

pub(super) async fn full_pass_makes_equal(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let rows = fleet(30)?;
    let reached = subject.fill(&scope(), &Source::of(rows.clone()).view()).await?;
    // Some gone, some changed, some new, most as they were.
    let mut after: Vec<Row> = rows.iter().skip(4).cloned().collect();
    after.iter_mut().step_by(5).for_each(|row| *row = changed(row, r#"{"image":"other"}"#));
    after.extend(fleet(37)?.into_iter().skip(30));
    let mut source = Source::of(after.clone());
    source.truncate_journal();
    let receipt = subject.full(&scope(), &reached, &source.view()).await?;
    subject.holds(&scope(), &after).await?;
    if subject.reconciles().is_ok() {
        subject.same("rows removed", receipt.removed, 4)?;
        subject.same("rows written", receipt.written, 6 + 7)?;
    }
    Ok(())
}

pub(super) async fn deletion(subject: &Subject<'_>) -> Result<(), Failure> {
    let rows = fleet(9)?;
    let mut source = Source::of(rows.clone());
    let reached = subject.fill(&scope(), &source.view()).await?;
    let since = source.head().revision;
    let kept: Vec<Row> = rows.iter().filter(|row| !row.identity().uid().ends_with('4')).cloned().collect();
    rows.iter().filter(|row| !kept.contains(row)).for_each(|row| source.remove(row.key()));
    if subject.takes_changes().is_ok() {
        let receipt = subject.delta(&scope(), &reached, &source.view(), since).await?;
        subject.same("rows removed", receipt.removed, (rows.len() - kept.len()) as u64)?;
    } else {
        subject.full(&scope(), &reached, &source.view()).await?;
    }
    subject.holds(&scope(), &kept).await
}

pub(super) async fn empty_inventory(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let nothing = Source::default();
    let reached = subject.fill(&scope(), &nothing.view()).await?;
    subject.holds(&scope(), []).await?;
    subject.check(reached.digest.is_some(), || "an empty state is not remembered as complete".to_owned())?;
    let filled = subject.full(&scope(), &reached, &Source::of(fleet(12)?).view()).await?;
    subject.holds(&scope(), &fleet(12)?).await?;
    let emptied = subject.full(&scope(), &filled.reached, &nothing.view()).await?;
    subject.same("rows in the checkpoint", emptied.reached.rows, 0)?;
    subject.holds(&scope(), []).await
}

pub(super) async fn unchanged_full_pass_writes_nothing(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let view = Source::of(fleet(17)?).view();
    let reached = subject.fill(&scope(), &view).await?;
    let again = subject.full(&scope(), &reached, &view).await?;
    subject.same("rows written and removed", (again.written, again.removed), (0, 0))?;
    subject.same("generation", again.reached.generation, reached.generation)?;
    subject.same("time of the last material export", again.reached.exported_at, reached.exported_at)?;
    subject.holds(&scope(), &fleet(17)?).await
}

pub(super) async fn awkward_characters_and_numbers(subject: &Subject<'_>) -> Result<(), Failure> {
    let rows = awkward()?;
    let reached = subject.fill(&scope(), &Source::of(rows.clone()).view()).await?;
    subject.same("rows refused", reached.rejected.count, 0)?;
    subject.holds(&scope(), &rows).await?;
    // The order of keys is the destination's as well: an unchanged full pass finds each row.
    if subject.takes_full_states().is_ok() {
        let again = subject.full(&scope(), &reached, &Source::of(rows.clone()).view()).await?;
        subject.same("rows written and removed again", (again.written, again.removed), (0, 0))?;
    }
    subject.holds(&scope(), &rows).await
}

pub(super) async fn rejected_row_alone(subject: &Subject<'_>) -> Result<(), Failure> {
    let mut rows = fleet(21)?;
    let refused = match subject.fixture.traits().refused {
        Ok(refused) => refused,
        Err(_) => {
            // Then nothing that others refuse may be refused.
            rows.push(row("t", "ns", "nul", r#"{"text":"a\u0000b"}"#)?);
            rows.push(row("t", "ns", "deep", &format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100)))?);
            let reached = subject.fill(&scope(), &Source::of(rows.clone()).view()).await?;
            subject.same("rows refused", reached.rejected.count, 0)?;
            return subject.holds(&scope(), &rows).await;
        }
    };
    let mut source = Source::of(rows.clone());
    source.upsert(refused.clone());
    let base = subject.claim(&scope(), WRITER).await?;
    let receipt = subject.full(&scope(), &base, &source.view()).await?;
    let keys: Vec<_> = receipt.rejected.rows.iter().map(|row| (row.key.clone(), row.digest)).collect();
    subject.same("refused rows", keys, vec![(refused.identity().to_key(), refused.digest())])?;
    subject.same("count of refused rows", receipt.rejected.count, 1)?;
    subject.same("count in the checkpoint", receipt.reached.rejected.count, 1)?;
    let example = receipt.reached.rejected.example.clone();
    subject.same("example in the checkpoint", example, Some(refused.key().to_string()))?;
    subject.same("digest reached", receipt.reached.digest, Some(source.head().digest))?;
    let secret = refused.attributes().trim_matches(['{', '}']);
    let told = receipt.rejected.rows.iter().any(|row| row.reason.contains(secret));
    subject.check(!told, || "the reason repeats the contents of the row".to_owned())?;
    subject.holds(&scope(), &rows).await?;
    subject.same("checkpoint", subject.sink.checkpoint(&scope()).await?, Some(receipt.reached))
}

pub(super) async fn rows_up_to_the_largest(subject: &Subject<'_>) -> Result<(), Failure> {
    const TRIED: usize = 8 << 20;
    let largest = subject.fixture.traits().largest_row;
    let mut rows = fleet(6)?;
    rows.push(sized("huge", largest.min(TRIED) - 64)?);
    let mut source = Source::of(rows.clone());
    if largest < TRIED {
        source.upsert(sized("too-large", largest + largest / 4)?);
    }
    let reached = subject.fill(&scope(), &source.view()).await?;
    subject.same("rows refused", reached.rejected.count, u64::from(largest < TRIED))?;
    subject.holds(&scope(), &rows).await
}

/// 100,000 rows of 1 KiB: some 120 MiB with their identities. A destination's bound leaves no room for them.
pub(super) async fn hundred_thousand_rows_with_flat_memory(subject: &Subject<'_>) -> Result<(), Failure> {
    const ROWS: u64 = 100_000;
    subject.takes_full_states()?;
    let Memory::Theirs { bound } = subject.fixture.traits().memory else {
        return Err(NotApplicable("the rows end up in the memory that would be measured").into());
    };
    let resident = || resident().ok_or(NotApplicable("this system does not tell its memory"));
    let view = Generated::new(ROWS, 1024)?;
    let base = subject.claim(&scope(), WRITER).await?;
    // A small export first, so that what a client keeps for good does not count.
    let base = subject.full(&scope(), &base, &Generated::new(2000, 1024)?).await?.reached;
    let before = resident()?;
    let watched = Watched { view, peak: AtomicU64::new(0) };
    let receipt = subject.full(&scope(), &base, &watched).await?;
    let peak = watched.peak.into_inner().max(resident()?);
    let grown = peak.saturating_sub(before);
    subject.check(grown <= bound, || format!("memory grew by {} MiB", grown >> 20))?;
    subject.same("rows reached", receipt.reached.rows, ROWS)?;
    let found = subject.destination.read_back(&scope()).await?;
    subject.same("rows found", found.len() as u64, ROWS)?;
    for index in [0, 1, 1999, 2000, 54_321, ROWS - 1] {
        let row = watched.view.row_at(index)?;
        let held = found.get(&row.identity().to_key());
        subject.check(held == Some(&item(&row)), || format!("row {index} differs"))?;
    }
    Ok(())
}

/// Notes the highest resident memory at each batch that is read.
struct Watched {
    view: Generated,
    peak: AtomicU64,
}

impl View for Watched {
    fn head(&self) -> &Head {
        self.view.head()
    }

    fn rows(&self) -> Batches<'_, Row> {
        let note = |_: &_| {
            self.peak.fetch_max(resident().unwrap_or(0), Ordering::Relaxed);
        };
        self.view.rows().inspect(note).boxed()
    }

    fn changes_since(&self, revision: u64) -> Option<Batches<'_, Change>> {
        self.view.changes_since(revision)
    }

    fn row(&self, key: KeyRef<'_>) -> Option<Row> {
        self.view.row(key)
    }
}

/// Resident memory of this process in bytes, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

//! Waits, claims and full passes of the driver against the model destination; what must always hold is
//! proved by the conformance suite and its random histories.

mod ownership;

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use jiff::Timestamp;

use super::{
    Again, Did, Driver, Export, FULL_PASS_EVERY, Outcome, Settings, Situation, State, TERMINAL_WAIT,
};
use crate::capability::Atomicity;
use crate::conformance::rows::{changed, fleet, namespace_pattern};
use crate::conformance::{Damage, Destination, Fault, Faulty, Reference, Source, Style};
use crate::error::ErrorKind;
use crate::header::{ClaimMode, Writer};
use crate::pace::Cadence;
use crate::partition::Unknown;
use crate::plan::{Cause, RoleKind, Standing};
use crate::scope::Scope;
use crate::sink::Sink;

const DELTAS: Style = Style { role: RoleKind::Reconciled, atomicity: Atomicity::Export };
const DOCUMENTS: Style = Style { role: RoleKind::Snapshot, atomicity: Atomicity::Export };

fn settings() -> Settings {
    Settings {
        scope: Scope::new("c", "n", "i"),
        writer: Writer::new("me"),
        mode: ClaimMode::Own,
        cadence: Cadence::OnChange,
        confirm_after: None,
        fulfilled: None,
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + millis).expect("in range")
}

/// A driver, its destination and its source. Half of every jittered bound is drawn where that is even.
struct Bench {
    driver: Driver,
    sink: Reference,
    source: Source,
    standing: Standing,
    requested: Option<&'static str>,
}

impl Bench {
    fn new(style: Style, settings: Settings) -> Self {
        Self {
            driver: Driver::new(settings, || 43_200_000),
            sink: Reference::new(style),
            source: Source::of(fleet(10).expect("rows")),
            standing: Standing::Settled,
            requested: None,
        }
    }

    fn step(&mut self, millis: i64) -> Outcome {
        self.step_with(&[], millis)
    }

    fn step_with(&mut self, faults: &[Fault], millis: i64) -> Outcome {
        let view = self.source.view();
        let situation =
            Situation { view: &view, standing: self.standing, now: at(millis), requested: self.requested };
        let sink = Faulty::new(Arc::new(self.sink.clone()), faults.iter().copied());
        block_on(self.driver.step(&sink, &situation))
    }

    /// Changes one row.
    fn change(&mut self, value: u32) {
        let row = fleet(1).expect("rows").remove(0);
        self.source.upsert(changed(&row, &format!("{{\"value\":{value}}}")));
    }

    fn in_sync(&self) -> bool {
        let held = self.sink.rows(&settings().scope);
        held.values().eq(self.source.rows())
    }

    /// Another instance of the same installation.
    fn rival(&self, mode: ClaimMode, writer: &str) -> Self {
        let settings = Settings { mode, writer: Writer::new(writer), ..settings() };
        Self { sink: self.sink.clone(), ..Self::new(DELTAS, settings) }
    }
}

fn export(outcome: &Outcome) -> Option<Export> {
    match &outcome.did {
        Did::Exported(export, _) => Some(*export),
        _ => None,
    }
}

fn error(outcome: &Outcome) -> Option<ErrorKind> {
    match &outcome.did {
        Did::Failed(error) => Some(error.kind()),
        _ => None,
    }
}

fn after(millis: i64, wait: Duration) -> Again {
    Again::At(at(millis).checked_add(wait).expect("in range"))
}

#[test]
fn the_first_pass_is_full_and_the_next_ones_follow_the_changes() {
    let mut bench = Bench::new(DELTAS, settings());
    assert_eq!(export(&bench.step(0)), Some(Export::Full(Cause::FirstContact)));
    bench.change(1);
    let outcome = bench.step(1000);
    assert_eq!(export(&outcome), Some(Export::Delta));
    assert!(matches!(&outcome.did, Did::Exported(_, receipt) if receipt.written == 1));
    assert!(bench.in_sync());
    bench.source.truncate_journal();
    assert!(matches!(bench.step(2000).did, Did::Nothing));
    // The journal lost what the destination has not seen yet.
    bench.change(2);
    bench.source.truncate_journal();
    assert_eq!(export(&bench.step(3000)), Some(Export::Full(Cause::JournalGap)));
    assert!(bench.in_sync());
}

#[test]
fn transient_errors_back_off_and_nothing_is_asked_meanwhile() {
    let mut bench = Bench::new(DELTAS, settings());
    let mut now = 0;
    let mut waits = Vec::new();
    for _ in 0..10 {
        let outcome = bench.step_with(&[Fault::FailBefore], now);
        assert_eq!((error(&outcome), &outcome.state), (Some(ErrorKind::Unavailable), &State::Failing));
        let Again::At(until) = outcome.again else { panic!("{outcome:?}") };
        let wait = until.as_millisecond() - at(now).as_millisecond();
        let early = bench.step(now + wait - 1);
        assert!(matches!(early.did, Did::Nothing) && early.state == State::Failing);
        waits.push(wait);
        now += wait;
    }
    let bounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300];
    for (wait, bound) in waits.iter().zip(bounds) {
        assert!((100..=bound * 1000).contains(wait), "{waits:?}");
    }
    // A step that goes well starts the series anew.
    assert_eq!(bench.step(now).state, State::Synced);
    bench.change(1);
    let outcome = bench.step_with(&[Fault::FailBefore], now + 1000);
    assert!(matches!(outcome.again, Again::At(until) if until <= at(now + 2000)), "{outcome:?}");
}

#[test]
fn reads_that_go_well_do_not_reset_the_back_off_of_writes() {
    let mut bench = Bench::new(DELTAS, settings());
    for attempt in 0..5 {
        // Checkpoint and claim are answered; the write fails.
        let faults = [Fault::Pass, Fault::FailBefore, Fault::FailBefore];
        bench.step_with(&faults, attempt * 400_000);
    }
    assert_eq!(bench.driver.backoff.failures(), 5);
}

#[test]
fn an_hour_of_failures_is_caught_up_by_a_delta() {
    let mut bench = Bench::new(DELTAS, settings());
    bench.step(0);
    for attempt in 1..12 {
        bench.change(attempt);
        let outcome = bench.step_with(&[Fault::FailBefore], i64::from(attempt) * 300_000);
        assert_eq!(error(&outcome), Some(ErrorKind::Unavailable));
    }
    assert_eq!(export(&bench.step(3_600_000)), Some(Export::Delta));
    assert!(bench.in_sync());
}

#[test]
fn terminal_errors_wait_ten_minutes_or_for_a_change() {
    let mut bench = Bench::new(DELTAS, settings());
    bench.step(0);
    let scope = settings().scope;
    block_on(bench.sink.inflict(&scope, Damage::GarbleCheckpoint)).expect("done").expect("applies");
    bench.change(1);
    let outcome = bench.step(1000);
    assert_eq!(error(&outcome), Some(ErrorKind::Corrupt));
    assert_eq!(outcome.again, after(1000, TERMINAL_WAIT));
    assert!(matches!(bench.step(2000).did, Did::Nothing));
    bench.driver.wake();
    assert_eq!(error(&bench.step(3000)), Some(ErrorKind::Corrupt));
}

#[test]
fn an_unchanged_destination_is_asked_as_often_as_told() {
    let mut bench =
        Bench::new(DELTAS, Settings { confirm_after: Some(Duration::from_secs(30)), ..settings() });
    assert_eq!(bench.step(0).again, Again::OnChangeOrAt(at(30_000)));
    assert!(matches!(bench.step(29_999).did, Did::Nothing));
    assert!(matches!(bench.step(30_000).did, Did::Confirmed));
    assert!(matches!(bench.step(59_999).did, Did::Nothing));
    // Somebody set the destination back: found when it is asked, and repaired by a full pass.
    let scope = settings().scope;
    block_on(bench.sink.inflict(&scope, Damage::LoseCheckpoint)).expect("done").expect("applies");
    assert_eq!(export(&bench.step(60_000)), Some(Export::Full(Cause::FirstContact)));

    // Below one second counts as one second; absent means never.
    let mut eager = Bench::new(DELTAS, Settings { confirm_after: Some(Duration::ZERO), ..settings() });
    assert_eq!(eager.step(0).again, Again::OnChangeOrAt(at(1000)));
    let mut never = Bench::new(DELTAS, settings());
    never.step(0);
    assert!(matches!(never.step(3_600_000).did, Did::Nothing));
}

#[test]
fn requests_and_days_bring_full_passes() {
    let mut bench = Bench::new(DELTAS, Settings { fulfilled: Some("old".into()), ..settings() });
    bench.requested = Some("old");
    bench.step(0);
    assert!(matches!(bench.step(1000).did, Did::Nothing));
    bench.requested = Some("new");
    assert_eq!(export(&bench.step(1001)), Some(Export::Full(Cause::Requested)));
    assert_eq!(bench.driver.fulfilled(), Some("new"));
    assert!(matches!(bench.step(2000).did, Did::Nothing));
    let day = i64::try_from(FULL_PASS_EVERY.as_millis()).expect("fits");
    assert_eq!(export(&bench.step(2000 + day)), Some(Export::Full(Cause::Daily)));
    assert!(matches!(bench.step(3000 + day).did, Did::Nothing));

    // A restart with nothing changed asks once, writes nothing, and does its pass within the day.
    let mut restarted = bench.rival(ClaimMode::Own, "me");
    restarted.source = bench.source.clone();
    let outcome = restarted.step(day * 2);
    assert!(matches!(outcome.did, Did::Confirmed));
    assert_eq!(outcome.again, Again::OnChangeOrAt(at(day * 2 + 43_200_000)));
    assert_eq!(export(&restarted.step(day * 2 + 43_200_000)), Some(Export::Full(Cause::Daily)));
}

#[test]
fn rows_of_a_part_that_was_unknown_before_a_restart_go_when_it_is_known_to_lack_them() {
    let mut first = Bench::new(DELTAS, settings());
    first.step(0);
    let lost = namespace_pattern("t0", "ns-0");
    let gone: Vec<_> =
        first.source.rows().filter(|row| lost.covers(&row.identity().partition())).cloned().collect();
    assert!(!gone.is_empty());
    let start = |seconds: i64| {
        let mut next = first.rival(ClaimMode::Own, "me");
        gone.iter().for_each(|row| next.source.remove(row.key()));
        next.source.set_unknown(Unknown::from_iter([lost.clone()]));
        let outcome = next.step(seconds * 1000);
        (next, outcome)
    };
    let (second, outcome) = start(10);
    assert_eq!(export(&outcome), Some(Export::Full(Cause::FirstContact)));
    assert_eq!(second.sink.rows(&settings().scope).len(), 10, "nothing unknown is deleted");
    // The next process finds its checkpoint, and makes no full pass.
    let (mut third, outcome) = start(20);
    assert!(matches!(outcome.did, Did::Confirmed), "{outcome:?}");
    third.source.set_unknown(Unknown::none());
    assert_eq!(export(&third.step(30_000)), Some(Export::Full(Cause::Learned)));
    assert!(third.in_sync());
}

#[test]
fn nothing_is_written_before_the_source_has_settled() {
    let mut bench = Bench::new(DELTAS, settings());
    bench.standing = Standing::Gathering;
    assert_eq!(bench.step(0).state, State::Gathering);
    assert_eq!(block_on(bench.sink.checkpoint(&settings().scope)).expect("answered"), None);
    bench.standing = Standing::Settled;
    assert_eq!(bench.step(1).state, State::Synced);
}

#[test]
fn a_start_that_lost_most_rows_waits_until_that_is_confirmed() {
    let mut before = Bench::new(DELTAS, settings());
    before.source = Source::of(fleet(300).expect("rows"));
    before.step(0);
    let mut restarted = before.rival(ClaimMode::Own, "me");
    let outcome = restarted.step(1000);
    assert_eq!(outcome.state, State::Braked { stored: 300, found: 10 });
    assert!(before.in_sync());
    restarted.standing = Standing::Confirmed;
    assert_eq!(restarted.step(2000).state, State::Synced);
    assert!(restarted.in_sync());
}

#[test]
fn documents_are_held_while_something_in_them_is_unknown() {
    let mut bench = Bench::new(DOCUMENTS, settings());
    let lost = namespace_pattern("t0", "ns-0");
    // Rows of an unknown part, from when it was known: no first document with them.
    bench.source.set_unknown(Unknown::from_iter([lost.clone()]));
    assert_eq!(bench.step(0).state, State::Held(lost.clone()));
    bench.source.set_unknown(Unknown::none());
    assert_eq!(bench.step(1000).state, State::Synced);
    bench.source.set_unknown(Unknown::from_iter([lost.clone()]));
    bench.change(1);
    bench.requested = Some("now");
    let outcome = bench.step(10_000);
    assert_eq!((outcome.state, outcome.again), (State::Held(lost), Again::OnChange));
}

#[test]
fn a_minimum_interval_holds_back_changes_and_not_requests() {
    let hourly = Cadence::Interval(Duration::from_secs(3600));
    let mut bench = Bench::new(DELTAS, Settings { cadence: hourly, ..settings() });
    bench.step(0);
    bench.change(1);
    let outcome = bench.step(60_000);
    assert_eq!((outcome.state, outcome.again), (State::Pacing, Again::OnChangeOrAt(at(3_600_000))));
    assert_eq!(export(&bench.step(3_600_000)), Some(Export::Delta));
    bench.change(2);
    // Neither does a restart bring a write forward.
    let mut restarted = bench.rival(ClaimMode::Own, "me");
    restarted.driver.set_pace(hourly, None);
    restarted.source = bench.source.clone();
    assert_eq!(restarted.step(3_700_000).state, State::Pacing);
    restarted.requested = Some("now");
    assert_eq!(export(&restarted.step(3_700_001)), Some(Export::Full(Cause::Requested)));
}

#[test]
fn a_new_connection_tries_refused_rows_again() {
    let mut bench = Bench::new(DELTAS, settings());
    bench.step(0);
    bench.driver.reconnected();
    assert!(matches!(bench.step(1000).did, Did::Confirmed));
    let row = fleet(1).expect("rows").remove(0);
    bench.source.upsert(changed(&row, r#"{"nul":"\u0000"}"#));
    assert!(matches!(bench.step(2000).did, Did::Exported(_, receipt) if receipt.rejected.count == 1));
    bench.driver.reconnected();
    assert_eq!(export(&bench.step(3000)), Some(Export::Full(Cause::Reconnected)));
    assert_eq!(bench.driver.checkpoint().map(|checkpoint| checkpoint.rejected.count), Some(1));
    assert!(matches!(bench.step(4000).did, Did::Nothing));
}

#[test]
fn the_first_change_after_a_start_counts_refused_rows_anew() {
    let mut bench = Bench::new(DELTAS, settings());
    let row = fleet(1).expect("rows").remove(0);
    bench.source.upsert(changed(&row, r#"{"nul":"\u0000"}"#));
    assert!(matches!(bench.step(0).did, Did::Exported(_, receipt) if receipt.rejected.count == 1));

    let mut next = bench.rival(ClaimMode::Own, "me");
    next.source.upsert(changed(&row, r#"{"nul":"\u0000"}"#));
    assert!(matches!(next.step(1000).did, Did::Confirmed), "a start with nothing changed writes nothing");
    next.change(7);
    assert_eq!(export(&next.step(2000)), Some(Export::Full(Cause::Reconnected)));
    assert_eq!(next.driver.checkpoint().map(|checkpoint| checkpoint.rejected.count), Some(0));
    next.change(8);
    assert_eq!(export(&next.step(3000)), Some(Export::Delta));
    assert!(next.in_sync());
}

#[test]
fn rows_refused_before_a_restart_are_counted_anew_with_the_first_change_and_at_its_time() {
    let mut bench = Bench::new(DELTAS, settings());
    let row = fleet(1).expect("rows").remove(0);
    bench.source.upsert(changed(&row, r#"{"nul":"\u0000"}"#));
    bench.step(0);
    let mut restarted = bench.rival(ClaimMode::Own, "me");
    restarted.driver.set_pace(Cadence::Interval(Duration::from_secs(3600)), None);
    restarted.source = bench.source.clone();
    assert!(matches!(restarted.step(1000).did, Did::Confirmed));
    restarted.source.upsert(changed(&row, "{}"));
    assert_eq!(restarted.step(2000).state, State::Pacing);
    assert_eq!(export(&restarted.step(3_600_000)), Some(Export::Full(Cause::Reconnected)));
    assert_eq!(restarted.driver.checkpoint().map(|checkpoint| checkpoint.rejected.count), Some(0));
    restarted.change(2);
    assert_eq!(export(&restarted.step(7_200_000)), Some(Export::Delta));
}

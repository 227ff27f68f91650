//! Claims, fencing, takeovers and steps that were dropped.

use super::*;
use crate::conformance::patience::at_most;
use crate::driver::Retired;

#[test]
fn a_later_instance_fences_the_earlier_one_for_good() {
    let mut old = Bench::new(DELTAS, settings());
    old.step(0);
    let mut new = old.rival(ClaimMode::Own, "me");
    new.change(1);
    assert_eq!(new.step(1000).state, State::Synced);
    old.change(2);
    let outcome = old.step(2000);
    assert_eq!(
        (error(&outcome), outcome.state, outcome.again),
        (Some(ErrorKind::Fenced), State::Fenced, Again::Never)
    );
    old.driver.wake();
    let outcome = old.step(1_000_000);
    assert!(matches!(outcome.did, Did::Nothing) && outcome.state == State::Fenced);
    assert!(new.in_sync());
}

#[test]
fn fencing_is_noticed_by_asking_too() {
    let mut old = Bench::new(DELTAS, Settings { confirm_after: Some(Duration::from_secs(1)), ..settings() });
    old.step(0);
    let mut new = old.rival(ClaimMode::Own, "me");
    new.change(1);
    new.step(1000);
    assert_eq!(old.step(2000).state, State::Fenced);
}

#[test]
fn a_claim_that_lands_late_is_ours() {
    let mut bench = Bench::new(DELTAS, settings());
    let view = bench.source.view();
    let sink = Faulty::new(Arc::new(bench.sink.clone()), [Fault::Pass, Fault::LandLate]);
    let mut step = |millis| {
        let situation =
            Situation { view: &view, standing: Standing::Settled, now: at(millis), requested: None };
        block_on(bench.driver.step(&sink, &situation))
    };
    assert_eq!(error(&step(0)), Some(ErrorKind::Unavailable));
    // The checkpoint is read before the claim lands, and the next claim meets it.
    assert_eq!(error(&step(1000)), Some(ErrorKind::Conflict));
    assert_eq!(step(4000).state, State::Synced);
    assert!(bench.in_sync());
}

#[test]
fn after_a_dropped_step_the_next_one_finds_out_what_became_of_it() {
    for polls in 1..40 {
        let mut bench = Bench::new(DELTAS, settings());
        bench.step(0);
        bench.change(1);
        let view = bench.source.view();
        let situation =
            Situation { view: &view, standing: Standing::Settled, now: at(1000), requested: None };
        let dropped = block_on(at_most(polls, bench.driver.step(&bench.sink, &situation)));
        bench.change(2);
        let outcome = bench.step(2000);
        assert_eq!(export(&outcome), Some(Export::Delta), "{polls} {outcome:?}");
        assert!(bench.in_sync());
        if dropped.is_some() {
            assert!(polls > 3, "the drops missed the write");
            return;
        }
    }
    panic!("the step never ended");
}

#[test]
fn another_writer_is_left_alone_and_taken_over_only_once() {
    let mut first = Bench::new(DELTAS, settings());
    first.step(0);
    let mut second = first.rival(ClaimMode::Own, "other");
    second.change(1);
    let outcome = second.step(1000);
    assert_eq!(error(&outcome), Some(ErrorKind::ForeignWriter));
    assert_eq!(outcome.again, after(1000, TERMINAL_WAIT));
    assert!(first.in_sync());

    let mut third = first.rival(ClaimMode::TakeOver, "third");
    third.change(2);
    assert_eq!(export(&third.step(2000)), Some(Export::Full(Cause::FirstContact)));
    assert!(third.in_sync());
    let mut fourth = first.rival(ClaimMode::TakeOver, "fourth");
    assert_eq!(fourth.step(3000).state, State::Synced);
    third.change(3);
    assert_eq!(error(&third.step(4000)), Some(ErrorKind::ForeignWriter));
    third.driver.wake();
    assert_eq!(error(&third.step(5000)), Some(ErrorKind::ForeignWriter));
    assert!(fourth.in_sync());
    // The former owner waits, and goes on when the scope is given up.
    assert_eq!(block_on(fourth.driver.retire(&fourth.sink, at(6000))).expect("ours"), Retired::Removed);
    assert_eq!(third.step(1_000_000).state, State::Synced);
}

#[test]
fn retiring_does_not_end_what_others_own() {
    let mut first = Bench::new(DELTAS, settings());
    first.step(0);
    for mode in [ClaimMode::Own, ClaimMode::TakeOver] {
        let mut other = first.rival(mode, "other");
        let error = block_on(other.driver.retire(&other.sink, at(1000))).expect_err("it is not ours");
        assert_eq!(error.kind(), ErrorKind::ForeignWriter);
    }
    assert!(first.in_sync());
}

#[test]
fn a_destination_that_lost_its_checkpoint_refuses_the_delta_and_gets_a_full_pass() {
    let mut bench = Bench::new(DELTAS, settings());
    bench.step(0);
    let scope = settings().scope;
    block_on(bench.sink.inflict(&scope, Damage::LoseCheckpoint)).expect("done").expect("applies");
    bench.change(1);
    assert_eq!(error(&bench.step(1000)), Some(ErrorKind::StaleBase));
    assert_eq!(export(&bench.step(3000)), Some(Export::Full(Cause::StaleBase)));
    assert!(bench.in_sync());
    // The epoch did not fall, and the cause is dealt with.
    assert_eq!(bench.driver.checkpoint().map(|checkpoint| checkpoint.epoch), Some(2));
    bench.change(2);
    assert_eq!(export(&bench.step(4000)), Some(Export::Delta));
}

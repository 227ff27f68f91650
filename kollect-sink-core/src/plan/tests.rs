//! The decision as tables, and laws over all combinations of facts.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use super::{Cause, Facts, Progress, RoleKind, Standing, Step, Trust, plan, shape, target};
use crate::digest::{Digest, ScopeDigest};
use crate::header::{Checkpoint, ClaimMode, Rejected, Writer};
use crate::partition::{Pattern, Target, Unknown};
use crate::schema::{Column, ColumnType, Schema};
use crate::source::Head;

fn digest(value: u8) -> ScopeDigest {
    ScopeDigest::from_digest(Digest([value; 16]))
}

fn lost(name: &str) -> Unknown {
    Unknown::from_iter([pattern(name)])
}

fn pattern(name: &str) -> Pattern {
    Pattern::new(Target::new("", name), None, None)
}

fn head(value: u8, rows: u64, unknown: Unknown) -> Head {
    Head { revision: 9, digest: digest(value), rows, unknown, schema: Arc::default() }
}

fn stored(writer: &str, value: u8, rows: u64, unknown: Unknown) -> Checkpoint {
    Checkpoint {
        writer: Writer::new(writer),
        epoch: 4,
        revision: 8,
        digest: Some(digest(value)),
        rows,
        rejected: Rejected::default(),
        unknown,
        shape: Digest([1; 16]),
        generation: 2,
        exported_at: Timestamp::UNIX_EPOCH,
    }
}

/// A running export that is in sync at revision 8 and at row contents 1.
#[derive(Debug)]
struct Scene {
    role: RoleKind,
    mode: ClaimMode,
    writer: Writer,
    stored: Option<Checkpoint>,
    synced: Option<u64>,
    trust: Trust,
    unswept: Unknown,
    head: Head,
    standing: Standing,
    shape: Digest,
    full: Option<Cause>,
    progress: Progress,
}

impl Scene {
    fn new(role: RoleKind) -> Self {
        Self {
            role,
            mode: ClaimMode::Own,
            writer: Writer::new("me"),
            stored: Some(stored("me", 1, 1000, Unknown::none())),
            synced: Some(8),
            trust: Trust::Whole,
            unswept: Unknown::none(),
            head: head(1, 1000, Unknown::none()),
            standing: Standing::Settled,
            shape: Digest([1; 16]),
            full: None,
            progress: Progress::Running,
        }
    }

    fn plan(&self) -> Step {
        plan(&Facts {
            role: self.role,
            writer: &self.writer,
            mode: self.mode,
            stored: self.stored.as_ref(),
            synced: self.synced,
            trust: self.trust,
            unswept: &self.unswept,
            head: &self.head,
            standing: self.standing,
            shape: self.shape,
            full: self.full,
            progress: self.progress,
        })
    }
}

fn planned(role: RoleKind, change: impl FnOnce(&mut Scene)) -> Step {
    let mut scene = Scene::new(role);
    change(&mut scene);
    scene.plan()
}

/// The step of a destination with full passes and deltas after `change` to the scene in sync.
fn table(change: impl FnOnce(&mut Scene)) -> Step {
    planned(RoleKind::Reconciled, change)
}

#[test]
fn equality_needs_no_write_and_no_claim() {
    assert_eq!(table(|_| {}), Step::Nothing);
    // Also at first contact, which is a restart with nothing changed.
    let restart = |scene: &mut Scene| {
        scene.synced = None;
        scene.progress = Progress::Starting;
    };
    for role in [RoleKind::Snapshot, RoleKind::Projection, RoleKind::Reconciled] {
        assert_eq!(planned(role, restart), Step::Nothing);
    }
}

#[test]
fn known_bases_get_deltas() {
    assert_eq!(table(|scene| scene.head = head(2, 1001, Unknown::none())), Step::Delta { since: 8 });
    // What is unknown now grew: the checkpoint has to say so.
    assert_eq!(table(|scene| scene.head.unknown = lost("t")), Step::Delta { since: 8 });
    // It shrank, to what was known at the last full pass: all that vanished since was seen.
    let back = table(|scene| scene.stored = Some(stored("me", 1, 1000, lost("t"))));
    assert_eq!(back, Step::Delta { since: 8 });
    // An interrupted write that is not atomic leaves doubt, although the checkpoint is equal.
    assert_eq!(table(|scene| scene.trust = Trust::Interrupted), Step::Delta { since: 8 });
    assert_eq!(
        planned(RoleKind::Projection, |scene| scene.head = head(2, 1, Unknown::none())),
        Step::Delta { since: 8 }
    );
}

#[test]
fn causes_of_full_passes() {
    let full = |cause| Step::Full(cause);
    assert_eq!(table(|scene| scene.stored = None), full(Cause::FirstContact));
    assert_eq!(
        table(|scene| scene.stored.as_mut().expect("stored").digest = None),
        full(Cause::FirstContact)
    );
    assert_eq!(
        table(|scene| scene.stored.as_mut().expect("stored").writer = Writer::default()),
        full(Cause::FirstContact)
    );
    assert_eq!(table(|scene| scene.shape = Digest([2; 16])), full(Cause::Shape));
    assert_eq!(
        table(|scene| {
            scene.head = head(2, 1, Unknown::none());
            scene.synced = None;
        }),
        full(Cause::Moved)
    );
    assert_eq!(
        table(|scene| {
            scene.stored = Some(stored("me", 1, 1000, lost("t")));
            scene.unswept = lost("t");
        }),
        full(Cause::Learned)
    );
    for cause in [Cause::Requested, Cause::Daily, Cause::StaleBase, Cause::Reconnected] {
        assert_eq!(table(|scene| scene.full = Some(cause)), full(cause));
        assert_eq!(planned(RoleKind::Snapshot, |scene| scene.full = Some(cause)), full(cause));
    }
    assert_eq!(
        planned(RoleKind::Snapshot, |scene| scene.head = head(2, 9, Unknown::none())),
        full(Cause::Changed)
    );
}

#[test]
fn other_writers_are_left_alone_unless_taken_over() {
    let other = |scene: &mut Scene| scene.stored = Some(stored("other", 1, 1000, Unknown::none()));
    assert_eq!(table(other), Step::Foreign);
    let taken = table(|scene| {
        other(scene);
        scene.mode = ClaimMode::TakeOver;
    });
    assert_eq!(taken, Step::Full(Cause::FirstContact));
}

#[test]
fn documents_never_lose_what_is_unknown() {
    let snapshot = |before: Unknown, now: Unknown| {
        planned(RoleKind::Snapshot, |scene| {
            scene.stored = Some(stored("me", 1, 1000, before));
            scene.head = head(2, 1000, now);
        })
    };
    assert_eq!(snapshot(Unknown::none(), lost("t")), Step::Hold(pattern("t")));
    assert_eq!(snapshot(lost("other"), lost("t")), Step::Hold(pattern("t")));
    assert_eq!(snapshot(lost("t"), lost("t")), Step::Full(Cause::Changed));
    assert_eq!(snapshot(lost("t"), Unknown::none()), Step::Full(Cause::Changed));
    // A request does not override it.
    let asked = planned(RoleKind::Snapshot, |scene| {
        scene.head.unknown = lost("t");
        scene.full = Some(Cause::Requested);
    });
    assert_eq!(asked, Step::Hold(pattern("t")));
    // Where nothing is stored, nothing can be lost.
    let first = planned(RoleKind::Snapshot, |scene| {
        scene.stored = None;
        scene.head.unknown = lost("t");
    });
    assert_eq!(first, Step::Full(Cause::FirstContact));
}

#[test]
fn a_start_with_few_rows_waits_for_confirmation() {
    let start = |stored_rows: u64, rows: u64, standing| {
        table(|scene| {
            scene.stored = Some(stored("me", 1, stored_rows, Unknown::none()));
            scene.synced = None;
            scene.progress = Progress::Starting;
            scene.head = head(2, rows, Unknown::none());
            scene.standing = standing;
        })
    };
    let go = Step::Full(Cause::FirstContact);
    assert_eq!(start(1000, 499, Standing::Settled), Step::Brake { stored: 1000, found: 499 });
    assert_eq!(start(1000, 0, Standing::Settled), Step::Brake { stored: 1000, found: 0 });
    assert_eq!(start(1000, 499, Standing::Confirmed), go);
    assert_eq!(start(1000, 500, Standing::Settled), go);
    assert_eq!(start(100, 0, Standing::Settled), go);
    assert_eq!(start(102, 0, Standing::Settled), Step::Brake { stored: 102, found: 0 });
    let running = table(|scene| scene.head = head(2, 0, Unknown::none()));
    assert_eq!(running, Step::Delta { since: 8 });
}

#[test]
fn only_material_changes_make_a_generation() {
    let base = stored("me", 1, 1000, Unknown::none());
    let now = Timestamp::from_nanosecond(1_700_000_000_123_456_789).expect("in range");
    let next = |value, shape| {
        target(&base, &Writer::new("me"), &head(value, 7, lost("t")), Digest([shape; 16]), now)
    };
    let same = next(1, 1);
    assert_eq!((same.generation, same.exported_at, same.epoch, same.revision), (2, base.exported_at, 4, 9));
    for changed in [next(2, 1), next(1, 2)] {
        assert_eq!(changed.generation, 3);
        assert_eq!(changed.exported_at.as_nanosecond(), 1_700_000_000_123_000_000);
    }
    // The revision grows even where the source's did not.
    let late = Checkpoint { revision: 40, ..base.clone() };
    assert_eq!(target(&late, &base.writer, &head(1, 7, Unknown::none()), base.shape, now).revision, 41);
}

#[test]
fn the_schema_shapes_documents_only() {
    let column = Column { name: "a".into(), column_type: ColumnType::Int };
    let typed = Head { schema: Arc::new(Schema::union([column]).0), ..head(1, 1, Unknown::none()) };
    let plain = head(1, 1, Unknown::none());
    let sink = Digest([3; 16]);
    assert_ne!(shape(RoleKind::Snapshot, sink, &typed), shape(RoleKind::Snapshot, sink, &plain));
    assert_eq!(shape(RoleKind::Reconciled, sink, &typed), shape(RoleKind::Reconciled, sink, &plain));
}

fn unknown() -> impl Strategy<Value = Unknown> {
    proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3)
        .prop_map(|names| names.into_iter().map(pattern).collect())
}

fn scenes() -> impl Strategy<Value = Scene> {
    let role = prop_oneof![Just(RoleKind::Snapshot), Just(RoleKind::Projection), Just(RoleKind::Reconciled)];
    let owner = prop_oneof![Just("me"), Just("other"), Just("")];
    let held = (owner, 0u8..2, prop_oneof![Just(0u64), Just(300)], unknown(), any::<bool>());
    let ours = (any::<bool>(), any::<bool>(), 0u8..3, any::<bool>());
    (role, proptest::option::of(held), 0u8..2, unknown(), unknown(), ours).prop_map(
        |(role, held, value, unswept, unknown, (synced, whole, standing, asked))| {
            let mut scene = Scene::new(role);
            scene.stored = held.map(|(owner, value, rows, unknown, complete)| {
                let checkpoint = stored(owner, value, rows, unknown);
                Checkpoint { digest: checkpoint.digest.filter(|_| complete), ..checkpoint }
            });
            scene.head = head(value, 300 * u64::from(value), unknown);
            scene.unswept = unswept;
            scene.synced = synced.then_some(8);
            scene.trust = if whole { Trust::Whole } else { Trust::Interrupted };
            scene.standing =
                [Standing::Gathering, Standing::Settled, Standing::Confirmed][usize::from(standing)];
            scene.full = asked.then_some(Cause::Requested);
            scene.progress = if synced { Progress::Running } else { Progress::Starting };
            scene
        },
    )
}

proptest! {
    #[test]
    fn laws(scene in scenes()) {
        let step = scene.plan();
        let writes = matches!(step, Step::Delta { .. } | Step::Full(_));
        let held = scene.stored.as_ref();
        let complete = held.filter(|held| held.digest.is_some());
        let owner = held.map(|held| held.writer.as_str()).unwrap_or_default();

        if owner == "other" { prop_assert_eq!(&step, &Step::Foreign); }
        if scene.standing == Standing::Gathering { prop_assert!(!writes); }
        if let Step::Delta { .. } = step {
            // A delta has a base: ours, complete, of this shape, at a revision that we know.
            let base = complete.expect("a delta has a base");
            prop_assert_eq!(base.writer.as_str(), "me");
            prop_assert!(scene.synced.is_some() && scene.role != RoleKind::Snapshot && scene.full.is_none());
            // Removals that nobody saw are only found by a full pass.
            let learned = scene.unswept.beyond(&scene.head.unknown).is_some();
            prop_assert!(!learned || scene.role == RoleKind::Projection);
        }
        if scene.role == RoleKind::Snapshot && writes {
            prop_assert!(complete.is_none_or(|held| scene.head.unknown.beyond(&held.unknown).is_none()));
        }
        if step == Step::Nothing {
            let held = complete.expect("nothing to do means that all is there");
            prop_assert_eq!(held.digest, Some(scene.head.digest));
            prop_assert_eq!(&held.unknown, &scene.head.unknown);
            prop_assert!(scene.full.is_none() && scene.trust == Trust::Whole);
        }
    }
}

//! The model passes its own suite in every style, a broken one does not, and random histories converge.

mod broken;

use futures::executor::block_on;
use proptest::prelude::*;

use super::history::{KEYS, PARTITIONS, VALUES};
use super::{Fault, History, Op, ReferenceFixture, Style, Verdict, suite};
use crate::capability::Atomicity;
use crate::plan::RoleKind;

const STYLES: [Style; 5] = [
    Style { role: RoleKind::Reconciled, atomicity: Atomicity::Export },
    Style { role: RoleKind::Reconciled, atomicity: Atomicity::Batch },
    Style { role: RoleKind::Reconciled, atomicity: Atomicity::Row },
    Style { role: RoleKind::Snapshot, atomicity: Atomicity::Export },
    Style { role: RoleKind::Projection, atomicity: Atomicity::Export },
];

#[test]
fn the_model_passes_in_every_style() {
    for style in STYLES {
        let report = block_on(suite::run(&ReferenceFixture(style)));
        assert!(report.passed(), "{style:?}\n{report}");
        assert_eq!(report.cases.len(), suite::names().count());
        if style.role == RoleKind::Reconciled {
            let excused: Vec<&str> = report.not_applicable().collect();
            let outside = [
                "hundred_thousand_rows_with_flat_memory",
                "wrong_credentials_are_classified",
                "unreachable_address_is_classified",
            ];
            assert_eq!(excused, outside, "{report}");
        }
    }
}

#[test]
fn a_report_without_a_pass_has_not_passed() {
    let none = block_on(suite::run_only(&ReferenceFixture(STYLES[0]), |_| false));
    assert!(!none.passed());
    let excused = block_on(suite::run_only(&ReferenceFixture(STYLES[3]), |name| name == "replay_is_a_no_op"));
    assert!(matches!(excused.cases.as_slice(), [("replay_is_a_no_op", Verdict::NotApplicable(_))]));
    assert!(!excused.passed());
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        3 => Just(Fault::Pass),
        1 => Just(Fault::FailBefore),
        1 => Just(Fault::FailAfter),
        1 => (0usize..3).prop_map(Fault::CutAfter),
    ];
    proptest::collection::vec(fault, 0..4)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..KEYS, 0..VALUES).prop_map(|(key, value)| Op::Upsert { key, value }),
        3 => (0..KEYS).prop_map(|key| Op::Delete { key }),
        3 => (0..PARTITIONS).prop_map(|partition| Op::Learn { partition }),
        2 => (0..PARTITIONS).prop_map(|partition| Op::Lose { partition }),
        1 => Just(Op::Restart),
        1 => Just(Op::CutJournal),
        1 => Just(Op::Request),
        1 => Just(Op::Wait),
        8 => (faults(), proptest::option::weighted(0.3, 0u8..30))
            .prop_map(|(faults, polls)| Op::Step { faults, polls }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_converge_in_every_style(
        ops in proptest::collection::vec(op(), 0..60),
        style in 0usize..4,
    ) {
        let lived = block_on(suite::live(&ReferenceFixture(STYLES[style]), &History(ops)));
        prop_assert!(lived.is_ok(), "{}", lived.unwrap_err());
    }
}

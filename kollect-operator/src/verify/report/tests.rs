//! The JSON that programs read, the text that people read, and the verdict on all.

use kollect_sink_core::{GroupKind, Target};
use serde_json::json;

use super::*;
use crate::verify::text;

fn named(name: &str) -> Named {
    Named { namespace: "platform".to_owned(), name: name.to_owned() }
}

fn export(verdict: Verdict, contents: Option<Contents>) -> Export {
    Export {
        inventory: named("all"),
        sink: SinkNamed {
            kind: "KollectDatabaseSink",
            namespace: "platform".to_owned(),
            name: "warehouse".to_owned(),
            endpoint: Some("postgres://db:5432/inventory/public.rows".to_owned()),
        },
        cluster: Some("prod".to_owned()),
        verdict,
        error: None,
        contents,
        hints: Vec::new(),
    }
}

fn differing() -> Contents {
    let row = |difference, name: Option<&str>| RowNamed {
        difference,
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: "shop".to_owned(),
        name: name.map(str::to_owned),
        uid: "u-1".to_owned(),
        target_namespace: "platform".to_owned(),
        target_name: "apps".to_owned(),
        hint: name.is_some().then(|| "the sink refused it".to_owned()),
    };
    Contents {
        inventory_rows: 5,
        inventory_digest: "0123456789abcdef0123456789abcdef".to_owned(),
        sink_rows: 4,
        sink_digest: "fedcba9876543210fedcba9876543210".to_owned(),
        missing: 2,
        only_in_sink: 1,
        different: 0,
        in_flight: 1,
        unjudged: 1,
        unknown: vec![Pattern::new(
            Target::new("platform", "apps"),
            Some(GroupKind { group: "apps".into(), kind: "Deployment".into() }),
            Some("dark".into()),
        )],
        rejected: Some(1),
        rows: vec![row(Difference::Missing, Some("cart")), row(Difference::OnlyInSink, None)],
        rows_left_off: 1,
    }
}

#[test]
fn the_json_is_as_the_book_says() {
    let contents = Export { hints: vec!["a hint".to_owned()], ..export(Verdict::Differs, Some(differing())) };
    let broken = Export { error: Some("no answer".to_owned()), ..export(Verdict::Unchecked, None) };
    let left =
        LeftOut { inventory: ObjectName::new("platform", "old"), why: "why".to_owned(), intended: true };
    let report = Report::new(3, vec![contents, broken], &[left], &[], &[]);
    let inventory = json!({"namespace": "platform", "name": "all"});
    let sink = json!({"kind": "KollectDatabaseSink", "namespace": "platform", "name": "warehouse",
        "endpoint": "postgres://db:5432/inventory/public.rows"});
    let target = json!({"namespace": "platform", "name": "apps"});
    let expected = json!({
        "schemaVersion": "kollect.dev/v1alpha1",
        "verdict": "differs",
        "looks": 3,
        "exports": [
            {
                "inventory": inventory, "sink": sink, "cluster": "prod", "verdict": "differs",
                "inventoryRows": 5, "inventoryDigest": "0123456789abcdef0123456789abcdef",
                "sinkRows": 4, "sinkDigest": "fedcba9876543210fedcba9876543210",
                "missing": 2, "onlyInSink": 1, "different": 0, "inFlight": 1, "unjudged": 1,
                "unknown": [{"target": target, "kind": {"group": "apps", "kind": "Deployment"}, "namespace": "dark"}],
                "rejected": 1,
                "rows": [
                    {"difference": "missing", "group": "apps", "kind": "Deployment", "namespace": "shop",
                        "name": "cart", "uid": "u-1", "targetNamespace": "platform", "targetName": "apps",
                        "hint": "the sink refused it"},
                    {"difference": "onlyInSink", "group": "apps", "kind": "Deployment", "namespace": "shop",
                        "name": null, "uid": "u-1", "targetNamespace": "platform", "targetName": "apps"},
                ],
                "rowsLeftOff": 1,
                "hints": ["a hint"],
            },
            {"inventory": inventory, "sink": sink, "cluster": "prod", "verdict": "unchecked", "error": "no answer",
                "hints": []},
        ],
        "notCompared": [{"inventory": {"namespace": "platform", "name": "old"}, "why": "why", "intended": true}],
        "findings": [],
    });
    assert_eq!(serde_json::to_value(&report).unwrap(), expected);
}

#[test]
fn the_text_names_rows_by_their_objects() {
    let equal = Contents {
        sink_digest: differing().inventory_digest,
        inventory_rows: 4,
        missing: 0,
        only_in_sink: 0,
        in_flight: 0,
        unjudged: 0,
        unknown: Vec::new(),
        rows: Vec::new(),
        rows_left_off: 0,
        ..differing()
    };
    let exports = vec![export(Verdict::Differs, Some(differing())), export(Verdict::InSync, Some(equal))];
    let text = text::text(&Report::new(1, exports, &[], &[], &[]));
    let expected = "\
INVENTORY     SINK                RESULT   ROWS  IN SINK  DIGEST             MISSING  ONLY IN SINK  DIFFERENT
platform/all  platform/warehouse  differs  5     4        01234567/fedcba98  2        1             0
platform/all  platform/warehouse  in sync  4     4        01234567           0        0             0

platform/all in KollectDatabaseSink platform/warehouse (postgres://db:5432/inventory/public.rows): differs
  missing in the sink  Deployment shop/cart of target platform/apps (the sink refused it)
  only in the sink     Deployment shop/(uid u-1) of target platform/apps
  and 1 row more (--limit)
  1 row differed in the last look only: on their way
  could not be listed, or a scope withholds it; it is not judged: Deployment in dark of target platform/apps
  1 row of the sink not judged for that
";
    assert_eq!(text, expected);
}

#[test]
fn the_verdict_on_all_is_the_worst_that_was_found() {
    use Verdict::{Differs, InSync, Incomplete, Unchecked};
    for (verdicts, whole, expected) in [
        (&[InSync, InSync][..], true, InSync),
        (&[InSync, InSync], false, Incomplete),
        (&[InSync, Incomplete], true, Incomplete),
        (&[InSync, Unchecked], true, Incomplete),
        (&[Incomplete, Differs, Unchecked], true, Differs),
        (&[Unchecked, Unchecked], true, Unchecked),
        (&[], false, Unchecked),
    ] {
        let exports: Vec<Export> = verdicts.iter().map(|verdict| export(*verdict, None)).collect();
        assert_eq!(overall(&exports, whole), expected, "{verdicts:?} {whole}");
    }
    let codes = [InSync, Differs, Incomplete, Unchecked].map(Verdict::code);
    assert_eq!(codes, [0, 1, 1, 2]);
}

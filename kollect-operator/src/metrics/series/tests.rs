//! Rows go in by the engine, the text that Prometheus reads comes out.

use kollect_api::KollectTarget;
use kollect_sink_core::Target;
use kollect_snapshot::Store;
use serde_json::json;

use super::*;
use crate::engine::{CollectionDefaults, CompiledProfile, CompiledTarget, RawObject, Via, Wanted};
use crate::metrics::Metrics;

struct World {
    engine: Arc<Engine>,
    metrics: Metrics,
    kind: Kind,
}

impl World {
    fn new(metrics: Value) -> Self {
        let attribute = |name: &str, path: &str| json!({"name": name, "path": path});
        let profile = json!({"metadata": {"name": "apps", "namespace": "team"}, "spec": {
            "targetGVK": {"group": "apps", "version": "v1", "kind": "Deployment"}, "metrics": metrics,
            "attributes": [attribute("replicas", "{.spec.replicas}"), attribute("tier", "{.spec.tier}"),
                attribute("series", "{.spec.zone}"), attribute("apiToken", "{.spec.tier}"),
                {"name": "size", "path": "{.spec.tier}", "type": "int"}],
        }});
        let target: KollectTarget =
            kollect_api::decode(&json!({"metadata": {}, "spec": {"profileRef": "apps"}})).unwrap();
        let wanted = Wanted::unlimited(Target::new("team", "web"), target.spec.selection());
        let profile = kollect_api::decode(&profile).unwrap();
        let defaults = CollectionDefaults::default();
        let compiled = Arc::new(CompiledProfile::compile(&profile, &defaults).unwrap());
        let target = Arc::new(CompiledTarget::compile(wanted, &profile, &compiled, &defaults).unwrap());
        let engine = Arc::new(Engine::new(Store::new()));
        engine.store().declare(&target.target, []);
        let kind = Kind::new("apps", "v1", "Deployment");
        engine.set_interests(kind.clone(), vec![target]);
        Self { metrics: Metrics::new(&engine).unwrap(), engine, kind }
    }

    fn object(name: &str, version: u64, spec: &Value) -> RawObject {
        let object = json!({"metadata": {"name": name, "namespace": "shop", "uid": name,
            "resourceVersion": version.to_string()}, "spec": spec});
        RawObject::from_raw(serde_json::value::to_raw_value(&object).unwrap())
    }

    fn see(&self, name: &str, version: u64, spec: &Value) {
        self.engine.observe(&self.kind, &Self::object(name, version, spec), Via::Watch);
    }

    /// The lines that begin so, in order.
    fn lines(&self, start: &str) -> Vec<String> {
        let text = self.metrics.text();
        text.lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect()
    }
}

const PLAIN: &str = "kollect_custom_resource_series";
const LABELED: &str = "kollect_custom_resource_labeled_series{";
const OURS: &str = r#"profile="team/apps",gvk="apps/v1/Deployment",series="replicas""#;

#[test]
fn gauges_follow_the_rows() {
    let world = World::new(
        json!([{"name": "replicas", "path": "replicas", "labels": ["tier", "series", "apiToken"]}]),
    );
    assert!(world.lines(PLAIN).is_empty());
    world.see("a", 1, &json!({"replicas": 3, "tier": "front", "zone": 1}));
    world.see("b", 2, &json!({"replicas": 2, "tier": "front", "zone": 1}));
    world.see("c", 3, &json!({"replicas": "1.5", "tier": "ba\"ck"}));
    world.see("d", 4, &json!({"replicas": "many"}));
    assert_eq!(world.lines(PLAIN), [format!("{PLAIN}{{{OURS}}} 6.5")]);
    let set = |tier: &str, zone: &str, sum: &str| {
        format!(r#"{LABELED}{OURS},apiToken="",label_series="{zone}",tier="{tier}"}} {sum}"#)
    };
    assert_eq!(world.lines(LABELED), [set(r#"ba\"ck"#, "", "1.5"), set("front", "1", "5")]);
    assert_eq!(
        world.lines("kollect_collected_objects"),
        [r#"kollect_collected_objects{profile="team/apps",gvk="apps/v1/Deployment"} 4"#]
    );
    for name in ["a", "b", "c", "d"] {
        world.engine.delete(&world.kind, &World::object(name, 9, &json!({})));
    }
    assert!(world.lines(PLAIN).is_empty() && world.lines(LABELED).is_empty());
    assert!(world.lines("kollect_collected_objects")[0].ends_with(" 0"));
}

#[test]
fn sets_of_labels_are_bounded_and_exact() {
    let world = World::new(json!([{"name": "replicas", "path": "replicas", "labels": ["tier"]}]));
    for n in (0..300_u64).rev().chain(0..300) {
        world.see(&format!("{}-{n}", n % 7), n + 1, &json!({"replicas": 1, "tier": format!("{n:03}")}));
        world.see(&format!("twin-{}-{n}", n % 5), n + 1, &json!({"replicas": 1, "tier": format!("{n:03}")}));
    }
    let labeled = world.lines(LABELED);
    assert_eq!(labeled.len(), LABEL_SETS);
    assert!(labeled.iter().all(|line| line.ends_with(" 2")), "{labeled:?}");
    assert!(world.lines(PLAIN)[0].ends_with(" 600"));
    assert!(world.lines("kollect_custom_resource_labeled_series_capped_total")[0].ends_with(" 200"));
}

#[test]
fn failures_count_by_reason_and_once_for_an_object_that_stays_as_it_is() {
    let world = World::new(json!([]));
    let reason = |reason: &str| format!(r#"kollect_extraction_failures_total{{reason="{reason}"}}"#);
    for version in 1..5 {
        world.see("a", version, &json!({"tier": "large"}));
    }
    assert_eq!(world.lines(&reason("type")), [format!("{} 1", reason("type"))]);
    assert_eq!(world.lines(&reason("expression")), [format!("{} 0", reason("expression"))]);
    let (_, target) = world.engine.collected().remove(0);
    assert_eq!(target.stats.failures(), 1);
    assert_eq!(world.lines("kollect_extraction_seconds_count"), ["kollect_extraction_seconds_count 4"]);
    let last = target.stats.last().unwrap();
    assert!(last.starts_with("shop/a: attribute size ({.spec.tier}): ") && !last.contains("large"), "{last}");
}

#[test]
fn what_is_a_number_is_told() {
    let table = [
        (json!(1), Some(1.0)),
        (json!("0.5"), Some(0.5)),
        (json!(true), Some(1.0)),
        (json!("1970-01-01T00:01:00.5Z"), Some(60.5)),
        (json!("NaN"), None),
        (json!("inf"), None),
        (json!("500m"), None),
        (json!(null), None),
        (json!([1]), None),
        (json!({"redacted": true}), None),
    ];
    for (value, want) in table {
        assert_eq!(number(&value), want, "{value}");
    }
}

#[test]
fn names_of_labels_are_valid_and_differ() {
    let names = ["a.b", "a-b", "profile", "1st", "__x", "ok"].map(str::to_owned);
    assert_eq!(label_names(&names), ["a_b", "a_b_", "label_profile", "label_1st", "label___x", "ok"]);
}

//! Specifications that are meant to keep the operator busy for ever, or to end it. They end in words, and stop nobody else.

use serde_json::{Value, json};

use crate::manifests::{self, kollect};
use crate::stage::Stage;

/// Values of this length are what expressions work on.
const LENGTH: usize = 200_000;

#[test]
fn what_is_huge_deep_or_endless_ends_in_words_and_stops_nobody_else() {
    let mut stage = Stage::set("bombs");
    stage.usual();
    let colors = json!({"spec": {"targetRefs": ["colors"]}});
    stage.patch("kollectinventory", "all", &colors.to_string());
    // Before the first list, so that they are met together.
    stage.paint("a", "red");
    let mut heavy = manifests::config_map(&stage.apps, "heavy", &"a".repeat(LENGTH));
    heavy["metadata"]["labels"] = json!({"collect": "bombs"});
    stage.kubectl.run_with(&["create", "-f", "-"], &heavy.to_string()).unwrap();
    for (name, path) in expressions() {
        let attributes = json!([{"name": "bomb", "path": path}]);
        let spec = json!({"targetGVK": {"version": "v1", "kind": "ConfigMap"}, "attributes": attributes});
        let profile = kollect("KollectProfile", &stage.platform, name, spec);
        // Too long for an annotation of `kubectl apply`.
        stage.kubectl.run_with(&["create", "-f", "-"], &profile.to_string()).unwrap();
        let mut target = manifests::target(&stage.platform, name, name, &stage.story);
        target["spec"]["labelSelector"] = json!({"matchLabels": {"collect": "bombs"}});
        stage.apply(&target);
    }
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    let mut told = Vec::new();
    for (name, _) in expressions() {
        let args = ["-n", &stage.platform, "kollecttarget", name];
        let settled = stage.kubectl.wait_for(&args, crate::stage::LIMIT, |target| {
            let degraded = xtask::e2e::kubectl::condition(target, "Degraded");
            degraded.is_some_and(|one| one["reason"] != "Syncing")
        });
        let target = stage.or_fail(settled);
        let degraded = xtask::e2e::kubectl::condition(&target, "Degraded").unwrap();
        told.push(format!("{name}: {} {}", degraded["reason"], degraded["message"]));
        // A path of 4 KiB may be quoted, with a pointer below it.
        assert!(degraded["message"].as_str().unwrap().len() < 16_384, "{name}");
    }
    // What takes linear time is no bomb; each other one is named.
    let harmless = ["regex", "alternatives", "negations", "descent"];
    for (said, (name, _)) in told.iter().zip(expressions()) {
        let expected: &[&str] =
            if harmless.contains(&name) { &["Collecting"] } else { &["InvalidSpec", "ExtractionFailed"] };
        assert!(expected.iter().any(|reason| said.contains(reason)), "{said}");
    }
    // While all of them are there, and their object changes with each round.
    for round in 0..3 {
        heavy["metadata"]["labels"]["round"] = json!(round.to_string());
        stage.kubectl.run_with(&["replace", "-f", "-"], &heavy.to_string()).unwrap();
        stage.paint("a", &format!("round-{round}"));
        stage.wait_colors(&[("a", &format!("round-{round}"))]);
    }
    let huge: Vec<Value> = (0..257).map(|n| json!({"name": format!("a{n}"), "path": "{.a}"})).collect();
    let spec = json!({"targetGVK": {"version": "v1", "kind": "ConfigMap"}, "attributes": huge});
    let huge = kollect("KollectProfile", &stage.platform, "huge", spec);
    let refused = stage.kubectl.run_with(&["create", "-f", "-"], &huge.to_string()).unwrap_err();
    assert!(format!("{refused:#}").contains("spec.attributes"), "{refused:#}");
}

fn expressions() -> Vec<(&'static str, String)> {
    let deep = |open: &str, inner: &str, close: &str, times: usize| {
        format!("cel:{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let all = "object.data.color.split('')";
    vec![
        ("regex", "cel:object.data.color.matches('^(a+)+$')".to_string()),
        ("alternatives", "cel:object.data.color.matches('(a|aa)*(a|aa)*b$')".to_string()),
        ("counted", "cel:object.data.color.matches('((a{1,500}){1,500}){1,500}')".to_string()),
        ("loops", format!("cel:{all}.map(a, {all}.map(b, {all}.map(c, a + b + c)))")),
        (
            "doubling",
            format!("cel:[0,1,2,3,4,5,6,7,8,9].map(a, {all}.map(b, object.data.color + object.data.color))"),
        ),
        ("brackets", deep("(", "1", ")", 1500)),
        ("lists", deep("[", "1", "]", 1500)),
        ("negations", deep("!", "true", "", 1500)),
        ("chain", format!("cel:object{}", ".a".repeat(1500))),
        ("ternaries", deep("true ? ", "1", " : 2", 300)),
        ("descent", format!("${}", "..*".repeat(40))),
        ("filters", format!("$.data[?{}@.a{}]", "(".repeat(1000), ")".repeat(1000))),
    ]
}

//! Scopes at run time: what they deny stops at once, and nothing that was exported goes because of them. What they deny at
//! admission is told in `verdicts` and by the reviewer's own tests.

use serde_json::{Value, json};
use xtask::e2e::kubectl::condition;
use xtask::servers::Kube;
use xtask::wait;

use crate::manifests;
use crate::stage::{LIMIT, Stage, shared_database, turn};
use crate::verify::{code, err, out, verify};

fn scope(stage: &Stage, name: &str, spec: Value) -> Value {
    manifests::kollect("KollectScope", &stage.platform, name, spec)
}

fn cluster_scope(name: &str, spec: Value) -> Value {
    let mut scope = manifests::kollect("KollectClusterScope", "", name, spec);
    scope["metadata"].as_object_mut().unwrap().remove("namespace");
    scope
}

fn message(stage: &Stage, kind: &str, name: &str, of: &str) -> String {
    let object = stage.kubectl.get(&["-n", &stage.platform, kind, name]).unwrap();
    condition(&object, of).unwrap()["message"].as_str().unwrap().to_owned()
}

/// Waits until an Event of the platform has this reason, and is about this object.
fn wait_event(stage: &Stage, reason: &str, about: &str) {
    let found = wait::until(&format!("an Event {reason} about {about}"), LIMIT, || {
        let events = stage.kubectl.get(&["-n", &stage.platform, "events.events.k8s.io"])?;
        let is = |event: &Value| event["reason"] == reason && event["regarding"]["name"] == about;
        Ok(events["items"].as_array().unwrap().iter().any(is).then_some(()))
    });
    stage.or_fail(found);
}

#[test]
fn a_scope_that_is_edited_while_collecting_stops_what_it_denies_and_removes_nothing() {
    let mut stage = Stage::set("scopes");
    stage.usual();
    let (apps, other) = (stage.apps.clone(), format!("{}-other", stage.story));
    stage.apply(&manifests::namespace(&other, &stage.story));
    let elsewhere =
        |stage: &Stage, name: &str, color: &str| stage.apply(&manifests::config_map(&other, name, color));
    stage.paint("a", "red");
    elsewhere(&stage, "b", "blue");
    stage.start();
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);

    // Narrowed: the rest is followed, and what was exported from the other namespace stays as it was.
    stage.apply(&scope(&stage, "limits", json!({"deniedNamespaces": [other]})));
    let said = stage.wait_reason("kollectscope", "limits", "Ready", "Compiled");
    assert_eq!(said, "limits targets and inventories of this namespace away from 1 namespace");
    let narrowed = format!("where KollectScope {}/limits allows it", stage.platform);
    let waited = wait::until("the target says what limits it", LIMIT, || {
        Ok(message(&stage, "kollecttarget", "colors", "Ready").contains(&narrowed).then_some(()))
    });
    stage.or_fail(waited);
    elsewhere(&stage, "b", "green");
    elsewhere(&stage, "late", "green");
    stage.paint("a", "green");
    stage.wait_colors(&[("a", "green"), ("b", "blue")]);
    stage.kubectl.delete(&["-n", &other, "configmap", "b"]).unwrap();
    stage.paint("a", "red");
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    let target = stage.kubectl.get(&["-n", &stage.platform, "kollecttarget", "colors"]).unwrap();
    assert_eq!(target["status"]["effectiveNamespaces"], json!([apps]));
    assert_eq!(target["status"]["matchedNamespacesCount"], 2);
    // The same by what is allowed, which other watches serve.
    stage.apply(&scope(&stage, "limits", json!({"allowedNamespaces": [apps]})));
    let told = wait::until("the scope is read again", LIMIT, || {
        Ok(message(&stage, "kollectscope", "limits", "Ready").ends_with("to 1 namespace").then_some(()))
    });
    stage.or_fail(told);
    elsewhere(&stage, "later", "green");
    stage.paint("a", "blue");
    stage.wait_colors(&[("a", "blue"), ("b", "blue")]);
    stage.paint("a", "red");
    // Also for an operator that has never seen it.
    stage.stop();
    stage.paint("c", "red");
    stage.start();
    stage.wait_colors(&[("a", "red"), ("b", "blue"), ("c", "red")]);
    // It cannot be judged, which is said.
    let output = verify(&stage, &["--settle=0"]);
    assert_eq!(code(&output), 1, "{}{}", out(&output), err(&output));
    let withheld = format!("anything outside of {apps} of target {}/colors", stage.platform);
    assert!(out(&output).contains(&withheld), "{}", out(&output));
    // The target no longer asks for it: then it goes.
    stage.patch("kollecttarget", "colors", &json!({"spec": {"excludedNamespaces": [other]}}).to_string());
    stage.wait_colors(&[("a", "red"), ("c", "red")]);

    stage.kubectl.run(&["delete", "namespace", &other, "--wait=false"]).unwrap();
}

#[test]
fn a_target_that_names_what_a_scope_denies_collects_nothing_and_loses_nothing() {
    let mut stage = Stage::set("denied");
    stage.usual();
    let (apps, other) = (stage.apps.clone(), format!("{}-other", stage.story));
    stage.apply(&manifests::namespace(&other, &stage.story));
    stage.apply(&scope(&stage, "limits", json!({"allowedNamespaces": [apps]})));
    stage.paint("a", "red");
    stage.paint("c", "red");
    stage.apply(&manifests::config_map(&other, "late", "green"));
    stage.start();
    stage.wait_colors(&[("a", "red"), ("c", "red")]);

    // By namespace.
    let asked = json!({"spec": {"includedNamespaces": [apps, other]}});
    stage.patch("kollecttarget", "colors", &asked.to_string());
    let said = stage.wait_reason("kollecttarget", "colors", "Degraded", "ScopeNamespaceDenied");
    let wanted = format!(
        "spec.includedNamespaces: KollectScope {}/limits does not allow to collect from {other}. Nothing more is \
         collected; rows exported earlier stay",
        stage.platform
    );
    assert_eq!(said, wanted);
    wait_event(&stage, "ScopeNamespaceDenied", "colors");
    stage.paint("a", "blue");
    stage.stop();
    stage.start();
    stage.wait_reason("kollecttarget", "colors", "Ready", "ScopeNamespaceDenied");
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    stage.wait_colors(&[("a", "red"), ("c", "red")]);

    // Allowed: at once.
    stage.apply(&scope(&stage, "limits", json!({"allowedNamespaces": [apps, other]})));
    stage.wait_colors(&[("a", "blue"), ("c", "red"), ("late", "green")]);
    stage.wait_reason("kollecttarget", "colors", "Ready", "Collecting");

    // Kinds.
    let kinds = json!([{"group": "apps", "version": "v1", "kind": "*"}]);
    stage.apply(&scope(&stage, "limits", json!({"allowedGVKs": kinds})));
    let said = stage.wait_reason("kollecttarget", "colors", "Degraded", "ScopeGVKDenied");
    let wanted = format!(
        "spec.profileRef: KollectScope {}/limits does not allow ConfigMap (v1); name a kind of its allowedGVKs. \
         Nothing more is collected; rows exported earlier stay",
        stage.platform
    );
    assert_eq!(said, wanted);
    stage.erase("a");
    stage.wait_colors(&[("a", "blue"), ("c", "red"), ("late", "green")]);
    stage.remove("kollectscope", "limits");
    stage.wait_colors(&[("c", "red"), ("late", "green")]);
    stage.kubectl.run(&["delete", "namespace", &other, "--wait=false"]).unwrap();
}

#[test]
fn a_sink_that_a_scope_denies_keeps_what_it_has_while_others_go_on() {
    let mut stage = Stage::set("scoped-sinks");
    stage.usual();
    stage.apply(&manifests::sink(&stage.platform, "second", "second", None));
    stage.apply(&manifests::inventory(&stage.platform, "all", &["db", "second"]));
    stage.paint("a", "red");
    stage.start();
    for table in ["inventory", "second"] {
        stage.wait_colors_of(table, "true", &[("a", "red")]);
    }
    stage.wait_condition("kollectinventory", "all", "Ready", "True");

    stage.apply(&scope(&stage, "limits", json!({"databaseSinkRefs": ["db"]})));
    let said = stage.wait_reason("kollectinventory", "all", "Degraded", "ScopeSinkDenied");
    let wanted = format!(
        "spec.databaseSinkRefs[1]: KollectScope {}/limits does not allow the sink \"second\"; name one of its \
         databaseSinkRefs. Nothing more is exported to it; what is there stays",
        stage.platform
    );
    assert_eq!(said, wanted);
    let said = message(&stage, "kollectinventory", "all", "Synced");
    assert_eq!(said, "not in sync: database/second; see status.sinkExports");
    stage.paint("a", "green");
    stage.wait_colors(&[("a", "green")]);
    stage.wait_colors_of("second", "true", &[("a", "red")]);
    // Not retired either, by nobody.
    stage.stop();
    stage.paint("a", "blue");
    stage.start();
    stage.wait_colors(&[("a", "blue")]);
    stage.wait_colors_of("second", "true", &[("a", "red")]);
    let inventory = stage.kubectl.get(&["-n", &stage.platform, "kollectinventory", "all"]).unwrap();
    let exports = inventory["status"]["sinkExports"].as_array().unwrap();
    let second = exports.iter().find(|export| export["name"] == "database/second").unwrap();
    assert_eq!(second["conditions"][0]["reason"], "ExportFailed");
    assert_eq!(second["conditions"][0]["message"], wanted);
    assert_eq!(second["itemCount"], 1);

    stage.remove("kollectscope", "limits");
    stage.wait_colors_of("second", "true", &[("a", "blue")]);
    stage.wait_condition("kollectinventory", "all", "Ready", "True");

    // Denied, and then no longer asked for: that is a person's wish, and what is there goes.
    stage.apply(&scope(&stage, "limits", json!({"databaseSinkRefs": ["db"]})));
    stage.wait_reason("kollectinventory", "all", "Degraded", "ScopeSinkDenied");
    stage.apply(&manifests::inventory(&stage.platform, "all", &["db"]));
    stage.wait_colors_of("second", "true", &[]);
    stage.wait_condition("kollectinventory", "all", "Ready", "True");
}

#[test]
fn one_scope_rules_a_place_and_the_cluster_scope_caps_all() {
    let _turn = turn();
    let kube = Kube::start().unwrap();
    let database = shared_database("caps");
    let mut stage = Stage::on_kube("caps", &kube, database.clone());
    stage.usual();
    stage.paint("a", "red");
    stage.apply(&scope(&stage, "b-wide", json!({})));
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    let said = stage.wait_reason("kollectscope", "b-wide", "Ready", "Compiled");
    assert_eq!(said, "rules targets and inventories of this namespace, and limits nothing");

    // The first by name rules, whichever came first.
    stage.apply(&scope(&stage, "a-narrow", json!({"allowedNamespaces": ["nowhere"]})));
    let said = stage.wait_reason("kollectscope", "b-wide", "Ready", "Shadowed");
    let wanted = format!(
        "has no effect: KollectScope {}/a-narrow rules here, the first by name; put both into one, and delete the \
         other",
        stage.platform
    );
    assert_eq!(said, wanted);
    stage.paint("b", "red");
    stage.wait_reason("kollecttarget", "colors", "Ready", "Collecting");
    stage.wait_colors(&[("a", "red")]);
    stage.remove("kollectscope", "a-narrow");
    stage.wait_colors(&[("a", "red"), ("b", "red")]);
    stage.wait_reason("kollectscope", "b-wide", "Ready", "Compiled");

    // No KollectScope allows what the cluster's denies.
    stage.apply(&cluster_scope("platform", json!({"deniedNamespaces": [stage.apps]})));
    let args = ["kollectclusterscope", "platform"];
    let ruled = stage.kubectl.wait_condition(&args, "Ready", "True", LIMIT);
    stage.or_fail(ruled);
    stage.paint("c", "red");
    let named = json!({"spec": {"includedNamespaces": [stage.apps]}});
    stage.patch("kollecttarget", "colors", &named.to_string());
    let said = stage.wait_reason("kollecttarget", "colors", "Degraded", "ScopeNamespaceDenied");
    assert!(said.contains("KollectClusterScope platform does not allow to collect from"), "{said}");
    stage.wait_colors(&[("a", "red"), ("b", "red")]);
    stage.kubectl.delete(&["kollectclusterscope", "platform"]).unwrap();
    stage.wait_colors(&[("a", "red"), ("b", "red"), ("c", "red")]);
    drop(stage);
    database.drop().unwrap();
}

#[test]
fn where_scopes_are_required_a_target_without_one_sees_its_own_namespace_only() {
    let mut stage = Stage::set("required");
    stage.usual();
    stage.patch("kollecttarget", "colors", r#"{"spec": {"namespaceSelector": null}}"#);
    stage.paint("a", "red");
    stage.apply(&manifests::config_map(&stage.platform, "own", "blue"));
    stage.arg("--require-scope");
    stage.start();
    stage.wait_colors(&[("own", "blue")]);
    let said = stage.wait_reason("kollecttarget", "colors", "Ready", "Collecting");
    assert!(said.contains(&format!("requires a KollectScope in {}", stage.platform)), "{said}");
    stage.patch(
        "kollecttarget",
        "colors",
        &json!({"spec": {"includedNamespaces": [stage.apps]}}).to_string(),
    );
    stage.wait_reason("kollecttarget", "colors", "Degraded", "ScopeNamespaceDenied");
    stage.wait_colors(&[("own", "blue")]);

    // With one, it sees what that one leaves.
    stage.apply(&scope(&stage, "limits", json!({"deniedNamespaces": ["kube-system"]})));
    stage.wait_colors(&[("a", "red")]);
}

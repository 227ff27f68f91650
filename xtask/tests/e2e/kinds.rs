//! Kinds that come, change and vanish by their definitions.

use serde_json::{Value, json};

use crate::manifests;
use crate::stage::Stage;

#[test]
fn a_target_of_a_kind_that_is_not_there_yet_waits_alone_and_starts_by_itself() {
    let mut stage = Stage::set("kinds");
    stage.usual();
    let widgets = Widgets::of(&stage);
    stage.paint("a", "red");
    stage.start();
    let message = stage.wait_reason("kollecttarget", "widgets", "Degraded", "KindNotFound");
    assert!(message.contains("Widget"), "{message}");
    // Nobody else waits for it.
    stage.wait_colors(&[("a", "red")]);

    widgets.define(&stage, &["v1"]);
    widgets.make(&stage, "w", "blue");
    stage.wait_colors(&[("a", "red"), ("w", "blue")]);
    stage.wait_condition("kollecttarget", "widgets", "Ready", "True");
    stage.wait_condition("kollectinventory", "all", "Ready", "True");
    widgets.remove(&stage);
}

#[test]
fn a_kind_whose_version_is_not_served_keeps_its_rows_until_it_is_served_again() {
    let mut stage = Stage::set("versions");
    stage.usual();
    let widgets = Widgets::of(&stage);
    widgets.define(&stage, &["v1", "v2"]);
    widgets.make(&stage, "w", "blue");
    stage.paint("a", "red");
    stage.start();
    stage.wait_colors(&[("a", "red"), ("w", "blue")]);
    let before = stage.written("inventory", "resource_name = 'w'");

    // Its objects are there, only nobody may see them at this version.
    widgets.define(&stage, &["v2"]);
    stage.wait_reason("kollecttarget", "widgets", "Degraded", "KindNotFound");
    stage.paint("a", "green");
    stage.wait_colors(&[("a", "green"), ("w", "blue")]);
    stage.stop();
    stage.start();
    stage.wait_reason("kollecttarget", "widgets", "Degraded", "KindNotFound");
    stage.paint("a", "red");
    stage.wait_colors(&[("a", "red"), ("w", "blue")]);

    widgets.define(&stage, &["v1", "v2"]);
    stage.wait_condition("kollecttarget", "widgets", "Ready", "True");
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    assert_eq!(
        stage.written("inventory", "resource_name = 'w'"),
        before,
        "the same rows are not written again"
    );
    widgets.make(&stage, "x", "red");
    stage.wait_colors(&[("a", "red"), ("w", "blue"), ("x", "red")]);
    // The target moves on to the other version: other rows, of the same objects.
    let gvk = json!({"spec": {"targetGVK": {"group": widgets.group, "version": "v2", "kind": "Widget"}}});
    stage.patch("kollectprofile", "widgets", &gvk.to_string());
    stage.or_fail(stage.psql().wait_rows(
        "SELECT 1 FROM inventory WHERE kind = 'Widget' AND payload->>'version' = 'v2'",
        crate::stage::LIMIT,
        |rows| rows.len() == 2,
    ));
    widgets.remove(&stage);
}

#[test]
fn a_kind_that_vanished_loses_its_rows_after_a_while_and_comes_back() {
    let mut stage = Stage::set("vanished");
    stage.usual();
    stage.arg("--vanished-after=20");
    let widgets = Widgets::of(&stage);
    widgets.define(&stage, &["v1"]);
    widgets.make(&stage, "w", "blue");
    stage.paint("a", "red");
    stage.start();
    stage.wait_colors(&[("a", "red"), ("w", "blue")]);
    // While nobody looks: no event tells that they went.
    stage.stop();
    widgets.remove(&stage);
    stage.paint("a", "green");
    stage.start();
    stage.wait_reason("kollecttarget", "widgets", "Degraded", "KindNotFound");
    stage.wait_colors(&[("a", "green"), ("w", "blue")]);
    // Not for ever.
    stage.wait_colors(&[("a", "green")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    widgets.define(&stage, &["v1"]);
    widgets.make(&stage, "w", "red");
    stage.wait_colors(&[("a", "green"), ("w", "red")]);
    // While it is watched, its objects are seen to go, and the kind itself is noticed at once.
    widgets.remove(&stage);
    stage.wait_reason("kollecttarget", "widgets", "Degraded", "KindNotFound");
    stage.wait_colors(&[("a", "green")]);
    widgets.define(&stage, &["v1"]);
    stage.wait_condition("kollecttarget", "widgets", "Ready", "True");
    widgets.remove(&stage);
}

#[test]
fn a_kind_without_namespaces_is_no_namespaced_targets_to_collect() {
    let mut stage = Stage::set("unscoped");
    stage.usual();
    let spec = json!({
        "targetGVK": {"version": "v1", "kind": "Namespace"},
        "attributes": [{"name": "phase", "path": "{.status.phase}"}],
    });
    stage.apply(&manifests::kollect("KollectProfile", &stage.platform, "namespaces", spec));
    let spec = json!({"profileRef": "namespaces"});
    stage.apply(&manifests::kollect("KollectTarget", &stage.platform, "namespaces", spec));
    stage.paint("a", "red");
    stage.start();
    let message = stage.wait_reason("kollecttarget", "namespaces", "Degraded", "InvalidSpec");
    assert!(message.contains("KollectClusterTarget"), "{message}");
    // The operator's own right to read them is not the tenant's.
    stage.wait_colors(&[("a", "red")]);
}

/// A custom kind of the story's own, and the profile and target that collect it.
struct Widgets {
    group: String,
}

impl Widgets {
    fn of(stage: &Stage) -> Self {
        let group = format!("{}.example.com", stage.story);
        let spec = json!({
            "targetGVK": {"group": group, "version": "v1", "kind": "Widget"},
            "attributes": [{"name": "color", "path": "{.spec.color}"}],
        });
        stage.apply(&manifests::kollect("KollectProfile", &stage.platform, "widgets", spec));
        stage.apply(&manifests::target(&stage.platform, "widgets", "widgets", &stage.story));
        Self { group }
    }

    /// Has these of the versions v1 and v2 served.
    fn define(&self, stage: &Stage, served: &[&str]) {
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let versions: Vec<Value> = ["v1", "v2"]
            .iter()
            .map(|version| {
                json!({"name": version, "served": served.contains(version), "storage": *version == "v2",
                    "schema": {"openAPIV3Schema": schema}})
            })
            .collect();
        stage.apply(&json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("widgets.{}", self.group)},
            "spec": {
                "group": self.group, "scope": "Namespaced", "versions": versions,
                "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            },
        }));
        stage.kubectl.run(&["wait", "--for=condition=Established", &self.name(), "--timeout=60s"]).unwrap();
    }

    fn make(&self, stage: &Stage, name: &str, color: &str) {
        let widget = json!({
            "apiVersion": format!("{}/v1", self.group), "kind": "Widget",
            "metadata": {"name": name, "namespace": stage.apps, "labels": {"collect": "yes"}},
            "spec": {"color": color},
        });
        // The API server serves a kind a moment after it said so.
        let made = xtask::wait::until("the widget is there", crate::stage::LIMIT, || {
            Ok(stage.kubectl.apply(&widget.to_string()).is_ok().then_some(()))
        });
        stage.or_fail(made);
    }

    fn remove(&self, stage: &Stage) {
        stage.kubectl.delete(&[&self.name()]).unwrap();
    }

    fn name(&self) -> String {
        format!("crd/widgets.{}", self.group)
    }
}

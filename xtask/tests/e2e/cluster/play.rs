//! Where stories of the cluster kinds play: their objects stand beside the namespaces, where all stories meet. Judges
//! nothing by itself.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use xtask::e2e::kubectl::condition;

use crate::manifests::{self, beside, kollect};
use crate::stage::{LIMIT, Stage};
use crate::verify::{code, err, out};

/// Rows by target, kind and namespace.
pub(super) const ROWS: &str =
    "SELECT concat_ws(' ', target_name, kind, nullif(resource_namespace, ''), resource_name) AS row
    FROM rollup WHERE inventory_namespace = ''";

/// A story whose objects stand beside the namespaces, and what they need. Names end in the story's, since all stories
/// share these objects' one place.
pub(super) struct Play {
    pub(super) stage: Stage,
    /// Where the profiles are.
    pub(super) profiles: String,
}

impl Play {
    pub(super) fn begin(story: &str) -> Self {
        let stage = Stage::set(story);
        stage.usual();
        stage.apply(&manifests::namespace("kollect-system", "none"));
        let name = |short: &str| format!("{short}-{}", stage.story);
        let (secret, sink) = (name("database"), name("db"));
        stage.apply(&stage.database.secret("kollect-system", &secret));
        let mut rollup = manifests::sink("kollect-system", &sink, "rollup", None);
        rollup["spec"]["tls"]["caSecretRef"]["name"] = json!(secret);
        rollup["spec"]["postgres"]["databaseRef"]["name"] = json!(secret);
        stage.apply(&rollup);
        let profiles = format!("{}-profiles", stage.story);
        stage.apply(&manifests::namespace(&profiles, "none"));
        stage.apply(&deployments(&profiles, "deployments"));
        stage.apply(&roles(&profiles));
        Self { stage, profiles }
    }

    /// The name of an object that stands beside the namespaces.
    pub(super) fn name(&self, short: &str) -> String {
        format!("{short}-{}", self.stage.story)
    }

    /// The name of a namespace of deployments.
    pub(super) fn space(&self, short: &str) -> String {
        format!("{}-{short}", self.stage.story)
    }

    /// Namespaces, each with a deployment `app`.
    pub(super) fn deployments(&self, names: &[&str]) {
        for name in names {
            self.tier(name, "app");
            self.deployment(name, "app");
        }
    }

    pub(super) fn tier(&self, name: &str, tier: &str) {
        let mut namespace = manifests::namespace(&self.space(name), &self.stage.story);
        namespace["metadata"]["labels"]["tier"] = json!(tier);
        self.stage.apply(&namespace);
    }

    pub(super) fn deployment(&self, space: &str, name: &str) {
        let labels = json!({"app": name});
        self.stage.apply(&json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": self.space(space)},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}},
        }));
    }

    pub(super) fn role(&self, name: &str) {
        self.stage.apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": self.name(name), "labels": {"story": self.stage.story}},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        }));
    }

    /// Collects by a profile in the namespaces of the story with tier `app`, as `more` says.
    pub(super) fn target(&self, name: &str, profile: &str, more: Value) {
        let mut spec = json!({
            "profileRef": {"name": profile, "namespace": self.profiles},
            "namespaceSelector": {"matchLabels": {"story": self.stage.story, "tier": "app"}},
        });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.stage.apply(&beside("KollectClusterTarget", &self.name(name), spec));
    }

    pub(super) fn inventory(&self, name: &str, spec: Value) {
        self.stage.apply(&beside("KollectClusterInventory", &self.name(name), spec));
    }

    pub(super) fn patch(&self, kind: &str, name: &str, patch: &str) {
        self.stage.kubectl.run(&["patch", kind, &self.name(name), "--type=merge", "-p", patch]).unwrap();
    }

    pub(super) fn wait_for(&self, kind: &str, name: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.stage.or_fail(self.stage.kubectl.wait_for(&[kind, &self.name(name)], LIMIT, is))
    }

    pub(super) fn wait(&self, kind: &str, name: &str, of: &str, status: &str) -> Value {
        self.stage.or_fail(self.stage.kubectl.wait_condition(&[kind, &self.name(name)], of, status, LIMIT))
    }

    /// Waits until a condition has this reason, and returns its message.
    pub(super) fn reason(&self, kind: &str, name: &str, of: &str, reason: &str) -> String {
        let object = self.wait_for(kind, name, |object| {
            condition(object, of).is_some_and(|condition| condition["reason"] == reason)
        });
        condition(&object, of).unwrap()["message"].as_str().unwrap().to_string()
    }

    /// Has the sinks of an inventory compared with the cluster; they must be equal.
    pub(super) fn verify(&self, inventory: &str) {
        let output = Command::new(env::var_os("KOLLECT_BIN").expect("run by `cargo xtask test`"))
            .args(["verify", "--allow-sink-cidr=127.0.0.0/8", "--cluster-name=e2e", "--kubeconfig"])
            .arg(self.stage.kubectl.kubeconfig())
            .args(["--inventory", &self.name(inventory)])
            .arg(format!("--local-root={}", self.stage.dir.path().join("root").display()))
            .output()
            .unwrap();
        assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
        assert!(out(&output).contains("in sync"), "{}", out(&output));
    }

    /// Waits for a Warning about an inventory, and returns its text.
    pub(super) fn event(&self, name: &str, reason: &str) -> String {
        let about = format!("involvedObject.name={},type=Warning,reason={reason}", self.name(name));
        let found =
            self.stage.kubectl.wait_for(&["-A", "events", "--field-selector", &about], LIMIT, |list| {
                list["items"].as_array().is_some_and(|events| !events.is_empty())
            });
        self.stage.or_fail(found)["items"][0]["message"].as_str().unwrap().to_string()
    }

    /// Waits until the table has these rows only, named without the story.
    pub(super) fn wait_rows(&self, wanted: &[&str]) {
        let rows = self.stage.psql().wait_rows(ROWS, LIMIT, |rows| same(self, rows, wanted));
        self.stage.or_fail(rows);
    }
}

pub(super) fn same(play: &Play, rows: &[Value], wanted: &[&str]) -> bool {
    let story = &play.stage.story;
    let plain = |row: &Value| {
        let row = row["row"].as_str().unwrap();
        row.replace(&format!("-{story}"), "").replace(&format!("{story}-"), "")
    };
    let mut found: Vec<String> = rows.iter().map(plain).collect();
    found.sort();
    let mut wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    wanted.sort();
    found == wanted
}

pub(super) fn deployments(namespace: &str, name: &str) -> Value {
    let spec = json!({
        "targetGVK": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "attributes": [{"name": "replicas", "path": "{.spec.replicas}", "type": "int"}],
    });
    kollect("KollectProfile", namespace, name, spec)
}

pub(super) fn roles(namespace: &str) -> Value {
    let spec = json!({
        "targetGVK": {"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "ClusterRole"},
        "attributes": [{"name": "rules", "path": "cel:size(object.rules)", "type": "int"}],
    });
    kollect("KollectProfile", namespace, "roles", spec)
}

/// All files below a folder.
pub(super) fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Removes what a story left beside the namespaces, and in namespaces that are not its own.
impl Drop for Play {
    fn drop(&mut self) {
        self.stage.silence();
        let story = &self.stage.story;
        let run = |args: &[&str]| self.stage.kubectl.run(args).unwrap_or_default();
        let ours = |listed: String| -> Vec<String> {
            listed.lines().filter(|name| name.contains(story)).map(str::to_string).collect()
        };
        // Without an operator nobody takes finalizers away.
        for name in ours(run(&["get", "kollectclusterinventories", "-o", "name"])) {
            run(&["patch", &name, "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
        }
        let kinds =
            "kollectclusterinventories,kollectclustertargets,kollectclusterscopes,clusterroles,namespaces";
        for name in ours(run(&["get", kinds, "-o", "name"])) {
            run(&["delete", &name, "--wait=false"]);
        }
        let kinds = "kollectdatabasesinks,secrets";
        for name in ours(run(&["get", "-n", "kollect-system", kinds, "-o", "name"])) {
            run(&["delete", "-n", "kollect-system", &name, "--wait=false"]);
        }
    }
}

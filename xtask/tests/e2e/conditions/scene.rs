//! What the rows of the condition table are about: objects, right and wrong in every way, applied before the operator
//! starts. It judges nothing.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use serde_json::{Value, json};
use xtask::e2e::Kubectl;
use xtask::{ports, workspace};

use super::row::Names;
use crate::manifests::{self, kollect};
use crate::stage::{LIMIT, Stage};

/// What stands beside the story's namespaces.
pub(super) struct Scene {
    kubectl: Kubectl,
    definition: String,
    hanging: Mutex<Option<TcpListener>>,
}

impl Scene {
    /// Conversions that hang fail from now on.
    pub(super) fn refuse_conversions(&self) {
        drop(self.hanging.lock().unwrap().take());
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.kubectl.run(&["delete", "crd", &self.definition, "--wait=false"]);
    }
}

/// Applies all.
pub(super) fn set(stage: &mut Stage, names: &mut Names) -> Scene {
    let [closed, hanging] = ports::free().unwrap();
    let root = stage.dir.path().join("root");
    std::fs::create_dir(&root).unwrap();
    stage.arg(format!("--local-root={}", root.display()));
    let group = format!("{}.example.dev", stage.story);
    names.insert("<group>", group.clone());
    names.insert("<closed>", closed.to_string());
    let scene = Scene {
        kubectl: stage.kubectl.clone(),
        definition: format!("things.{group}"),
        hanging: Mutex::new(Some(TcpListener::bind((Ipv4Addr::LOCALHOST, hanging)).unwrap())),
    };
    unconvertible(stage, &group, hanging);
    stage.psql().run("CREATE TABLE foreign_table (id integer PRIMARY KEY)").unwrap();
    secrets(stage, closed);
    let all = [sinks(stage), profiles(stage, &group), targets(stage), inventories(stage), tests(stage)];
    for manifest in all.into_iter().flatten() {
        stage.apply(&manifest);
    }
    stored_by_an_older_version(stage);
    stage.paint("a", "red");
    let mut poisoned = manifests::config_map(&stage.apps, "poisoned", "r\u{0}d");
    poisoned["metadata"]["labels"] = json!({"collect": "poisoned"});
    stage.apply(&poisoned);
    let mut misfit = manifests::config_map(&stage.apps, "misfit", "not a number");
    misfit["metadata"]["labels"] = json!({"collect": "typed"});
    stage.apply(&misfit);
    let mut fits = manifests::config_map(&stage.apps, "fits", "7");
    fits["metadata"]["labels"] = json!({"collect": "typed"});
    stage.apply(&fits);
    scene
}

/// A kind whose objects are stored in one version and read in another, by a conversion that nobody answers.
fn unconvertible(stage: &Stage, group: &str, port: u16) {
    let version = |name: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": true}}})
    };
    stage.apply(&json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("things.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [version("v1", true), version("v2", false)],
            "conversion": {"strategy": "Webhook", "webhook": {
                "conversionReviewVersions": ["v1"],
                "clientConfig": {"url": format!("https://127.0.0.1:{port}/convert")}}},
        },
    }));
    let definition = format!("crd/things.{group}");
    stage.kubectl.run(&["wait", "--for=condition=Established", &definition, "--timeout=60s"]).unwrap();
    let thing = json!({"apiVersion": format!("{group}/v1"), "kind": "Thing",
        "metadata": {"name": "one", "namespace": stage.apps}});
    let applied = xtask::wait::until("the kind can be written", LIMIT, || {
        Ok(stage.kubectl.run_with(&["create", "-f", "-"], &thing.to_string()).ok())
    });
    stage.or_fail(applied);
}

fn secrets(stage: &Stage, closed: u16) {
    let platform = &stage.platform;
    let dsn = stage.database.dsn();
    let (login, rest) = dsn.split_once('@').unwrap();
    let (place, name) = rest.split_once('/').unwrap();
    let (host, _) = place.split_once(':').unwrap();
    let elsewhere = format!("{login}@{host}:{closed}/{name}");
    let wrong = dsn.replace(stage.database.password(), "guessed-0ff1ce");
    stage.apply(&stage.database.secret_of(platform, "closed", &elsewhere));
    stage.apply(&stage.database.secret_of(platform, "wrong-password", &wrong));
    stage.apply(&json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "keyless", "namespace": platform}, "stringData": {"address": dsn}}));
}

fn sinks(stage: &Stage) -> Vec<Value> {
    let platform = &stage.platform;
    let database = |name: &str, secret: &str, table: &str| {
        let mut sink = manifests::sink(platform, name, table, None);
        sink["spec"]["postgres"]["databaseRef"]["name"] = json!(secret);
        sink
    };
    let mut untested = database("untested", "database", "inventory");
    untested["spec"]["connectionTest"] = json!(false);
    let mut trusting = database("trusting", "database", "inventory");
    trusting["spec"]["tls"] = json!({"insecureSkipVerify": true});
    vec![
        database("db", "database", "inventory"),
        database("closed", "closed", "inventory"),
        database("refused", "wrong-password", "inventory"),
        database("mismatched", "database", "foreign_table"),
        database("secretless", "absent", "inventory"),
        database("nowhere", "keyless", "inventory"),
        untested,
        trusting,
        kollect("KollectSnapshotSink", platform, "folder", json!({"type": "local"})),
        kollect(
            "KollectSnapshotSink",
            platform,
            "climbing",
            json!({"type": "local", "layout": {"content": "manifest"}}),
        ),
        kollect(
            "KollectEventSink",
            platform,
            "bus",
            json!({"type": "kafka", "kafka": {"brokers": ["127.0.0.1:9092"], "topic": "t"}}),
        ),
    ]
}

fn profiles(stage: &Stage, group: &str) -> Vec<Value> {
    let platform = &stage.platform;
    let of = |group: &str, version: &str, kind: &str, attributes: Value| json!({"targetGVK": {"group": group, "version": version, "kind": kind}, "attributes": attributes});
    let name = || json!([{"name": "name", "path": "{.metadata.name}"}]);
    let make = |name: &str, spec: Value| kollect("KollectProfile", platform, name, spec);
    let typed = json!([{"name": "color", "path": "{.data.color}", "type": "int"}]);
    vec![
        manifests::profile(platform, "colors"),
        manifests::profile(&stage.apps, "colors"),
        make("broken", of("", "v1", "ConfigMap", json!([{"name": "color", "path": "{.data[}"}]))),
        make(
            "whole",
            json!({"targetGVK": {"version": "v1", "kind": "Secret"}, "export": {"mode": "Resource"}}),
        ),
        make("typed", of("", "v1", "ConfigMap", typed)),
        make("unserved", of("absent.example.dev", "v1", "Missing", name())),
        make("rootless", of("", "v1", "Namespace", name())),
        make("hung", of(group, "v2", "Thing", name())),
    ]
}

fn targets(stage: &Stage) -> Vec<Value> {
    let (platform, story) = (&stage.platform, &stage.story);
    let target = |name: &str, profile: &str| manifests::target(platform, name, profile, story);
    let labelled = |name: &str, profile: &str, collect: &str| {
        let mut target = target(name, profile);
        target["spec"]["labelSelector"] = json!({"matchLabels": {"collect": collect}});
        target
    };
    let bare = |name: &str| {
        let mut target = target(name, name);
        target["spec"].as_object_mut().unwrap().remove("labelSelector");
        target
    };
    let mut resting = target("resting", "colors");
    resting["spec"]["suspend"] = json!(true);
    let rules = json!([{"gvk": {"version": "v1", "kind": "ConfigMap"}, "matchPolicy": "self.a"}]);
    let wrong =
        kollect("KollectTarget", platform, "wrong", json!({"profileRef": "colors", "resourceRules": rules}));
    vec![
        target("colors", "colors"),
        labelled("poisoned", "colors", "poisoned"),
        labelled("typed", "typed", "typed"),
        resting,
        target("orphan", "absent"),
        target("misled", "broken"),
        wrong,
        bare("unserved"),
        bare("rootless"),
        bare("hung"),
        manifests::target(&stage.apps, "colors", "colors", story),
    ]
}

fn inventories(stage: &Stage) -> Vec<Value> {
    let platform = &stage.platform;
    let of = |name: &str, target: &str, family: &str, refs: Value| {
        let mut spec = json!({"targetRefs": [target]});
        spec[family] = refs;
        kollect("KollectInventory", platform, name, spec)
    };
    let into = |name: &str, refs: Value| of(name, "colors", "databaseSinkRefs", refs);
    let every = |interval: &str| json!([{"name": "db", "exportMinInterval": interval}]);
    let mut resting = into("resting", json!(["db"]));
    resting["spec"]["suspend"] = json!(true);
    vec![
        into("exported", every("24h")),
        into("debounced", every("1s")),
        into("unexported", json!([])),
        resting,
        into("twice", json!(["db", "db"])),
        into("lost", json!(["absent"])),
        into("refused", json!(["refused"])),
        into("unreachable", json!(["closed"])),
        into("partly", json!([{"name": "db", "exportMinInterval": "24h"}, "closed"])),
        into("mismatched", json!(["mismatched"])),
        into("secretless", json!(["secretless"])),
        into("nowhere", json!(["nowhere"])),
        of("bus", "colors", "eventSinkRefs", json!(["bus"])),
        of("poisoned", "poisoned", "databaseSinkRefs", json!(["db"])),
        of("hung", "hung", "databaseSinkRefs", json!(["db"])),
        of("orphaned", "orphan", "databaseSinkRefs", json!(["db"])),
    ]
}

fn tests(stage: &Stage) -> Vec<Value> {
    let test = |name: &str, sink: Value| {
        let spec = json!({"sinkRef": sink, "ttlSecondsAfterFinished": 3600});
        kollect("KollectConnectionTest", &stage.platform, name, spec)
    };
    vec![
        test("passing", json!({"databaseSinkRef": "db"})),
        test("folder", json!({"snapshotSinkRef": "folder"})),
        test("absent", json!({"databaseSinkRef": "absent"})),
        test("secretless", json!({"databaseSinkRef": "secretless"})),
        test("closed", json!({"databaseSinkRef": "closed"})),
        test("bus", json!({"eventSinkRef": "bus"})),
    ]
}

/// An object that the schema of today would refuse: the definition is without its rules while it is stored.
fn stored_by_an_older_version(stage: &Stage) {
    const NAME: &str = "kollectconnectiontests.kollect.dev";
    let rules =
        "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/sinkRef/x-kubernetes-validations";
    let patch = json!([{"op": "remove", "path": rules}]).to_string();
    stage.kubectl.run(&["patch", "crd", NAME, "--type=json", "-p", &patch]).unwrap();
    let both = json!({"databaseSinkRef": "db", "snapshotSinkRef": "folder"});
    let spec = json!({"sinkRef": both, "ttlSecondsAfterFinished": 3600});
    let test = kollect("KollectConnectionTest", &stage.platform, "both", spec).to_string();
    let stored = xtask::wait::until("the older version takes it", LIMIT, || {
        Ok(stage.kubectl.run_with(&["create", "-f", "-"], &test).ok())
    });
    stage.kubectl.apply_file(&workspace::root().join("dist/install-crds.yaml")).unwrap();
    stage.or_fail(stored);
}

/// What a person would do about some of it.
pub(super) fn mend(stage: &Stage) {
    stage.apply(&manifests::profile(&stage.platform, "absent"));
    stage.apply(&manifests::profile(&stage.platform, "broken"));
    stage.apply(&stage.database.secret(&stage.platform, "wrong-password"));
    stage.apply(&manifests::sink(&stage.platform, "absent", "absent", None));
    stage.patch("kollecttarget", "resting", r#"{"spec":{"suspend":false}}"#);
    stage.patch("kollectinventory", "resting", r#"{"spec":{"suspend":false}}"#);
    stage.patch("kollectinventory", "twice", r#"{"spec":{"databaseSinkRefs":["db"]}}"#);
    stage.patch(
        "kollectprofile",
        "whole",
        r#"{"metadata":{"annotations":{"kollect.dev/allow-full-resource-export":"true"}}}"#,
    );
    let mut misfit = manifests::config_map(&stage.apps, "misfit", "9");
    misfit["metadata"]["labels"] = json!({"collect": "typed"});
    stage.apply(&misfit);
}

//! Objects as they are, without what is pruned, and what Helm deployed. What rules find is tested in the crate that
//! extracts.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use xtask::{http, ports, wait};

use crate::manifests::{self, COLLECT};
use crate::stage::{LIMIT, Stage};
use crate::verify::{code, err, offline, out, verify, write};

#[test]
fn objects_arrive_without_what_is_pruned_and_heartbeats_write_nothing() {
    let mut stage = Stage::set("objects");
    stage.usual();
    let whole = json!({"spec": {
        "attributes": [{"name": "color", "path": "{.data.color}"}],
        "metrics": [{"name": "shade", "path": "color"}],
        "export": {"mode": "Resource", "include": "All", "prune": {
            "jsonPointers": ["/data/beat"], "jsonPaths": ["$.metadata.annotations"],
            "cel": ["has(object.data.note) ? ['/data/note'] : []"], "scrubKeys": ["pin"],
        }},
    }});
    stage.patch("kollectprofile", "colors", &whole.to_string());
    let painted = |beat: usize| {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": stage.apps, "labels": {(COLLECT.0): COLLECT.1},
                "annotations": {"beat": beat.to_string()}},
            "data": {"color": "7", "beat": beat.to_string(), "note": "x", "dbPassword": "canary", "pin": "canary"}})
    };
    let (first, beats) = (painted(0), (1..20).map(painted).collect::<Vec<_>>());
    stage.apply(&first);
    let [port] = ports::free().unwrap();
    stage.arg(format!("--metrics-bind-address=127.0.0.1:{port}"));
    stage.start();
    stage.wait_colors(&[("a", "7")]);
    let row = attributes(&stage, "a");
    let gone = json!({"redacted": true, "reason": "sensitive-key"});
    assert_eq!(row["resource"]["data"], json!({"color": "7", "dbPassword": gone, "pin": gone}), "{row}");
    let metadata = row["resource"]["metadata"].as_object().unwrap();
    assert_eq!(metadata.keys().collect::<Vec<_>>(), ["creationTimestamp", "labels"], "{row}");
    let profile = stage.wait_condition("kollectprofile", "colors", "Ready", "True");
    assert_eq!(profile["status"]["columns"][1], json!({"name": "resource", "type": "map"}), "{profile:#}");

    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    let before = stage.written("inventory", "resource_name = 'a'");
    beats.iter().for_each(|beat| stage.apply(beat));
    stage.paint("b", "1");
    stage.wait_colors(&[("a", "7"), ("b", "1")]);
    assert_eq!(stage.written("inventory", "resource_name = 'a'"), before, "a heartbeat wrote the row again");

    let gauge = format!(
        r#"kollect_custom_resource_series{{profile="{}/colors",gvk="v1/ConfigMap",series="shade"}} "#,
        stage.platform
    );
    let shown = |value: &str| {
        let shown = || {
            Ok(http::get(port, "/metrics")?
                .1
                .lines()
                .any(|line| line == format!("{gauge}{value}"))
                .then_some(()))
        };
        stage.or_fail(wait::until("the gauge", LIMIT, shown));
    };
    shown("8");
    stage.erase("a");
    shown("1");

    // A pass over the cluster, and one over what kubectl wrote, make the same rows to the byte.
    stage.wait_colors(&[("b", "1")]);
    let output = verify(&stage, &["--sink=db"]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    let dump = stage.kubectl.get(&["configmaps,namespaces", "--all-namespaces"]).unwrap();
    let config = stage.kubectl.get(&["-n", &stage.platform, "kollect,secrets"]).unwrap();
    let (dump, config) = (write(&stage, "dump.json", &dump), write(&stage, "config.json", &config));
    let output = offline(&stage, &["--from", &dump, "--config", &config, "--settle=0", "--sink=db"]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
}

#[test]
fn releases_of_helm_arrive_once_their_profile_may_read_them() {
    let mut stage = Stage::set("releases");
    stage.apply(&manifests::sink(&stage.platform, "db", "inventory", None));
    stage.apply(&manifests::inventory(&stage.platform, "all", &["db"]));
    let field = |name: &str| json!({"name": name, "path": format!("helm:release.{name}")});
    let fields = ["releaseName", "chartVersion", "status", "revision", "config"].map(field);
    let spec = json!({"targetGVK": {"version": "v1", "kind": "Secret"}, "attributes": fields});
    stage.apply(&manifests::kollect("KollectProfile", &stage.platform, "releases", spec));
    let mut target = manifests::target(&stage.platform, "releases", "releases", &stage.story);
    target["spec"]["labelSelector"] = json!({"matchLabels": {"owner": "helm"}});
    stage.apply(&target);
    stage.apply(&release(&stage.apps, "deployed"));
    stage.start();
    let message = stage.wait_reason("kollectprofile", "releases", "Ready", "InvalidPath");
    assert!(message.contains("kollect.dev/allow-secret-extraction"), "{message}");

    let consent = r#"{"metadata":{"annotations":{"kollect.dev/allow-secret-extraction":"true"}}}"#;
    stage.patch("kollectprofile", "releases", consent);
    let gone = json!({"redacted": true, "reason": "sensitive-key"});
    let wanted = |status: &str| {
        json!({"releaseName": "shop", "chartVersion": "12.4.1", "status": status, "revision": 4,
            "config": {"replicas": 2, "db": {"password": gone}}})
    };
    wait_attributes(&stage, RELEASE, &wanted("deployed"));
    stage.apply(&release(&stage.apps, "superseded"));
    wait_attributes(&stage, RELEASE, &wanted("superseded"));
    let rows = stage.psql().run("SELECT * FROM inventory").unwrap();
    assert!(!rows.contains("canary") && !stage.log_text().contains("canary"), "{rows}");
}

/// Helm's name of the Secret of a release.
const RELEASE: &str = "sh.helm.release.v1.shop.v4";

/// A release as Helm stores it: JSON, gzip, base64, and base64 again, since it is a Secret's data.
fn release(namespace: &str, status: &str) -> Value {
    let release = json!({
        "name": "shop", "namespace": namespace, "version": 4, "manifest": "canary", "hooks": [],
        "info": {"status": status, "notes": "canary", "last_deployed": "2026-01-02T03:04:05.678901234Z"},
        "chart": {"metadata": {"name": "storefront", "version": "12.4.1"}, "values": {"canary": true}},
        "config": {"replicas": 2, "db": {"password": "canary"}},
    });
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(release.to_string().as_bytes()).unwrap();
    let data = BASE64_STANDARD.encode(BASE64_STANDARD.encode(packed.finish().unwrap()));
    json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "data": {"release": data},
        "metadata": {"name": RELEASE, "namespace": namespace, "labels": {"owner": "helm", "status": status}}})
}

fn attributes(stage: &Stage, name: &str) -> Value {
    let query =
        format!("SELECT payload->'attributes' AS attributes FROM inventory WHERE resource_name = '{name}'");
    let rows = stage.psql().rows(&query).unwrap();
    rows.first().map(|row| row["attributes"].clone()).unwrap_or_default()
}

fn wait_attributes(stage: &Stage, name: &str, wanted: &Value) {
    let query =
        format!("SELECT payload->'attributes' AS attributes FROM inventory WHERE resource_name = '{name}'");
    stage.or_fail(
        stage
            .psql()
            .wait_rows(&query, LIMIT, |rows| rows.first().is_some_and(|row| row["attributes"] == *wanted)),
    );
}

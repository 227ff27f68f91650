//! Releases of Helm: one that it stored, and others packed as it packs them.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::spec;
use crate::extract::{ObjectContext, Plan, PlanSpec};

const FIELDS: [&str; 9] = [
    "helm:release.appVersion",
    "helm:release.chartName",
    "helm:release.chartVersion",
    "helm:release.config",
    "helm:release.lastDeployed",
    "helm:release.namespace",
    "helm:release.releaseName",
    "helm:release.revision",
    "helm:release.status",
];

fn release() -> Value {
    json!({
        "name": "shop", "version": 4, "namespace": "prod",
        "info": {"first_deployed": "2026-01-01T00:00:00Z", "last_deployed": "2026-01-02T03:04:05.678901234Z",
            "deleted": "", "description": "Upgrade complete", "status": "deployed", "notes": "canary"},
        "chart": {"metadata": {"name": "storefront", "version": "12.4.1", "appVersion": "1.7.0"},
            "templates": [{"name": "x.yaml", "data": "canary"}], "values": {"password": "canary"}},
        "config": {"image": {"tag": "1.7.0"}, "db": {"password": "canary"}},
        "manifest": "canary", "hooks": [{"manifest": "canary"}],
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn secret(packed: &str) -> String {
    json!({"metadata": {"name": "sh.helm.release.v1.shop.v4", "labels": {"owner": "helm"}},
        "type": "helm.sh/release.v1", "data": {"release": base64(packed)}})
    .to_string()
}

fn config_map(packed: &str) -> String {
    json!({"metadata": {"name": "shop.v4", "labels": {"owner": "helm"}}, "data": {"release": packed}})
        .to_string()
}

fn packed() -> String {
    base64(gzip(release().to_string().as_bytes()))
}

fn over(kind: &str, paths: &[&str]) -> PlanSpec {
    PlanSpec { group: String::new(), kind: kind.to_owned(), allow_secret_data: true, ..spec(paths) }
}

fn rows(kind: &str, paths: &[&str], object: &str) -> (Value, Option<String>) {
    let plan = Plan::compile(&over(kind, paths)).unwrap_or_else(|errors| panic!("{errors:?}"));
    let extraction = plan.extract(object, ObjectContext { api_version: "v1", kind });
    let failure = extraction.failures.last.map(|failure| failure.reason);
    (serde_json::from_str(&extraction.attributes).unwrap(), failure)
}

#[test]
fn both_stores_give_the_fields_of_a_release() {
    let gone = json!({"reason": "sensitive-key", "redacted": true});
    let want = json!({
        "a0": "1.7.0", "a1": "storefront", "a2": "12.4.1",
        "a3": {"image": {"tag": "1.7.0"}, "db": {"password": gone}},
        "a4": "2026-01-02T03:04:05.678901234Z", "a5": "prod", "a6": "shop", "a7": 4, "a8": "deployed",
    });
    assert_eq!(rows("Secret", &FIELDS, &secret(&packed())), (want.clone(), None));
    assert_eq!(rows("ConfigMap", &FIELDS, &config_map(&packed())), (want.clone(), None));
    // As Helm stored them before it compressed them.
    assert_eq!(rows("Secret", &FIELDS, &secret(&base64(release().to_string()))), (want, None));
}

/// What Helm 3.19.2 made of `helm install front --set replicas=3 --set db.password=canary`, one line of base64.
const STORED: &str = include_str!("helm/release.txt");

#[test]
fn what_helm_itself_stored_is_read() {
    let packed = STORED.replace('\n', "");
    let gone = json!({"reason": "sensitive-key", "redacted": true});
    let want = json!({
        "a0": "1.7.0", "a1": "storefront", "a2": "12.4.1", "a3": {"replicas": 3, "db": {"password": gone}},
        "a4": "2026-11-21T08:49:35.670106934Z", "a5": "helmtest", "a6": "front", "a7": 1, "a8": "deployed",
    });
    assert_eq!(rows("Secret", &FIELDS, &secret(&packed)), (want.clone(), None));
    assert_eq!(rows("ConfigMap", &FIELDS, &config_map(&packed)), (want, None));
}

#[test]
fn paths_of_the_object_stand_beside() {
    let paths = ["helm:release.chartName", "{.metadata.name}"];
    let want = json!({"a0": "storefront", "a1": "sh.helm.release.v1.shop.v4"});
    assert_eq!(rows("Secret", &paths, &secret(&packed())), (want, None));
}

#[test]
fn what_is_no_release_has_no_fields() {
    let others = [
        json!({"type": "Opaque", "data": {"release": base64(packed())}}),
        json!({"type": "helm.sh/release.v1"}),
        json!({"type": "helm.sh/release.v1", "data": {"release": 3}}),
        json!({}),
    ];
    for object in others {
        let object = object.to_string();
        assert_eq!(
            rows("Secret", &["helm:release.status"], &object),
            (json!({"a0": null}), None),
            "{object}"
        );
    }
    let foreign = json!({"data": {"release": packed()}}).to_string();
    assert_eq!(rows("ConfigMap", &["helm:release.status"], &foreign), (json!({"a0": null}), None));
}

#[test]
fn broken_releases_say_what_is_wrong() {
    let bomb = base64(gzip(&vec![b' '; 17 << 20]));
    assert!(bomb.len() < 100_000);
    let whole = gzip(release().to_string().as_bytes());
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    let table = [
        ("%%%".to_owned(), "not base64"),
        (base64(&whole[..whole.len() - 9]), "not whole"),
        (base64(&damaged), "not whole"),
        (bomb, "larger than 16 MiB"),
        (base64(gzip(&[0xff, 0xfe])), "not text"),
        (base64(gzip(b"name: shop")), "not JSON"),
        (base64(gzip(b"[]")), "not JSON"),
        (base64(gzip(b"{\"info\":{\"status\":")), "not JSON"),
        (base64(gzip(b"{\"info\":{\"status\":}}")), "not JSON"),
        (base64(gzip(b"")), "not JSON"),
    ];
    for (packed, want) in table {
        for (kind, object) in [("Secret", secret(&packed)), ("ConfigMap", config_map(&packed))] {
            let (row, failure) = rows(kind, &["helm:release.status"], &object);
            assert_eq!(row, json!({"a0": null}));
            assert!(failure.as_deref().is_some_and(|reason| reason.contains(want)), "{want}: {failure:?}");
        }
    }
    let not_twice = json!({"type": "helm.sh/release.v1", "data": {"release": "%"}}).to_string();
    assert!(rows("Secret", &["helm:release.status"], &not_twice).1.is_some());
    assert!(rows("Secret", &["helm:release.status"], "{").1.is_some());
}

#[test]
fn what_a_release_deployed_is_out_of_reach() {
    for (path, hint) in [
        ("helm:release.manifest", "one of releaseName"),
        ("helm:release.hooks", "one of releaseName"),
        ("helm:release.chart", "one of releaseName"),
        ("helm:release.chart.values", "one of releaseName"),
        ("helm:release.config.db", "one of releaseName"),
        ("helm:release", "one of releaseName"),
        ("helm:", "one of releaseName"),
    ] {
        let errors = Plan::compile(&over("Secret", &[path])).map(|_| ()).unwrap_err();
        assert!(errors[0].message.contains(hint), "{path}: {}", errors[0]);
    }
    assert!(Plan::compile(&over("Pod", &["helm:release.status"])).is_err());
    let closed = PlanSpec { allow_secret_data: false, ..over("Secret", &["helm:release.config"]) };
    let errors = Plan::compile(&closed).map(|_| ()).unwrap_err();
    assert!(errors[0].message.contains("allow-secret-extraction"), "{}", errors[0]);
    // All else says no more than `helm list` does.
    let closed =
        PlanSpec { allow_secret_data: false, ..over("Secret", &["helm:release.status", "cel:object"]) };
    let row = Plan::compile(&closed)
        .unwrap()
        .extract(&secret(&packed()), ObjectContext { api_version: "v1", kind: "Secret" });
    assert!(
        row.attributes.contains(r#""a0":"deployed""#) && !row.attributes.contains("\"data\""),
        "{}",
        row.attributes
    );
}

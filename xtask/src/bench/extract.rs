//! Extraction: nanoseconds per object, beside a whole `serde_json::Value` decode of the same object.

use std::hint::black_box;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use kollect_snapshot::extract::{
    AttributeSpec, ObjectContext, Plan, PlanSpec, PruneSpec, ResourceSpec, Sections,
};
use serde_json::{Value, json};

use super::report::Report;
use crate::fixture;

/// How long each measure runs; the fastest of several rounds counts, since a busy machine only ever adds.
const ROUND: Duration = Duration::from_millis(200);
const ROUNDS: usize = 7;

/// Paths of each figure.
const PLANS: [(&str, &[&str]); 3] = [
    ("extract/jsonpath", &["{.spec.replicas}"]),
    ("extract/cel", &["cel:object.spec.replicas > 1 ? 'redundant' : 'single'"]),
    (
        "extract/three",
        &[
            "{.spec.replicas}",
            "{.spec.template.spec.containers[*].image}",
            "cel:object.spec.replicas > 1 ? 'redundant' : 'single'",
        ],
    ),
];

/// The fields of a release that are measured.
const RELEASE: [&str; 4] =
    ["helm:release.releaseName", "helm:release.chartVersion", "helm:release.status", "helm:release.config"];

/// Measures what the report wants.
///
/// # Errors
/// A plan that does not compile.
pub fn run(report: &mut Report) -> Result<()> {
    let object = fixture::served_deployment().to_string();
    eprintln!("extract: an object of {} bytes", object.len());
    let decode = || drop(black_box(serde_json::from_str::<Value>(black_box(&object))));
    let deployment = ObjectContext { api_version: "apps/v1", kind: "Deployment" };
    for (name, paths) in PLANS {
        measure(report, name, &spec(paths), &object, deployment, decode)?;
    }
    let resource = PlanSpec { resource: Some(resource()), ..spec(&[]) };
    measure(report, "extract/resource", &resource, &object, deployment, decode)?;

    let packed = release()?;
    let object = json!({"type": "helm.sh/release.v1", "data": {"release": BASE64_STANDARD.encode(&packed)},
        "metadata": {"name": "sh.helm.release.v1.shop.v4", "labels": {"owner": "helm"}}})
    .to_string();
    let releases = PlanSpec {
        group: String::new(),
        kind: "Secret".to_owned(),
        allow_secret_data: true,
        ..spec(&RELEASE)
    };
    let secret = ObjectContext { api_version: "v1", kind: "Secret" };
    measure(report, "extract/helm", &releases, &object, secret, || {
        drop(black_box(decoded(black_box(&object))));
    })
}

fn measure(
    report: &mut Report,
    name: &str,
    spec: &PlanSpec,
    object: &str,
    context: ObjectContext<'_>,
    floor: impl FnMut(),
) -> Result<()> {
    if !report.wants(name) {
        return Ok(());
    }
    let plan = Plan::compile(spec).map_err(|errors| anyhow!("{errors:?}"))?;
    let extraction = plan.extract(object, context);
    anyhow::ensure!(extraction.failures.count == 0, "{name}: {:?}", extraction.failures.last);
    let value = fastest(|| drop(black_box(plan.extract(black_box(object), context))));
    report.add(name, value, "µs", Some(fastest(floor)));
    Ok(())
}

fn spec(paths: &[&str]) -> PlanSpec {
    let attributes = paths.iter().enumerate().map(|(index, path)| AttributeSpec {
        name: format!("attribute{index}"),
        path: (*path).to_owned(),
        column_type: None,
        optional: false,
        redact: false,
    });
    PlanSpec {
        group: "apps".to_owned(),
        version: "v1".to_owned(),
        kind: "Deployment".to_owned(),
        attributes: attributes.collect(),
        ..PlanSpec::default()
    }
}

/// The whole object without its environment.
fn resource() -> ResourceSpec {
    ResourceSpec {
        name: "resource".to_owned(),
        sections: Sections::SpecAndStatus,
        dedupe_identity: true,
        prune: PruneSpec {
            defaults: true,
            pointers: vec!["/status/observedGeneration".to_owned()],
            paths: vec!["$.spec.template.spec.containers[*].env".to_owned()],
            expressions: Vec::new(),
        },
        allow_secret: false,
    }
}

/// A release of 70 KB as Helm packs it: a chart with its templates, and what they became.
fn release() -> Result<String> {
    let object = fixture::served_deployment();
    let templates: Vec<Value> = (0..4)
        .map(|number| json!({"name": format!("{number}.yaml"), "data": BASE64_STANDARD.encode(object.to_string())}))
        .collect();
    let manifest = vec![object.to_string(); 4].join("---\n");
    let release = json!({
        "name": "shop", "namespace": "prod", "version": 4, "config": {"image": {"tag": "1.7.0"}},
        "info": {"status": "deployed", "last_deployed": "2026-01-02T03:04:05Z"},
        "chart": {"metadata": {"name": "storefront", "version": "12.4.1"}, "templates": templates},
        "manifest": manifest,
    });
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(release.to_string().as_bytes())?;
    Ok(BASE64_STANDARD.encode(encoder.finish()?))
}

/// All of it as `serde_json::Value`.
fn decoded(object: &str) -> Option<Value> {
    let object: Value = serde_json::from_str(object).ok()?;
    let packed = BASE64_STANDARD.decode(object.pointer("/data/release")?.as_str()?).ok()?;
    let packed = BASE64_STANDARD.decode(packed).ok()?;
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Microseconds per call in the fastest round.
fn fastest(mut work: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let mut calls = 0_u32;
        while begun.elapsed() < ROUND {
            for _ in 0..100 {
                work();
            }
            calls += 100;
        }
        best = best.min(begun.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    best
}

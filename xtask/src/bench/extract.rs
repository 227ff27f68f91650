//! Extraction: nanoseconds per object, beside a whole `serde_json::Value` decode of the same object.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use kollect_snapshot::extract::{AttributeSpec, ObjectContext, Plan, PlanSpec};
use serde_json::Value;

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

/// Measures what the report wants.
///
/// # Errors
/// A plan that does not compile.
pub fn run(report: &mut Report) -> Result<()> {
    let object = fixture::served_deployment().to_string();
    eprintln!("extract: an object of {} bytes", object.len());
    for (name, paths) in PLANS {
        if !report.wants(name) {
            continue;
        }
        let plan = plan(paths)?;
        let context = ObjectContext { api_version: "apps/v1", kind: "Deployment" };
        let extraction = plan.extract(&object, context);
        anyhow::ensure!(extraction.failures.count == 0, "{name}: {:?}", extraction.failures.last);
        let value = fastest(|| {
            black_box(plan.extract(black_box(&object), context));
        });
        let floor = fastest(|| {
            black_box(serde_json::from_str::<Value>(black_box(&object)).ok());
        });
        report.add(name, value, "µs", Some(floor));
    }
    Ok(())
}

fn plan(paths: &[&str]) -> Result<Plan> {
    let attributes = paths.iter().enumerate().map(|(index, path)| AttributeSpec {
        name: format!("attribute{index}"),
        path: (*path).to_owned(),
        column_type: None,
        optional: false,
        redact: false,
    });
    let spec = PlanSpec {
        group: "apps".to_owned(),
        version: "v1".to_owned(),
        kind: "Deployment".to_owned(),
        attributes: attributes.collect(),
        ..PlanSpec::default()
    };
    Plan::compile(&spec).map_err(|errors| anyhow!("{errors:?}"))
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

//! The operator on 10,000 Deployments of 5.4 KB: first sync, memory, a restart, changes, and an idle minute.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::floor;
use super::report::Report;
use crate::e2e::database::Database;
use crate::e2e::operator::{Launch, Operator};
use crate::e2e::stamps::Stamps;
use crate::e2e::{Kubectl, Psql};
use crate::fixture::{self, etcd};
use crate::servers::{Kube, Postgres};
use crate::{wait, workspace};

const OBJECTS: usize = 10_000;
const LONG: Duration = Duration::from_secs(300);

/// Changes per second, and for how long.
const RATE: u64 = 100;
const CHURN: Duration = Duration::from_secs(60);

/// One object whose changes are timed, among those that only change.
const TIMED_EVERY: u64 = 10;

/// Measures what the report wants.
///
/// # Errors
/// Servers that do not start, and an operator that does not get there.
pub fn run(report: &mut Report) -> Result<()> {
    let program = release_build()?;
    let kube = Kube::start_with(fixture::options(fixture::deployments(OBJECTS)?))?;
    let postgres = Postgres::start()?;
    let database = Database::create(&postgres.url(), &postgres.ca(), "bench")?;
    let kubectl = Kubectl::admin(&kube);
    prepare(&kubectl, &database)?;
    let list = floor::list(&kube)?;
    let log = kube.dir().join("bench-operator.log");
    let launch = Launch::of(program, kube.kubeconfig(), &log)
        .arg("--cluster-name=bench")
        .arg("--allow-sink-cidr=127.0.0.0/8")
        .arg("--health-probe-bind-address=0");

    let begun = Instant::now();
    let mut operator = launch.start()?;
    rows(&operator, database.psql())?;
    let took = begun.elapsed().as_secs_f64();
    let pid = operator.process().pid();
    report.add("operator/first-sync-cpu/10k", floor::cpu(pid)?.as_secs_f64(), "s", None);
    let copy = floor::copy(database.psql(), "inventory")?;
    report.add("operator/first-sync/10k", took, "s", Some(list + copy));
    report.add("operator/peak-rss/10k", floor::memory(pid)?.1, "MB", None);

    restart(report, &launch, &mut operator, database.psql())?;
    let pid = operator.process().pid();
    churn(report, &kube, &database, pid)?;
    let before = floor::cpu(pid)?;
    if report.wants("operator/idle-cpu/10k") {
        thread::sleep(Duration::from_secs(60));
    }
    report.add("operator/idle-cpu/10k", (floor::cpu(pid)? - before).as_secs_f64(), "s/min", None);
    report.add("operator/steady-rss/10k", floor::memory(pid)?.0, "MB", None);
    operator.stop()?;
    Ok(())
}

fn release_build() -> Result<PathBuf> {
    eprintln!("operator: building with --release");
    let status = workspace::cargo()
        .args(["build", "--release", "--package", "kollect-operator"])
        .current_dir(workspace::root())
        .status()?;
    ensure!(status.success(), "cargo build --release: {status}");
    Ok(workspace::target_dir()?.join("release/kollect"))
}

fn prepare(kubectl: &Kubectl, database: &Database) -> Result<()> {
    kubectl.apply_file(&workspace::root().join("dist/install-crds.yaml"))?;
    let gvk = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    let attributes = json!([
        {"name": "replicas", "path": "{.spec.replicas}", "type": "int"},
        {"name": "images", "path": "{.spec.template.spec.containers[*].image}", "type": "list"},
        {"name": "tier", "path": "cel:object.spec.replicas > 1 ? 'redundant' : 'single'", "type": "string"},
        {"name": "team", "path": "{.metadata.labels.team}", "type": "string"},
        {"name": "checked", "path": "{.metadata.annotations['example.com/checked']}", "type": "string"},
    ]);
    let postgres = json!({"databaseRef": {"name": "database"}, "table": "inventory"});
    let objects = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bench"}}),
        database.secret("bench", "database"),
        kollect("KollectProfile", json!({"targetGVK": gvk, "attributes": attributes})),
        kollect("KollectTarget", json!({"profileRef": "bench"})),
        kollect(
            "KollectDatabaseSink",
            json!({"type": "postgres", "tls": {"caSecretRef": {"name": "database"}}, "postgres": postgres}),
        ),
        kollect("KollectInventory", json!({"databaseSinkRefs": ["bench"]})),
    ];
    let text: Vec<String> = objects.iter().map(Value::to_string).collect();
    wait::until("the CRDs are served", LONG, || Ok(kubectl.apply(&text.join("\n---\n")).ok().map(|_| ())))
}

fn kollect(kind: &str, spec: Value) -> Value {
    json!({"apiVersion": "kollect.dev/v1alpha1", "kind": kind,
        "metadata": {"name": "bench", "namespace": "bench"}, "spec": spec})
}

fn rows(operator: &Operator, psql: &Psql) -> Result<()> {
    let wanted = i64::try_from(OBJECTS)?;
    let all = || Ok((psql.number("SELECT count(*) FROM inventory").ok() == Some(wanted)).then_some(()));
    wait::until(&format!("the table has {OBJECTS} rows"), LONG, all)
        .with_context(|| format!("the operator's log ends so:\n{}", operator.tail(20)))
}

/// Rows that a restart writes although nothing changed.
fn restart(report: &mut Report, launch: &Launch, operator: &mut Operator, psql: &Psql) -> Result<()> {
    let written = || psql.run("SELECT md5(string_agg(xmin::text, ',' ORDER BY source_uid)) FROM inventory");
    let before = written()?;
    operator.process().kill()?;
    *operator = launch.start()?;
    operator.wait_log("listed kind=Deployment", LONG)?;
    thread::sleep(Duration::from_secs(3));
    let changed = if written()? == before { 0 } else { OBJECTS };
    report.add("operator/restart-rows/10k", changed as f64, "rows", None);
    Ok(())
}

/// Changes an annotation that the profile reads, in etcd itself: through the API the server's own work would be
/// measured.
fn churn(report: &mut Report, kube: &Kube, database: &Database, pid: u32) -> Result<()> {
    let psql = database.psql();
    let store = etcd::Store::at(&kube.etcd_url())?;
    let stored: Vec<(String, String, String, String)> = (0..200)
        .map(|number| {
            let (key, namespace, name) = fixture::address(number);
            let value = store.get(&key)?.context("the fixture lacks an object")?;
            Ok((key, namespace, name, value))
        })
        .collect::<Result<_>>()?;
    let stamps = Stamps::install(psql, "inventory")?;
    let cpu = floor::cpu(pid)?;
    let begun = Instant::now();
    let mut timed = Vec::new();
    let mut made = 0_u64;
    while begun.elapsed() < CHURN {
        let due = begun + Duration::from_secs_f64(made as f64 / RATE as f64);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let at = usize::try_from(made)? % stored.len();
        let Some((key, namespace, name, value)) = stored.get(at) else { break };
        made += 1;
        let since = SystemTime::now();
        store.put(key, &value.replace("\"0000000000\"", &format!("\"{made:010}\"")))?;
        if made.is_multiple_of(TIMED_EVERY) {
            timed.push((since, namespace.clone(), name.clone()));
        }
    }
    let mut seconds = Vec::new();
    for (since, namespace, name) in timed {
        seconds.push(stamps.after(since, &namespace, &name, LONG)?.as_secs_f64() * 1000.0);
    }
    seconds.sort_by(f64::total_cmp);
    let quantile = |of: f64| seconds.get((seconds.len() as f64 * of) as usize).copied().unwrap_or(f64::NAN);
    report.add("operator/change-to-row-p50/10k", quantile(0.5), "ms", None);
    report.add("operator/change-to-row-p99/10k", quantile(0.99), "ms", None);
    let per_minute = (floor::cpu(pid)? - cpu).as_secs_f64() / begun.elapsed().as_secs_f64() * 60.0;
    report.add("operator/churn-cpu/10k", per_minute, "s/min", None);
    let written = psql.number("SELECT count(*) FROM stamps")? as f64;
    report.add("operator/churn-rows/10k", written, "rows", Some(made as f64));
    Ok(())
}

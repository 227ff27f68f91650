//! The operator on 10,000 and 100,000 Deployments of 5.4 KB: first sync, memory, a restart, changes, and an idle minute.

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

const LONG: Duration = Duration::from_secs(300);

/// Changes per second, and for how long.
const RATE: u64 = 100;
const CHURN: Duration = Duration::from_secs(60);

/// One object whose changes are timed, among those that only change.
const TIMED_EVERY: u64 = 10;

/// How many objects there are, and what figures about them are called.
#[derive(Clone, Copy)]
struct Size {
    objects: usize,
    label: &'static str,
}

impl Size {
    fn name(self, figure: &str) -> String {
        format!("operator/{figure}/{}", self.label)
    }
}

/// Measures what the report wants with 10,000 objects.
///
/// # Errors
/// Servers that do not start, and an operator that does not get there.
pub fn ten_thousand(report: &mut Report) -> Result<()> {
    run(report, Size { objects: 10_000, label: "10k" })
}

/// As [`ten_thousand`], with ten times as many.
///
/// # Errors
/// As [`ten_thousand`].
pub fn hundred_thousand(report: &mut Report) -> Result<()> {
    run(report, Size { objects: 100_000, label: "100k" })
}

fn run(report: &mut Report, size: Size) -> Result<()> {
    let program = release_build()?;
    let kube = Kube::start_with(fixture::options(fixture::deployments(size.objects)?))?;
    let postgres = Postgres::start()?;
    let database = Database::create(&postgres.url(), &postgres.ca(), "bench")?;
    let kubectl = Kubectl::admin(&kube);
    prepare(&kubectl, &database)?;
    let list = floor::list(&kube)?;
    let launch = |log: &str| {
        Launch::of(program.clone(), kube.kubeconfig(), &kube.dir().join(log))
            .arg("--cluster-name=bench")
            .arg("--allow-sink-cidr=127.0.0.0/8")
            .arg("--health-probe-bind-address=0")
    };

    let begun = Instant::now();
    let mut operator = launch("first-start.log").start()?;
    rows(&operator, database.psql(), size)?;
    let took = begun.elapsed().as_secs_f64();
    let pid = operator.process().pid();
    report.add(&size.name("first-sync-cpu"), floor::cpu(pid)?.as_secs_f64(), "s", None);
    let copy = floor::copy(database.psql(), "inventory")?;
    report.add(&size.name("first-sync"), took, "s", Some(list + copy));
    let peak = floor::memory(pid)?.1;

    restart(report, size, &launch("second-start.log"), &mut operator, database.psql())?;
    let pid = operator.process().pid();
    churn(report, size, &kube, &database, pid)?;
    let before = floor::cpu(pid)?;
    if report.wants(&size.name("idle-cpu")) {
        thread::sleep(Duration::from_secs(60));
    }
    report.add(&size.name("idle-cpu"), (floor::cpu(pid)? - before).as_secs_f64(), "s/min", None);
    let steady = floor::memory(pid)?.0;
    report.add(&size.name("steady-rss"), steady, "MB", None);
    report.add(&size.name("peak-rss"), peak, "MB", Some(steady));
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

fn rows(operator: &Operator, psql: &Psql, size: Size) -> Result<()> {
    let wanted = i64::try_from(size.objects)?;
    let all = || Ok((psql.number("SELECT count(*) FROM inventory").ok() == Some(wanted)).then_some(()));
    wait::until(&format!("the table has {wanted} rows"), LONG, all)
        .with_context(|| format!("the operator's log ends so:\n{}", operator.tail(20)))
}

/// Rows that a restart writes although nothing changed.
fn restart(
    report: &mut Report,
    size: Size,
    launch: &Launch,
    operator: &mut Operator,
    psql: &Psql,
) -> Result<()> {
    let written = || psql.run("SELECT md5(string_agg(xmin::text, ',' ORDER BY source_uid)) FROM inventory");
    let before = written()?;
    operator.process().kill()?;
    *operator = launch.start()?;
    operator.wait_log("listed kind=Deployment", LONG)?;
    thread::sleep(Duration::from_secs(3));
    let changed = if written()? == before { 0 } else { size.objects };
    report.add(&size.name("restart-rows"), changed as f64, "rows", None);
    Ok(())
}

/// Changes an annotation that the profile reads, in etcd itself: through the API the server's own work would be
/// measured.
fn churn(report: &mut Report, size: Size, kube: &Kube, database: &Database, pid: u32) -> Result<()> {
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
    report.add(&size.name("change-to-row-p50"), quantile(0.5), "ms", None);
    report.add(&size.name("change-to-row-p99"), quantile(0.99), "ms", None);
    let per_minute = (floor::cpu(pid)? - cpu).as_secs_f64() / begun.elapsed().as_secs_f64() * 60.0;
    report.add(&size.name("churn-cpu"), per_minute, "s/min", None);
    let written = psql.number("SELECT count(*) FROM stamps")? as f64;
    report.add(&size.name("churn-rows"), written, "rows", Some(made as f64));
    Ok(())
}

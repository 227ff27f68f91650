//! The operator on 10,000 and 100,000 Deployments of 5.4 KB: first sync, memory, a restart, changes, and an idle minute.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::floor::{self, Listed};
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

/// Heartbeats per second: changes of a field that no profile reads.
const BEATS: u64 = 200;

/// What a heartbeat adds to: the beginning of an annotation's value.
const REVISION: &str = r#""deployment.kubernetes.io/revision":"17"#;

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
    list_decode(report, size, &launch("list.log"), &kubectl, list)?;
    collect(&kubectl)?;

    let begun = Instant::now();
    let mut operator = launch("first-start.log").start()?;
    rows(&operator, database.psql(), size)?;
    let took = begun.elapsed().as_secs_f64();
    let pid = operator.process().pid();
    report.add(&size.name("first-sync-cpu"), floor::cpu(pid)?.as_secs_f64(), "s", None);
    let copy = floor::copy(database.psql(), "inventory")?;
    report.add(&size.name("first-sync"), took, "s", Some(list.took + copy));
    let peak = floor::memory(pid)?.1;

    restart(report, size, &launch("second-start.log"), &mut operator, database.psql())?;
    let pid = operator.process().pid();
    heartbeats(report, size, &kube, &database, pid)?;
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
        kollect(
            "KollectDatabaseSink",
            json!({"type": "postgres", "tls": {"caSecretRef": {"name": "database"}}, "postgres": postgres}),
        ),
    ];
    let text: Vec<String> = objects.iter().map(Value::to_string).collect();
    wait::until("the CRDs are served", LONG, || Ok(kubectl.apply(&text.join("\n---\n")).ok().map(|_| ())))
}

/// Has everything collected and exported from now on.
fn collect(kubectl: &Kubectl) -> Result<()> {
    let target = kollect("KollectTarget", json!({"profileRef": "bench"}));
    kubectl.apply(&target.to_string())?;
    let inventory = kollect("KollectInventory", json!({"databaseSinkRefs": ["bench"]}));
    kubectl.apply(&inventory.to_string())
}

/// CPU of an operator that lists every object and takes none, which it has to decode to know.
fn list_decode(
    report: &mut Report,
    size: Size,
    launch: &Launch,
    kubectl: &Kubectl,
    floor: Listed,
) -> Result<()> {
    if !report.wants(&size.name("list-decode")) {
        return Ok(());
    }
    let excluded =
        json!({"profileRef": "bench", "namespaceExcludeSelector": {"matchLabels": {"load": "yes"}}});
    kubectl.apply(&kollect("KollectTarget", excluded).to_string())?;
    let mut operator = launch.start()?;
    operator.wait_log("listed kind=Deployment", LONG)?;
    let cpu = floor::cpu(operator.process().pid())?.as_secs_f64();
    report.add(&size.name("list-decode"), cpu, "s", Some(floor.cpu));
    operator.stop()?;
    kubectl.delete(&["-n", "bench", "kollecttarget", "bench"])
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

/// An object in etcd: its key, namespace, name, and what is stored.
type InEtcd = (String, String, String, String);

/// The first objects.
fn first(store: &etcd::Store, count: usize) -> Result<Vec<InEtcd>> {
    let read = |number| {
        let (key, namespace, name) = fixture::address(number);
        let value = store.get(&key)?.context("the fixture lacks an object")?;
        Ok((key, namespace, name, value))
    };
    (0..count).map(read).collect()
}

/// Percent of a core while objects change, and no row does.
fn heartbeats(report: &mut Report, size: Size, kube: &Kube, database: &Database, pid: u32) -> Result<()> {
    if !report.wants(&size.name("heartbeat-cpu")) {
        return Ok(());
    }
    let store = etcd::Store::at(&kube.etcd_url())?;
    let stored = first(&store, 2000.min(size.objects))?;
    let written =
        || database.psql().run("SELECT md5(string_agg(xmin::text, ',' ORDER BY source_uid)) FROM inventory");
    let (before, cpu, begun, mut made) = (written()?, floor::cpu(pid)?, Instant::now(), 0_u64);
    while begun.elapsed() < CHURN {
        let due = begun + Duration::from_secs_f64(made as f64 / BEATS as f64);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let at = usize::try_from(made)? % stored.len();
        let Some((key, _, _, value)) = stored.get(at) else { break };
        made += 1;
        let beat = value.replace(REVISION, &format!("{REVISION}{made}"));
        ensure!(beat != *value, "an object of the fixture has no revision");
        store.put(key, &beat)?;
    }
    let percent = (floor::cpu(pid)? - cpu).as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
    report.add(&size.name("heartbeat-cpu"), percent, "% of a core", None);
    ensure!(written()? == before, "heartbeats wrote rows");
    ensure!(made >= BEATS * CHURN.as_secs() * 9 / 10, "only {made} heartbeats could be made");
    for (key, _, _, value) in &stored {
        store.put(key, value)?;
    }
    Ok(())
}

/// Changes an annotation that the profile reads, in etcd itself: through the API the server's own work would be
/// measured.
fn churn(report: &mut Report, size: Size, kube: &Kube, database: &Database, pid: u32) -> Result<()> {
    let psql = database.psql();
    let store = etcd::Store::at(&kube.etcd_url())?;
    let stored = first(&store, 200)?;
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

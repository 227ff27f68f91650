//! Where a story plays: its namespaces, its database, its operator. Waits with a limit and fails with the end of the
//! operator's log; judges nothing by itself.

use std::collections::BTreeMap;
use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use xtask::e2e::kubectl::condition;
use xtask::e2e::operator::Launch;
use xtask::e2e::{Database, Kubectl, Operator, Psql};
use xtask::servers::Kube;
use xtask::{http, ports, workspace};

use crate::manifests;

/// Ends a wait that would never end. What is waited for comes within seconds.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

static TURN: Mutex<()> = Mutex::new(());

/// A story's place. Dropping it removes what it made.
pub(crate) struct Stage {
    /// The story's name: the label of its namespaces, and its database.
    pub(crate) story: String,
    /// The namespace of the Kollect objects.
    pub(crate) platform: String,
    /// The namespace of what is collected.
    pub(crate) apps: String,
    pub(crate) kubectl: Kubectl,
    pub(crate) database: Database,
    pub(crate) dir: tempfile::TempDir,
    operators: Vec<Operator>,
    operator_config: PathBuf,
    args: Vec<String>,
    cleans: bool,
    _turn: Option<MutexGuard<'static, ()>>,
}

impl Stage {
    /// On the API server and the Postgres of this run.
    pub(crate) fn set(story: &str) -> Self {
        let turn = turn();
        let kubectl = Kubectl::new(path("KOLLECT_TEST_KUBECTL"), path("KOLLECT_TEST_KUBECONFIG"));
        let database = shared_database(story);
        Self::on(story, kubectl, database, Some(turn))
    }

    /// As [`Stage::set`], with a database elsewhere.
    pub(crate) fn with_database(story: &str, database: Database) -> Self {
        let turn = turn();
        let kubectl = Kubectl::new(path("KOLLECT_TEST_KUBECTL"), path("KOLLECT_TEST_KUBECONFIG"));
        Self::on(story, kubectl, database, Some(turn))
    }

    /// On an API server of its own, which ends with the story. The story takes its [`turn`] itself.
    pub(crate) fn on_kube(story: &str, kube: &Kube, database: Database) -> Self {
        let mut stage = Self::on(story, Kubectl::admin(kube), database, None);
        stage.cleans = false;
        stage
    }

    fn on(story: &str, kubectl: Kubectl, database: Database, turn: Option<MutexGuard<'static, ()>>) -> Self {
        // Servers that were left running by hand serve many runs: names must not meet again.
        let story = format!("{story}-{}", std::process::id());
        let (platform, apps) = (format!("{story}-platform"), format!("{story}-apps"));
        kubectl.apply_file(&workspace::root().join("dist/install-crds.yaml")).unwrap();
        kubectl.run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]).unwrap();
        let stage = Self {
            dir: tempfile::tempdir().unwrap(),
            args: vec!["--allow-sink-cidr=127.0.0.0/8".into(), "--cluster-name=e2e".into()],
            operators: Vec::new(),
            operator_config: kubectl.kubeconfig().into(),
            cleans: true,
            _turn: turn,
            story,
            platform,
            apps,
            kubectl,
            database,
        };
        stage.apply(&manifests::namespace(&stage.platform, "none"));
        stage.apply(&manifests::namespace(&stage.apps, &stage.story));
        stage.apply(&stage.database.secret(&stage.platform, "database"));
        stage
    }

    /// Adds an argument to the operators that are started from now on. A later one wins.
    pub(crate) fn arg(&mut self, arg: impl Into<String>) {
        let arg = arg.into();
        let name = arg.split('=').next().unwrap_or_default().to_string();
        self.args.retain(|known| known.split('=').next() != Some(name.as_str()));
        self.args.push(arg);
    }

    /// Profile, target, sink `db` into table `inventory`, and inventory `all`.
    pub(crate) fn usual(&self) {
        self.apply(&manifests::profile(&self.platform, "colors"));
        self.apply(&manifests::target(&self.platform, "colors", "colors", &self.story));
        self.apply(&manifests::sink(&self.platform, "db", "inventory", None));
        self.apply(&manifests::inventory(&self.platform, "all", &["db"]));
    }

    pub(crate) fn apply(&self, manifest: &Value) {
        self.kubectl.apply(&manifest.to_string()).unwrap();
    }

    /// Gives an object of the story a colour; makes it first if it is not there.
    pub(crate) fn paint(&self, name: &str, color: &str) {
        self.apply(&manifests::config_map(&self.apps, name, color));
    }

    /// Deletes an object of the story.
    pub(crate) fn erase(&self, name: &str) {
        self.kubectl.delete(&["-n", &self.apps, "configmap", name]).unwrap();
    }

    /// Deletes an object of the platform, and waits until it is gone.
    pub(crate) fn remove(&self, kind: &str, name: &str) {
        let removed = self.kubectl.delete(&["-n", &self.platform, kind, name]);
        self.or_fail(removed);
    }

    /// Merges a JSON patch into an object of the platform.
    pub(crate) fn patch(&self, kind: &str, name: &str, patch: &str) {
        let args = ["-n", &self.platform, "patch", kind, name, "--type=merge", "-p", patch];
        self.kubectl.run(&args).unwrap();
    }

    /// Lets the operators that are started from now on be somebody else than the administrator.
    pub(crate) fn operator_of(&mut self, kubeconfig: &Path) {
        self.operator_config = kubeconfig.into();
    }

    /// Starts an operator and waits until it is ready.
    pub(crate) fn start(&mut self) {
        let launch = self.launch();
        self.start_as(launch, &self.log());
    }

    /// How an operator of this story is started.
    pub(crate) fn launch(&self) -> Launch {
        let launch = Launch::new(&self.operator_config, &self.log()).unwrap();
        self.args.iter().fold(launch, |launch, arg| launch.arg(arg))
    }

    fn start_as(&mut self, launch: Launch, log: &Path) {
        let [port] = ports::free().unwrap();
        let launch = launch.arg(format!("--health-probe-bind-address=127.0.0.1:{port}"));
        let mut operator = launch.start().unwrap();
        let ready = operator
            .process()
            .ready(LIMIT, || http::get(port, "/readyz").is_ok_and(|(status, _)| status == 200));
        assert!(ready.is_ok(), "{:#}\n(log: {})", ready.unwrap_err(), log.display());
        self.operators.push(operator);
    }

    /// Starts another program in the operator's place, such as a build with fewer features.
    pub(crate) fn start_program(&mut self, program: &Path) {
        let log = self.log();
        let launch = Launch::of(program, &self.operator_config, &log);
        let launch = self.args.iter().fold(launch, |launch, arg| launch.arg(arg));
        self.start_as(launch, &log);
    }

    /// A shell script of the story that can be run as a program.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Stops the operator as Kubernetes does. It must end with success.
    pub(crate) fn stop(&mut self) {
        let operator = self.operators.pop().expect("an operator runs");
        let tail = operator.tail(30);
        let status = operator.stop().unwrap();
        assert!(status.success(), "the operator ended with {status}:\n{tail}");
    }

    /// Ends the operator as a crash would.
    pub(crate) fn kill(&mut self) {
        self.operators.pop().expect("an operator runs").kill().unwrap();
    }

    /// Ends all operators, as at the end of a story.
    pub(crate) fn silence(&mut self) {
        self.operators.clear();
    }

    /// The process that was started last.
    pub(crate) fn operator_pid(&mut self) -> u32 {
        self.operators.last_mut().expect("an operator runs").process().pid()
    }

    /// What the operators of this story have logged.
    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("kollect.log")
    }

    pub(crate) fn psql(&self) -> &Psql {
        self.database.psql()
    }

    /// Waits until a condition of an object of the platform has this status, for its newest generation.
    pub(crate) fn wait_condition(&self, kind: &str, name: &str, condition: &str, status: &str) -> Value {
        let args = ["-n", &self.platform, kind, name];
        self.or_fail(self.kubectl.wait_condition(&args, condition, status, LIMIT))
    }

    /// Waits until a condition of an object of the platform has this reason, and returns its message.
    pub(crate) fn wait_reason(&self, kind: &str, name: &str, of: &str, reason: &str) -> String {
        let args = ["-n", &self.platform, kind, name];
        let object =
            self.or_fail(self.kubectl.wait_for(&args, LIMIT, |object| {
                condition(object, of).is_some_and(|c| c["reason"] == reason)
            }));
        condition(&object, of).unwrap()["message"].as_str().unwrap().to_string()
    }

    /// The colours in a table by object, of the scope that `wherein` (SQL) selects.
    pub(crate) fn colors(&self, table: &str, wherein: &str) -> BTreeMap<String, String> {
        self.psql().rows(&colors(table, wherein)).unwrap().iter().map(color_of).collect()
    }

    /// Waits until a scope's rows are exactly these colours.
    pub(crate) fn wait_colors_of(&self, table: &str, wherein: &str, wanted: &[(&str, &str)]) {
        let wanted: BTreeMap<String, String> =
            wanted.iter().map(|(name, color)| (name.to_string(), color.to_string())).collect();
        self.or_fail(self.psql().wait_rows(&colors(table, wherein), LIMIT, |rows| {
            rows.len() == wanted.len() && rows.iter().map(color_of).collect::<BTreeMap<_, _>>() == wanted
        }));
    }

    /// As [`Stage::wait_colors_of`], for the one scope of table `inventory`.
    pub(crate) fn wait_colors(&self, wanted: &[(&str, &str)]) {
        self.wait_colors_of("inventory", "true", wanted);
    }

    /// Which transaction wrote each row last: a row that is written again has another.
    pub(crate) fn written(&self, table: &str, wherein: &str) -> BTreeMap<String, String> {
        let query = format!(
            "SELECT concat_ws('/', cluster, inventory_namespace, inventory_name, target_name, resource_name) AS row,
             xmin::text AS by FROM {table} WHERE {wherein}"
        );
        let rows = self.psql().rows(&query).unwrap();
        let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_string();
        rows.iter().map(|row| (text(row, "row"), text(row, "by"))).collect()
    }

    /// The value, or a failure with the end of the operator's log.
    pub(crate) fn or_fail<T>(&self, result: anyhow::Result<T>) -> T {
        match result {
            Ok(value) => value,
            Err(error) => {
                let log = self.log_text();
                let lines: Vec<&str> = log.lines().collect();
                let tail = lines[lines.len().saturating_sub(40)..].join("\n");
                panic!("{error:#}\nthe end of the operator's log:\n{tail}");
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.operators.clear();
        if !self.cleans {
            return;
        }
        // Without an operator nobody takes finalizers away.
        let kinds =
            "kollectinventories,kollecttargets,kollectprofiles,kollectdatabasesinks,kollectsnapshotsinks";
        let names = self.kubectl.run(&["get", "-n", &self.platform, "kollectinventories", "-o", "name"]);
        for name in names.unwrap_or_default().lines() {
            let free = r#"{"metadata":{"finalizers":null}}"#;
            let _ = self.kubectl.run(&["-n", &self.platform, "patch", name, "--type=merge", "-p", free]);
        }
        let _ = self.kubectl.delete(&["-n", &self.platform, kinds, "--all"]);
        let _ = self.kubectl.run(&["delete", "namespace", &self.platform, &self.apps, "--wait=false"]);
        let _ = self.database.clone().drop();
    }
}

/// Held by a story while it plays: two operators on one API server would see each other's objects, and two stories at
/// once would slow each other down.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A Python with the packages of `xtask/servers/python`.
pub(crate) fn python() -> PathBuf {
    path("KOLLECT_TEST_PYTHON")
}

/// A database on the Postgres of this run.
pub(crate) fn shared_database(story: &str) -> Database {
    let name = format!("{}_{}", story.replace('-', "_"), std::process::id());
    let url = env::var("KOLLECT_TEST_POSTGRES_URL").expect("run by `cargo xtask test`");
    Database::create(&url, &path("KOLLECT_TEST_POSTGRES_CA"), &name).unwrap()
}

/// Whether long histories are told at length.
pub(crate) fn full() -> bool {
    env::var_os("KOLLECT_TEST_FULL").is_some_and(|value| value == "1")
}

fn path(variable: &str) -> PathBuf {
    env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`")).into()
}

fn colors(table: &str, wherein: &str) -> String {
    format!("SELECT resource_name, payload->'attributes'->>'color' AS color FROM {table} WHERE {wherein}")
}

fn color_of(row: &Value) -> (String, String) {
    let text = |field: &str| row[field].as_str().unwrap_or("(null)").to_string();
    (text("resource_name"), text("color"))
}

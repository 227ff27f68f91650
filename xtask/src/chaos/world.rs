//! Where a run plays: servers of its own, relays before two of them, a folder, and the operator as a process. It harms
//! nothing by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::disk::Disk;
use super::setup;
use crate::e2e::operator::Launch;
use crate::e2e::{Database, Kubectl, Operator, Proxy, Relay};
use crate::servers::{Kcm, Kube, Postgres};
use crate::{http, ports};

/// Seconds after which the operator renews its watches.
const WATCH_TIMEOUT: u32 = 30;

/// How long an operator may take to become ready, on a machine that does much else.
const READY: Duration = Duration::from_secs(120);

/// Everything that runs. Fields are dropped in this order.
#[derive(Debug)]
pub struct World {
    operator: Option<Started>,
    /// Between operator and API server.
    pub to_api: Relay,
    /// Between operator and Postgres.
    pub to_postgres: Relay,
    kcm: Kcm,
    /// The API server and its store.
    pub kube: Kube,
    /// The database server.
    pub postgres: Postgres,
    /// The folder's disk, where one was asked for.
    pub disk: Option<Disk>,
    /// The administrator's hand, around the relay.
    pub kubectl: Kubectl,
    /// The sink's database, around the relay.
    pub database: Database,
    dir: PathBuf,
    program: PathBuf,
    kubeconfig: PathBuf,
    started: usize,
    /// Logs that have not been looked into.
    unread: Vec<PathBuf>,
}

#[derive(Debug)]
struct Started {
    operator: Operator,
    log: PathBuf,
    /// Where it says whether it is ready.
    port: u16,
}

/// Where the folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a small disk of its own.
    Disk,
    /// On the disk where the logs are.
    Logs,
}

impl World {
    /// Starts the servers and applies what the operator needs; it does not run yet. Logs are written to `dir`.
    ///
    /// # Errors
    /// If a server does not start, or no disk can be mounted where one is asked for.
    pub fn start(program: &Path, dir: &Path, place: Place) -> Result<Self> {
        let disk = (place == Place::Disk).then(|| Disk::mount(dir)).transpose()?;
        let program = match &disk {
            Some(disk) => disk.entrance(program, dir)?,
            None => program.to_path_buf(),
        };
        fs::create_dir_all(dir.join("local"))?;
        let postgres = Postgres::start()?;
        let kube = Kube::start()?;
        let kcm = Kcm::start(&kube)?;
        let (to_api, to_postgres) = (Relay::start(kube.port())?, Relay::start(postgres.port())?);
        let database = Database::create(&postgres.url(), &postgres.ca(), "chaos")?;
        let kubectl = Kubectl::admin(&kube);
        let direct = format!(":{}/", postgres.port());
        let dsn = database.dsn().replace(&direct, &format!(":{}/", to_postgres.port()));
        setup::apply(&kubectl, &database, &dsn)?;
        let kubeconfig = kube.kubeconfig_through(to_api.port(), setup::USER, None)?;
        Ok(Self {
            operator: None,
            to_api,
            to_postgres,
            kcm,
            kube,
            postgres,
            disk,
            kubectl,
            database,
            dir: dir.into(),
            program,
            kubeconfig,
            started: 0,
            unread: Vec::new(),
        })
    }

    /// A hand for many quick changes.
    ///
    /// # Errors
    /// If it does not become ready.
    pub fn proxy(&self) -> Result<Proxy> {
        Proxy::start(&self.kubectl, &self.dir)
    }

    /// The folder that the operator writes to, as we see it.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.disk.as_ref().map_or_else(|| self.dir.join("local"), Disk::folder)
    }

    fn local_root(&self) -> PathBuf {
        self.disk.as_ref().map_or_else(|| self.dir.join("local"), Disk::inside)
    }

    /// Starts an operator; it may not be ready yet.
    ///
    /// # Errors
    /// If one runs, or the program cannot be started.
    pub fn start_operator(&mut self) -> Result<()> {
        ensure!(self.operator.is_none(), "an operator runs already");
        self.started += 1;
        let log = self.dir.join(format!("kollect-{:03}.log", self.started));
        let folder = self.local_root();
        let [port] = ports::free()?;
        let launch = Launch::of(&self.program, &self.kubeconfig, &log)
            .arg("--cluster-name=chaos")
            .arg("--allow-sink-cidr=127.0.0.0/8")
            .arg(format!("--watch-timeout={WATCH_TIMEOUT}"))
            .arg(format!("--local-root={}", folder.display()))
            .arg(format!("--health-probe-bind-address=127.0.0.1:{port}"));
        self.unread.push(log.clone());
        self.operator = Some(Started { operator: launch.start()?, log, port });
        Ok(())
    }

    /// Starts an operator, and waits until it is ready.
    ///
    /// # Errors
    /// As [`World::start_operator`], and if it ends or does not become ready.
    pub fn start_ready_operator(&mut self) -> Result<()> {
        self.start_operator()?;
        let Started { operator, port, .. } = self.operator.as_mut().context("no operator runs")?;
        let port = *port;
        operator.process().ready(READY, || http::get(port, "/readyz").is_ok_and(|(status, _)| status == 200))
    }

    /// The operator.
    ///
    /// # Errors
    /// If none runs.
    pub fn operator(&mut self) -> Result<&mut Operator> {
        self.operator.as_mut().map(|started| &mut started.operator).context("no operator runs")
    }

    /// Hands the operator over, so that another one can be started.
    ///
    /// # Errors
    /// If none runs.
    pub fn take_operator(&mut self) -> Result<Operator> {
        self.operator.take().map(|started| started.operator).context("no operator runs")
    }

    /// Ends the operator as a crash would.
    ///
    /// # Errors
    /// If none runs, or it had ended by itself.
    pub fn kill_operator(&mut self) -> Result<()> {
        let mut operator = self.take_operator()?;
        if !operator.is_running() {
            bail!("the operator had ended by itself; its log ends so:\n{}", operator.tail(30));
        }
        operator.kill().map(drop)
    }

    /// Asks `kollect verify`, which reads cluster and sinks by the product's own code, and believes no checkpoint.
    ///
    /// # Errors
    /// If it finds a difference, or cannot compare all sinks.
    pub fn verify(&self) -> Result<()> {
        let folder = self.local_root();
        let output = Command::new(&self.program)
            .args(["verify", "--output=json", "--quiet", "--settle=20", "--cluster-name=chaos"])
            .arg("--allow-sink-cidr=127.0.0.0/8")
            .arg(format!("--local-root={}", folder.display()))
            .arg(format!("--kubeconfig={}", self.kube.kubeconfig().display()))
            .output()
            .context("cannot start kollect verify")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let report: Value = serde_json::from_str(&said).unwrap_or_default();
        let exports = report.get("exports").and_then(Value::as_array).map_or(0, Vec::len);
        ensure!(
            output.status.success()
                && report.get("verdict").is_some_and(|verdict| verdict == "inSync")
                && exports == 3,
            "kollect verify: {}\n{said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Looks whether everything runs that should, and whether any operator panicked.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&mut self) -> Result<()> {
        let logs = std::mem::take(&mut self.unread);
        for log in &logs {
            let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())?;
            if let Some(line) = text.lines().find(|line| line.contains("panicked at")) {
                bail!("an operator panicked ({}): {line}", log.display());
            }
        }
        if let Some(Started { operator, log, .. }) = &mut self.operator {
            ensure!(
                operator.is_running(),
                "the operator ended by itself; its log ends so:\n{}",
                operator.tail(30)
            );
            self.unread.push(log.clone());
        }
        ensure!(self.kcm.process().is_running(), "the controller manager ended");
        Ok(())
    }

    /// Keeps the servers' logs beside the operators'.
    pub fn keep_logs(&self) {
        let logs = [
            self.kube.dir().join("apiserver.log"),
            self.kube.dir().join("etcd.log"),
            self.kube.dir().join("kcm.log"),
            self.postgres.dir().join("postgres.log"),
        ];
        for log in logs {
            if let Some(name) = log.file_name() {
                let _ = fs::copy(&log, self.dir.join(name));
            }
        }
    }
}

//! The operator as a process: `kollect run`, with its log in a file. Links nothing of it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use crate::process::{Pinned, Process, Signal, tail};
use crate::wait;

/// How to start one.
#[derive(Clone, Debug)]
pub struct Launch {
    program: PathBuf,
    kubeconfig: PathBuf,
    log: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

impl Launch {
    /// The operator that `KOLLECT_BIN` names, against this API server, with its log in this file.
    ///
    /// # Errors
    /// If `KOLLECT_BIN` is not set.
    pub fn new(kubeconfig: &Path, log: &Path) -> Result<Self> {
        let program = env::var_os("KOLLECT_BIN").context("KOLLECT_BIN is not set: run `cargo xtask test`")?;
        Ok(Self::of(program, kubeconfig, log))
    }

    /// As [`Launch::new`], with this program.
    pub fn of(program: impl Into<PathBuf>, kubeconfig: &Path, log: &Path) -> Self {
        Self {
            program: program.into(),
            kubeconfig: kubeconfig.into(),
            log: log.into(),
            args: Vec::new(),
            env: Vec::new(),
        }
    }

    /// Adds an argument to `kollect run`.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Starts it. It runs, and may not be ready yet.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn start(&self) -> Result<Operator> {
        let mut command = Command::new(&self.program);
        // The developer's own settings must not reach it.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("KOLLECT_") || text.starts_with("PG") {
                command.env_remove(&name);
            }
        }
        command
            .arg("run")
            .args(&self.args)
            .env("KUBECONFIG", &self.kubeconfig)
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        let process = Process::start("kollect", command, &self.log, Signal::TERM)?;
        Ok(Operator { process })
    }
}

/// A running operator. Dropping it stops it.
#[derive(Debug)]
pub struct Operator {
    process: Process,
}

impl Operator {
    /// All that it has logged so far, also in earlier runs with the same file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.process.log())?).into_owned())
    }

    /// Waits until a line of its log holds this text, and returns the line.
    ///
    /// # Errors
    /// If that does not happen `within`, or it ends before; with the end of the log.
    pub fn wait_log(&mut self, text: &str, within: Duration) -> Result<String> {
        let log = self.process.log().to_path_buf();
        wait::until(&format!("the operator logs {text:?}"), within, || {
            let found = self.log()?.lines().find(|line| line.contains(text)).map(String::from);
            match (found, self.process.exit_status()?) {
                (None, Some(status)) => Err(anyhow!("the operator ended: {status}")),
                (found, _) => Ok(found),
            }
        })
        .with_context(|| format!("the end of its log:\n{}", tail(&log, 30)))
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Its process: id, signals.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The last lines of its log, for an error message.
    pub fn tail(&self, lines: usize) -> String {
        tail(self.process.log(), lines)
    }

    /// Lets it outlive us.
    ///
    /// # Errors
    /// If it has ended already.
    pub fn detach(self) -> Result<Pinned> {
        self.process.detach()
    }

    /// Stops it as Kubernetes does, by TERM, and tells how it ended.
    ///
    /// # Errors
    /// If the system cannot tell how it ended.
    pub fn stop(mut self) -> Result<ExitStatus> {
        self.process.stop()
    }

    /// Ends it as a crash would, by KILL.
    ///
    /// # Errors
    /// If the system cannot tell how it ended.
    pub fn kill(mut self) -> Result<ExitStatus> {
        self.process.kill()
    }
}

/// What the operator needs for itself: the chart's role in short.
#[must_use]
pub fn own_rules() -> Value {
    json!([
        {"apiGroups": ["kollect.dev"], "resources": ["*"], "verbs": ["get", "list", "watch", "patch", "update"]},
        {"apiGroups": ["kollect.dev"], "resources": ["kollectconnectiontests"], "verbs": ["delete"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
        {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["list", "watch"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    ])
}

//! kubectl, as a user would run it. Waits for what a test names; judges nothing by itself.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::servers::Kube;
use crate::wait;

/// kubectl with a kubeconfig.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    /// The administrator's.
    pub fn admin(kube: &Kube) -> Self {
        Self::new(kube.kubectl(), kube.kubeconfig())
    }

    /// With this program and kubeconfig.
    pub fn new(program: impl Into<PathBuf>, kubeconfig: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), kubeconfig: kubeconfig.into() }
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Whose it is.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Runs it and returns what it prints.
    ///
    /// # Errors
    /// If it fails, with what it says.
    pub fn run(&self, args: &[impl AsRef<OsStr>]) -> Result<String> {
        self.run_with(args, "")
    }

    /// As [`Kubectl::run`], with text on its standard input.
    ///
    /// # Errors
    /// As [`Kubectl::run`].
    pub fn run_with(&self, args: &[impl AsRef<OsStr>], input: &str) -> Result<String> {
        let mut child = Command::new(&self.program)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start kubectl")?;
        let mut stdin = child.stdin.take().context("kubectl has no standard input")?;
        // A thread feeds it, or a long input and a long output would wait for each other.
        let output = std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input.as_bytes()));
            child.wait_with_output()
        })?;
        if !output.status.success() {
            let args: Vec<_> = args.iter().map(|a| a.as_ref().to_string_lossy()).collect();
            bail!("kubectl {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Applies manifests given as text: YAML or JSON.
    ///
    /// # Errors
    /// If the API server refuses one.
    pub fn apply(&self, manifests: &str) -> Result<()> {
        self.run_with(&["apply", "-f", "-"], manifests).map(drop)
    }

    /// Applies a file, or all files of a folder.
    ///
    /// # Errors
    /// If the API server refuses one.
    pub fn apply_file(&self, path: &Path) -> Result<()> {
        self.run(&["apply".as_ref(), "-f".as_ref(), path.as_os_str()]).map(drop)
    }

    /// `kubectl get ... -o json`.
    ///
    /// # Errors
    /// If it is not there, or may not be read.
    pub fn get(&self, args: &[&str]) -> Result<Value> {
        let mut all = vec!["get", "-o", "json"];
        all.extend(args);
        Ok(serde_json::from_str(&self.run(&all)?)?)
    }

    /// Deletes objects and waits until they are gone.
    ///
    /// # Errors
    /// If one is not there, or stays for two minutes.
    pub fn delete(&self, args: &[&str]) -> Result<()> {
        let mut all = vec!["delete", "--wait=true", "--timeout=120s"];
        all.extend(args);
        self.run(&all).map(drop)
    }

    /// Reads an object until it is as wanted, and returns it. An object that is not there yet is waited for.
    ///
    /// # Errors
    /// If that does not happen `within`; with the object as it was last, or the last refusal.
    pub fn wait_for(
        &self,
        args: &[&str],
        within: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let mut last = String::new();
        let what = format!("{} as wanted", args.join(" "));
        wait::until(&what, within, || {
            Ok(match self.get(args) {
                Ok(object) if wanted(&object) => Some(object),
                Ok(object) => {
                    last = serde_json::to_string_pretty(&object)?;
                    None
                }
                Err(error) => {
                    last = format!("{error:#}");
                    None
                }
            })
        })
        .with_context(|| format!("it was last: {last}"))
    }

    /// Waits until the condition of an object has this status (`True`, `False`, `Unknown`) for its newest generation.
    ///
    /// # Errors
    /// As [`Kubectl::wait_for`].
    pub fn wait_condition(&self, args: &[&str], kind: &str, status: &str, within: Duration) -> Result<Value> {
        self.wait_for(args, within, |object| {
            condition(object, kind).is_some_and(|c| {
                c.get("status").and_then(Value::as_str) == Some(status)
                    && c.get("observedGeneration").is_none_or(|seen| {
                        object.pointer("/metadata/generation").is_none_or(|newest| seen == newest)
                    })
            })
        })
    }
}

/// A condition in an object's status.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object
        .pointer("/status/conditions")?
        .as_array()?
        .iter()
        .find(|c| c.get("type").and_then(Value::as_str) == Some(kind))
}

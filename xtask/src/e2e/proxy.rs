//! `kubectl proxy`: one connection to the API server that stays open, so that a request is timed and not the start of a
//! program. Its requests are those of kubectl; it does not retry them.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};

use super::Kubectl;
use crate::process::{Process, Signal};
use crate::{http, ports};

/// A running `kubectl proxy`. Dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    _process: Process,
}

/// When a change was sent, and when the API server had answered.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Just before the request left.
    pub at: SystemTime,
    /// From there to the whole answer.
    pub answered: Duration,
}

impl Proxy {
    /// Starts one as that user, with its log in `dir`, and waits until the API server answers through it.
    ///
    /// # Errors
    /// If it does not become ready.
    pub fn start(kubectl: &Kubectl, dir: &Path) -> Result<Self> {
        let [port] = ports::free()?;
        let mut command = Command::new(kubectl.program());
        command.arg(format!("--kubeconfig={}", kubectl.kubeconfig().display())).args([
            "proxy",
            "--address=127.0.0.1",
            &format!("--port={port}"),
        ]);
        let mut process = Process::start("kubectl proxy", command, &dir.join("proxy.log"), Signal::TERM)?;
        process.ready(Duration::from_secs(30), || {
            http::get(port, "/readyz").is_ok_and(|(status, _)| status == 200)
        })?;
        Ok(Self { port, _process: process })
    }

    /// Merges `patch` (JSON) into the object at this path.
    ///
    /// # Errors
    /// If the API server refuses it, with what it says.
    pub fn patch(&self, path: &str, patch: &str) -> Result<Sent> {
        self.send("PATCH", path, "application/merge-patch+json", patch)
    }

    /// Creates an object (JSON) in the collection at this path.
    ///
    /// # Errors
    /// As [`Proxy::patch`].
    pub fn create(&self, path: &str, object: &str) -> Result<Sent> {
        self.send("POST", path, "application/json", object)
    }

    /// Deletes the object at this path.
    ///
    /// # Errors
    /// As [`Proxy::patch`].
    pub fn delete(&self, path: &str) -> Result<Sent> {
        let now = r#"{"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}"#;
        self.send("DELETE", path, "application/json", now)
    }

    /// Sends a request, and returns status and body of any answer.
    ///
    /// # Errors
    /// If there is none.
    pub fn request(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<(u16, String)> {
        http::send(self.port, method, path, content_type, body)
    }

    fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<Sent> {
        let at = SystemTime::now();
        let (status, answer) = self.request(method, path, content_type, body)?;
        let answered = at.elapsed()?;
        ensure!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        Ok(Sent { at, answered })
    }
}

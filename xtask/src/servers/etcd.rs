//! etcd: the API server's store. It is no row of the table, since nobody needs one without the other.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::go::Pin;
use crate::process::{Process, Signal};
use crate::{http, ports};

/// How it is built.
pub const PIN: Pin = Pin {
    name: "etcd",
    module: "go.etcd.io/etcd/server/v3",
    variables: &[],
    programs: &[("etcd", "go.etcd.io/etcd/server/v3")],
};

/// A running etcd.
#[derive(Debug)]
pub struct Etcd {
    process: Process,
    port: u16,
}

impl Etcd {
    /// Starts one with its data and its log in `dir`, and waits until it is healthy.
    ///
    /// # Errors
    /// If it cannot be built or does not become healthy.
    pub fn start(dir: &Path, flags: &[String]) -> Result<Self> {
        let program = PIN.install()?.join("etcd");
        let [port, peer] = ports::free()?;
        let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer}"));
        let mut command = Command::new(program);
        command
            .arg(format!("--data-dir={}", dir.join("etcd").display()))
            .args([format!("--listen-client-urls={client}"), format!("--advertise-client-urls={client}")])
            .args([format!("--listen-peer-urls={peer}"), format!("--initial-advertise-peer-urls={peer}")])
            .arg(format!("--initial-cluster=default={peer}"))
            // A crash of the machine may lose a test's data; a load test may hold more than the default of 2 GiB.
            .args(["--unsafe-no-fsync", "--quota-backend-bytes=8589934592", "--log-level=warn"])
            .args(flags);
        let mut process = Process::start("etcd", command, &dir.join("etcd.log"), Signal::TERM)?;
        process.ready(Duration::from_secs(60), || {
            http::get(port, "/health").is_ok_and(|(_, body)| body.contains(r#""health":"true""#))
        })?;
        Ok(Self { process, port })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    pub(super) fn into_process(self) -> Process {
        self.process
    }
}

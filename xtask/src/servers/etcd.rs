//! etcd: the API server's store. It is no row of the table, since nobody needs one without the other.

use std::path::{Path, PathBuf};
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
    place: Place,
}

/// What stays over restarts.
#[derive(Debug)]
struct Place {
    dir: PathBuf,
    port: u16,
    peer: u16,
    flags: Vec<String>,
}

impl Etcd {
    /// Starts one with its data and its log in `dir`, and waits until it is healthy.
    ///
    /// # Errors
    /// If it cannot be built or does not become healthy.
    pub fn start(dir: &Path, flags: &[String]) -> Result<Self> {
        let [port, peer] = ports::free()?;
        let place = Place { dir: dir.into(), port, peer, flags: flags.to_vec() };
        Ok(Self { process: place.launch()?, place })
    }

    /// Ends it as a crash would, and starts it again on the same ports and data.
    ///
    /// # Errors
    /// If it does not become healthy again.
    pub fn crash(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process = self.place.launch()?;
        Ok(())
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.place.port)
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    pub(super) fn into_process(self) -> Process {
        self.process
    }
}

impl Place {
    fn launch(&self) -> Result<Process> {
        let Self { dir, port, peer, flags } = self;
        let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer}"));
        let mut command = Command::new(PIN.install()?.join("etcd"));
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
            http::get(*port, "/health").is_ok_and(|(_, body)| body.contains(r#""health":"true""#))
        })?;
        Ok(process)
    }
}

//! kube-controller-manager beside a running API server: namespaces end, Deployments make Pods, owners' objects go with
//! them, service accounts appear. It signs with the API server's own keys and lives in its folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::state::Detached;
use super::{Env, Running, Server, kube};
use crate::ports;
use crate::process::{Process, Signal};

/// The table's row.
#[derive(Debug)]
pub(super) struct Row;

impl Server for Row {
    fn name(&self) -> &'static str {
        "kcm"
    }

    fn about(&self) -> &'static str {
        "kube-controller-manager 1.34, beside kube"
    }

    fn after(&self) -> &'static [&'static str] {
        &["kube"]
    }

    fn installed(&self) -> bool {
        kube::PIN.installed()
    }

    fn install(&self) -> Result<()> {
        kube::PIN.install().map(drop)
    }

    fn start(&self, env: &Env) -> Result<Box<dyn Running>> {
        let path = |name: &str| -> Result<PathBuf> {
            Ok(PathBuf::from(env.get(name).with_context(|| format!("{name} is not known: kcm needs kube"))?))
        };
        let kcm = Kcm::start_at(&path("KOLLECT_TEST_KUBECONFIG")?, &path("KOLLECT_TEST_KUBE_DIR")?)?;
        Ok(Box::new(kcm))
    }
}

/// A running controller manager. Dropping it stops it.
#[derive(Debug)]
pub struct Kcm {
    process: Process,
    port: u16,
}

impl Kcm {
    /// Starts one beside an API server and waits until it is healthy.
    ///
    /// # Errors
    /// If it cannot be built or does not become healthy.
    pub fn start(kube: &kube::Kube) -> Result<Self> {
        Self::start_at(kube.kubeconfig(), kube.dir())
    }

    fn start_at(kubeconfig: &Path, dir: &Path) -> Result<Self> {
        let programs = kube::PIN.install()?;
        let [port] = ports::free()?;
        let config = kubeconfig.display();
        let pki = |file: &str| dir.join("pki").join(file).display().to_string();
        let mut command = Command::new(programs.join("kube-controller-manager"));
        command
            .args([format!("--kubeconfig={config}"), format!("--authentication-kubeconfig={config}")])
            .arg(format!("--authorization-kubeconfig={config}"))
            .args(["--bind-address=127.0.0.1".to_string(), format!("--secure-port={port}")])
            .arg(format!("--tls-cert-file={}", pki("server.crt")))
            .arg(format!("--tls-private-key-file={}", pki("server.key")))
            .arg(format!("--root-ca-file={}", pki("ca.crt")))
            .arg(format!("--cluster-signing-cert-file={}", pki("ca.crt")))
            .arg(format!("--cluster-signing-key-file={}", pki("ca.key")))
            .arg(format!("--service-account-private-key-file={}", pki("service-account.key")))
            .args([
                "--use-service-account-credentials=true",
                "--leader-elect=false",
                "--concurrent-gc-syncs=5",
            ])
            .arg("--controllers=*,-nodeipam,-node-route-controller,-cloud-node-lifecycle-controller");
        let mut process =
            Process::start("kube-controller-manager", command, &dir.join("kcm.log"), Signal::TERM)?;
        let kubectl = programs.join("kubectl");
        process.ready(Duration::from_secs(120), || {
            ports::accepts(port)
                && Command::new(&kubectl)
                    .args([format!("--kubeconfig={config}"), format!("--server=https://127.0.0.1:{port}")])
                    .args(["get", "--raw", "/healthz", "--request-timeout=5s"])
                    .stdin(Stdio::null())
                    .output()
                    .is_ok_and(|output| output.status.success())
        })?;
        Ok(Self { process, port })
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

impl Running for Kcm {
    fn env(&self) -> Env {
        Env::from([("KOLLECT_TEST_KCM_URL".into(), format!("https://127.0.0.1:{}", self.port))])
    }

    fn detach(self: Box<Self>) -> Result<Detached> {
        let env = self.env();
        Ok(Detached { processes: vec![self.process.detach()?], dir: None, env })
    }
}

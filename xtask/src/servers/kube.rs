//! kube-apiserver on its own etcd, and the kubectl of the same module. No controllers run: see `kcm`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::etcd::{self, Etcd};
use super::go::Pin;
use super::scratch::Scratch;
use super::state::Detached;
use super::{Env, Running, Server};
use crate::pki::{self, Authority, Identity};
use crate::process::{Process, Signal};
use crate::{ports, wait};

/// How the programs are built. Without the variables the server calls itself v0.0.0.
pub const PIN: Pin = Pin {
    name: "kubernetes",
    module: "k8s.io/kubernetes",
    variables: &[
        ("k8s.io/component-base/version.gitVersion", "{version}"),
        ("k8s.io/component-base/version.gitMajor", "1"),
        ("k8s.io/component-base/version.gitMinor", "34"),
        ("k8s.io/component-base/version.gitTreeState", "clean"),
        ("k8s.io/client-go/pkg/version.gitVersion", "{version}"),
        ("k8s.io/client-go/pkg/version.gitMajor", "1"),
        ("k8s.io/client-go/pkg/version.gitMinor", "34"),
        ("k8s.io/client-go/pkg/version.gitTreeState", "clean"),
    ],
    programs: &[
        ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
        ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
        ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    ],
};

/// The table's row.
#[derive(Debug)]
pub(super) struct Row;

impl Server for Row {
    fn name(&self) -> &'static str {
        "kube"
    }

    fn about(&self) -> &'static str {
        "kube-apiserver 1.34 with etcd 3.6, and kubectl"
    }

    fn after(&self) -> &'static [&'static str] {
        &[]
    }

    fn installed(&self) -> bool {
        etcd::PIN.installed() && PIN.installed()
    }

    fn install(&self) -> Result<()> {
        etcd::PIN.install().and_then(|_| PIN.install()).map(drop)
    }

    fn start(&self, _: &Env) -> Result<Box<dyn Running>> {
        Ok(Box::new(Kube::start()?))
    }
}

/// What may differ from one API server to the next.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Further flags of kube-apiserver.
    pub apiserver_flags: Vec<String>,
    /// Further flags of etcd.
    pub etcd_flags: Vec<String>,
    /// An etcd data folder to start from; it is copied.
    pub etcd_data: Option<PathBuf>,
}

/// A running API server. Dropping it stops it and its etcd, and removes their folder.
#[derive(Debug)]
pub struct Kube {
    // Fields are dropped in this order: the API server, its store, their folder.
    apiserver: Option<Process>,
    etcd: Etcd,
    files: Files,
    scratch: Scratch,
    port: u16,
    options: Options,
}

#[derive(Debug)]
struct Files {
    programs: PathBuf,
    kubeconfig: PathBuf,
    authority: Authority,
    server: Identity,
    token_keys: (PathBuf, PathBuf),
}

impl Kube {
    /// Starts one and waits until it is ready. Installs it first.
    ///
    /// # Errors
    /// If a program cannot be built or does not become ready; the error ends with its log.
    pub fn start() -> Result<Self> {
        Self::start_with(Options::default())
    }

    /// As [`Kube::start`], with options.
    ///
    /// # Errors
    /// As [`Kube::start`].
    pub fn start_with(options: Options) -> Result<Self> {
        let programs = PIN.install()?;
        let scratch = Scratch::create("kube")?;
        let pki = scratch.path().join("pki");
        let authority = Authority::create(&pki)?;
        let server = authority.server("server")?;
        let token_keys = pki::token_keys(&pki, "service-account")?;
        let kubeconfig = scratch.path().join("kubeconfig");
        let files = Files { programs, kubeconfig, authority, server, token_keys };
        if let Some(data) = &options.etcd_data {
            copy(data, &scratch.path().join("etcd"))?;
        }
        let etcd = Etcd::start(scratch.path(), &options.etcd_flags)?;
        let [port] = ports::free()?;
        let mut kube = Self { apiserver: None, etcd, files, scratch, port, options };
        let admin = kube.files.authority.client("admin", "admin", Some("system:masters"))?;
        kube.write_kubeconfig(&kube.files.kubeconfig.clone(), &kube.url(), "admin", &admin)?;
        kube.start_apiserver()?;
        Ok(kube)
    }

    /// The kubeconfig of a cluster administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.files.kubeconfig
    }

    /// A kubeconfig of somebody else, who may do nothing until RBAC says so.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn kubeconfig_of(&self, user: &str, group: Option<&str>) -> Result<PathBuf> {
        self.kubeconfig_through(self.port, user, group)
    }

    /// As [`Kube::kubeconfig_of`], for somebody who connects to another port of 127.0.0.1, such as a relay's.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn kubeconfig_through(&self, port: u16, user: &str, group: Option<&str>) -> Result<PathBuf> {
        let identity = self.files.authority.client(&format!("user-{user}"), user, group)?;
        let file = self.dir().join(format!("kubeconfig-{user}"));
        self.write_kubeconfig(&file, &format!("https://127.0.0.1:{port}"), user, &identity)?;
        Ok(file)
    }

    /// The API server's port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The API server's address.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificate of the authority that signed the API server's.
    pub fn ca(&self) -> PathBuf {
        self.files.authority.certificate()
    }

    /// The folder with logs, keys and data; gone with the server.
    pub fn dir(&self) -> &Path {
        self.scratch.path()
    }

    /// The folder with the programs.
    pub fn programs(&self) -> &Path {
        &self.files.programs
    }

    /// The kubectl of the same version.
    pub fn kubectl(&self) -> PathBuf {
        self.files.programs.join("kubectl")
    }

    /// The store's address, plain HTTP.
    pub fn etcd_url(&self) -> String {
        self.etcd.url()
    }

    /// The store's process.
    pub fn etcd(&mut self) -> &mut Process {
        self.etcd.process()
    }

    /// Ends the store as a crash would, starts it again on the same port and data, and waits until the API server, if
    /// it runs, is ready with it.
    ///
    /// # Errors
    /// If one of them does not become ready again.
    pub fn crash_etcd(&mut self) -> Result<()> {
        self.etcd.crash()?;
        wait::until("the API server is ready with its store", Duration::from_secs(120), || {
            Ok((self.apiserver.is_none() || self.answers("/readyz")).then_some(()))
        })
    }

    /// The API server's process; none while it is stopped.
    pub fn apiserver(&mut self) -> Option<&mut Process> {
        self.apiserver.as_mut()
    }

    /// Stops the API server, if it runs; the store goes on.
    ///
    /// # Errors
    /// If the system cannot tell how it ended.
    pub fn stop_apiserver(&mut self) -> Result<()> {
        match self.apiserver.take() {
            Some(mut process) => process.stop().map(drop),
            None => Ok(()),
        }
    }

    /// Ends the API server as a crash would; the store goes on.
    ///
    /// # Errors
    /// If the system cannot tell how it ended.
    pub fn kill_apiserver(&mut self) -> Result<()> {
        match self.apiserver.take() {
            Some(mut process) => process.kill().map(drop),
            None => Ok(()),
        }
    }

    /// Starts the API server again, on the same port and store.
    ///
    /// # Errors
    /// If it runs or does not become ready.
    pub fn start_apiserver(&mut self) -> Result<()> {
        ensure!(self.apiserver.is_none(), "the API server is not stopped");
        let Files { programs, authority, server, token_keys: (private, public), .. } = &self.files;
        let mut command = Command::new(programs.join("kube-apiserver"));
        command
            .arg(format!("--etcd-servers={}", self.etcd.url()))
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
            .arg(format!("--secure-port={}", self.port))
            .arg(format!("--tls-cert-file={}", server.certificate.display()))
            .arg(format!("--tls-private-key-file={}", server.key.display()))
            .arg(format!("--client-ca-file={}", authority.certificate().display()))
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .arg(format!("--service-account-key-file={}", public.display()))
            .arg(format!("--service-account-signing-key-file={}", private.display()))
            .args(["--authorization-mode=RBAC", "--anonymous-auth=false", "--allow-privileged=true"])
            .args(["--service-cluster-ip-range=10.96.0.0/24", "--endpoint-reconciler-type=none"])
            // Pods need their namespace's default service account, which a controller makes.
            .args(["--disable-admission-plugins=ServiceAccount", "--profiling=false"])
            .args(&self.options.apiserver_flags);
        let log = self.dir().join("apiserver.log");
        let mut process = Process::start("kube-apiserver", command, &log, Signal::TERM)?;
        process.ready(Duration::from_secs(120), || ports::accepts(self.port) && self.answers("/readyz"))?;
        self.apiserver = Some(process);
        Ok(())
    }

    /// Stops the API server and starts it again, on the same port and store.
    ///
    /// # Errors
    /// As [`Kube::start_apiserver`].
    pub fn restart_apiserver(&mut self) -> Result<()> {
        self.stop_apiserver()?;
        self.start_apiserver()
    }

    fn answers(&self, path: &str) -> bool {
        Command::new(self.kubectl())
            .arg(format!("--kubeconfig={}", self.files.kubeconfig.display()))
            .args(["get", "--raw", path, "--request-timeout=5s"])
            .stdin(Stdio::null())
            .output()
            .is_ok_and(|output| output.status.success())
    }

    fn write_kubeconfig(&self, file: &Path, server: &str, user: &str, identity: &Identity) -> Result<()> {
        let data = |path: &Path| -> Result<String> { Ok(STANDARD.encode(fs::read(path)?)) };
        // JSON is YAML, and every client reads it.
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "kollect-test",
            "clusters": [{"name": "kollect-test", "cluster": {
                "server": server, "certificate-authority-data": data(&self.ca())?}}],
            "users": [{"name": user, "user": {
                "client-certificate-data": data(&identity.certificate)?, "client-key-data": data(&identity.key)?}}],
            "contexts": [{"name": "kollect-test", "context": {"cluster": "kollect-test", "user": user}}],
        });
        fs::write(file, serde_json::to_vec_pretty(&config)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

impl Running for Kube {
    fn env(&self) -> Env {
        let text = |path: &Path| path.display().to_string();
        Env::from([
            ("KOLLECT_TEST_KUBECONFIG".into(), text(self.kubeconfig())),
            ("KOLLECT_TEST_KUBECTL".into(), text(&self.kubectl())),
            ("KOLLECT_TEST_KUBE_BIN".into(), text(self.programs())),
            ("KOLLECT_TEST_KUBE_URL".into(), self.url()),
            ("KOLLECT_TEST_KUBE_CA".into(), text(&self.ca())),
            ("KOLLECT_TEST_KUBE_DIR".into(), text(self.dir())),
            ("KOLLECT_TEST_ETCD_URL".into(), self.etcd_url()),
        ])
    }

    fn detach(self: Box<Self>) -> Result<Detached> {
        let env = self.env();
        let apiserver = self.apiserver.context("the API server is stopped")?;
        let processes = vec![self.etcd.into_process().detach()?, apiserver.detach()?];
        Ok(Detached { processes, dir: Some(self.scratch.keep()), env })
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp").args(["-a", "--reflink=auto"]).args([from, to]).status()?;
    ensure!(status.success(), "cannot copy {} to {}", from.display(), to.display());
    Ok(())
}

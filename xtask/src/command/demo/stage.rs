//! The demo's servers and its operator: started, asked, left running or ended. Tells no story.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use xtask::e2e::operator::Launch;
use xtask::e2e::{Database, Kubectl, Operator};
use xtask::servers::state::Detached;
use xtask::servers::{Env, Kcm, Kube, Postgres, Running};
use xtask::{http, ports, wait, workspace};

use super::screen::Screen;

/// What `--keep` writes down, each after what it uses.
const KEPT: [&str; 4] = ["demo-postgres", "demo-kube", "demo-kcm", "demo-operator"];

/// Everything that runs. Fields are dropped in this order.
#[derive(Debug)]
pub(super) struct Stage {
    operator: Option<Operator>,
    kcm: Kcm,
    pub(super) kube: Kube,
    postgres: Postgres,
    pub(super) kubectl: Kubectl,
    pub(super) database: Database,
    program: PathBuf,
}

impl Stage {
    /// Builds the operator and starts the servers.
    pub(super) fn set(screen: &Screen) -> Result<Self> {
        screen.title("Build and start");
        let program = screen.step("the operator, built by cargo", build)?;
        let postgres = screen.step("Postgres 15", Postgres::start)?;
        let kube = screen.step("kube-apiserver 1.34 on etcd 3.6", Kube::start)?;
        let kcm = screen.step("kube-controller-manager 1.34", || Kcm::start(&kube))?;
        let database = Database::create(&postgres.url(), &postgres.ca(), "kollect")?;
        let kubectl = Kubectl::admin(&kube);
        Ok(Self { operator: None, kcm, kube, postgres, kubectl, database, program })
    }

    /// `kubectl apply -f`, shown as typed in the repository's root.
    pub(super) fn apply(&self, screen: &Screen, path: &str) -> Result<()> {
        let file = workspace::root().join(path);
        let said = self.kubectl.run(&["apply".as_ref(), "-f".as_ref(), file.as_os_str()])?;
        let lines: Vec<&str> = said.lines().collect();
        // A person wants to see what is theirs, not eleven definitions.
        let shown =
            if path.starts_with("dist/") { format!("{} definitions", lines.len()) } else { said.clone() };
        screen.shell(&format!("kubectl apply -f {path}"), &shown);
        Ok(())
    }

    /// Starts the operator and waits until it is ready.
    pub(super) fn run_operator(&mut self, screen: &Screen) -> Result<()> {
        let [port] = ports::free()?;
        let args = [
            "--cluster-name=demo".to_string(),
            // Sinks on the operator's own machine are refused, unless this is said.
            "--allow-sink-cidr=127.0.0.0/8".to_string(),
            format!("--health-probe-bind-address=127.0.0.1:{port}"),
            "--metrics-bind-address=0".to_string(),
        ];
        screen.shell(&format!("kollect run {}", args.join(" ")), "");
        let log = self.kube.dir().join("kollect.log");
        let launch = args
            .iter()
            .fold(Launch::of(&self.program, self.kube.kubeconfig(), &log), |launch, arg| launch.arg(arg));
        let operator = self.operator.insert(launch.start()?);
        operator.process().ready(Duration::from_secs(60), || {
            http::get(port, "/readyz").is_ok_and(|(status, _)| status == 200)
        })?;
        screen.note("ready");
        Ok(())
    }

    /// Waits for something that the operator must bring about; what goes wrong comes with the end of its log.
    pub(super) fn wait<T>(&self, wait: impl FnOnce(&Kubectl) -> Result<T>) -> Result<T> {
        wait(&self.kubectl).with_context(|| {
            let tail = self.operator.as_ref().map(|operator| operator.tail(25)).unwrap_or_default();
            format!("the end of the operator's log:\n{tail}\n")
        })
    }

    /// Ends everything.
    pub(super) fn close(mut self, screen: &Screen) -> Result<()> {
        screen.title("End");
        if let Some(operator) = self.operator.take() {
            let status = screen.step("the operator stopped", || operator.stop())?;
            ensure!(status.success(), "the operator ended with {status}");
        }
        screen.text("All servers end now. `cargo xtask demo --keep` leaves them running to play with.");
        Ok(())
    }

    /// Lets everything outlive us, and says where it is.
    pub(super) fn keep(self, screen: &Screen) -> Result<()> {
        let Self { operator, kcm, kube, postgres, kubectl, database, .. } = self;
        let (config, log) = (kube.kubeconfig().display().to_string(), kube.dir().join("kollect.log"));
        Box::new(postgres).detach()?.save("demo-postgres")?;
        Box::new(kube).detach()?.save("demo-kube")?;
        Box::new(kcm).detach()?.save("demo-kcm")?;
        if let Some(operator) = operator {
            let processes = vec![operator.detach()?];
            Detached { processes, dir: None, env: Env::new() }.save("demo-operator")?;
        }
        screen.title("Everything runs on");
        screen.text("Paste these, change what you like, and look again:");
        println!("\nexport KUBECONFIG='{config}'");
        println!("alias kubectl='{}'", kubectl.program().display());
        println!("kubectl get kollect -A");
        println!("kubectl -n shop scale deployment web --replicas=7");
        println!(
            "psql '{}' -c 'SELECT kind, resource_namespace, resource_name, payload FROM inventory'",
            database.psql().url()
        );
        println!("tail -f {}", log.display());
        println!("cargo xtask demo --end");
        Ok(())
    }
}

/// Refuses where an earlier demo was left running: only one can be written down.
pub(super) fn only_one() -> Result<()> {
    match KEPT.iter().find(|name| matches!(Detached::load(name), Ok(Some(_)))) {
        Some(name) => bail!("{name} of an earlier demo was left running: end it by `cargo xtask demo --end`"),
        None => Ok(()),
    }
}

/// Ends what an earlier demo left running, the last started first.
pub(super) fn end() -> Result<()> {
    let mut ended = 0;
    for name in KEPT.iter().rev() {
        if let Some(state) = Detached::load(name)? {
            state.stop(name)?;
            println!("{name} stopped");
            ended += 1;
        }
    }
    ensure!(ended > 0, "no demo was left running");
    Ok(())
}

/// The operator's program: what `KOLLECT_BIN` names, as tests set it, else what cargo builds now.
fn build() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("KOLLECT_BIN") {
        return Ok(program.into());
    }
    let status = workspace::cargo()
        .args(["build", "--quiet", "-p", "kollect-operator", "--bin", "kollect"])
        .status()?;
    ensure!(status.success(), "cargo build: {status}");
    let program = workspace::target_dir()?.join("debug/kollect");
    wait::until("the operator's program is there", Duration::from_secs(1), || {
        Ok(program.exists().then_some(()))
    })?;
    Ok(program)
}

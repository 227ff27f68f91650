//! Postgres as Debian packages it: TLS, passwords by SCRAM. What is committed survives a kill of the process, not a crash
//! of the machine, which tests do not need.
//! It refuses to run as root, so root hands it to the user `postgres`, else `nobody`.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::scratch::Scratch;
use super::state::Detached;
use super::{Env, Running, Server};
use crate::pki::Authority;
use crate::process::{Process, Signal};
use crate::{ports, workspace};

/// Where Debian puts the programs of the pinned major version.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// The table's row.
#[derive(Debug)]
pub(super) struct Row;

impl Server for Row {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn about(&self) -> &'static str {
        "Postgres 15 of Debian"
    }

    fn after(&self) -> &'static [&'static str] {
        &[]
    }

    fn installed(&self) -> bool {
        programs().is_ok()
    }

    fn install(&self) -> Result<()> {
        if self.installed() {
            return Ok(());
        }
        let packages = fs::read_to_string(workspace::root().join("xtask/servers/postgres/packages.txt"))?;
        ensure!(
            rustix::process::geteuid().is_root(),
            "Postgres is not installed: apt-get install {}",
            packages.lines().collect::<Vec<_>>().join(" ")
        );
        let status = Command::new("apt-get")
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages.lines())
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null())
            .status()
            .context("cannot start apt-get")?;
        ensure!(status.success(), "apt-get install: {status}; is `apt-get update` due?");
        programs().map(drop)
    }

    fn start(&self, _: &Env) -> Result<Box<dyn Running>> {
        Ok(Box::new(Postgres::start()?))
    }
}

/// A running Postgres with the superuser `postgres`. Dropping it stops it and removes its folder.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    authority: Authority,
    scratch: Scratch,
    port: u16,
    password: String,
    account: Option<Account>,
}

/// The user who runs it when we are root.
#[derive(Clone, Copy, Debug)]
struct Account {
    user: u32,
    group: u32,
}

impl Postgres {
    /// Makes a database cluster, starts it and waits until it accepts connections. Installs it first.
    ///
    /// # Errors
    /// If it cannot be installed or does not become ready; the error ends with its log.
    pub fn start() -> Result<Self> {
        Row.install()?;
        let scratch = Scratch::create("postgres")?;
        let authority = Authority::create(&scratch.path().join("pki"))?;
        let account = rustix::process::geteuid().is_root().then(account).transpose()?;
        let [port] = ports::free()?;
        let mut postgres = Self { process: None, authority, scratch, port, password: password()?, account };
        postgres.initialize()?;
        postgres.start_again()?;
        Ok(postgres)
    }

    /// Connects as superuser to the database `postgres`, checking the server's certificate.
    pub fn url(&self) -> String {
        self.url_of("postgres", &self.password, "postgres")
    }

    /// As [`Postgres::url`] for another user and database. Neither may need escaping in a URL.
    pub fn url_of(&self, user: &str, password: &str, database: &str) -> String {
        let ca = self.ca();
        format!(
            "postgres://{user}:{password}@127.0.0.1:{}/{database}?sslmode=verify-full&sslrootcert={}",
            self.port,
            ca.display()
        )
    }

    /// The superuser's password, made for this server.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that signed its own.
    pub fn ca(&self) -> PathBuf {
        self.authority.certificate()
    }

    /// The authority, which signs certificates of clients too: user `certonly` needs one, and no password.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The folder with log, keys and data; gone with the server.
    pub fn dir(&self) -> &Path {
        self.scratch.path()
    }

    /// Its process; none while it is stopped.
    pub fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Stops it, ending its connections; its data stay.
    ///
    /// # Errors
    /// If the system cannot tell how it ended.
    pub fn stop(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.stop().map(drop),
            None => Ok(()),
        }
    }

    /// Ends it as a crash would; its data stay.
    ///
    /// # Errors
    /// If the system cannot tell how it ended.
    pub fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().map(drop),
            None => Ok(()),
        }
    }

    /// Starts it again, on the same port and data.
    ///
    /// # Errors
    /// If it runs or does not become ready.
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "Postgres is not stopped");
        let mut command = self.command("postgres")?;
        command.arg("-D").arg(self.dir().join("data"));
        // INT ends connections; TERM would wait for them.
        let mut process = Process::start("postgres", command, &self.dir().join("postgres.log"), Signal::INT)?;
        let (probe, port) = (programs()?.join("pg_isready"), self.port.to_string());
        process.ready(Duration::from_secs(60), || {
            Command::new(&probe)
                .args(["-q", "-h", "127.0.0.1", "-p", &port])
                .status()
                .is_ok_and(|status| status.success())
        })?;
        self.process = Some(process);
        Ok(())
    }

    fn initialize(&self) -> Result<()> {
        let dir = self.dir();
        let server = self.authority.server("server")?;
        fs::write(dir.join("password"), &self.password)?;
        self.give_away(dir)?;
        let mut command = self.command("initdb")?;
        command
            .arg("-D")
            .arg(dir.join("data"))
            .args(["-U", "postgres", "-E", "UTF8", "--no-sync", "-A", "scram-sha-256"])
            .arg(format!("--pwfile={}", dir.join("password").display()))
            .stdin(Stdio::null());
        let output = command.output().context("cannot start initdb")?;
        ensure!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        let config = format!(
            "listen_addresses='127.0.0.1'\nport={}\nunix_socket_directories='{}'\nmax_connections=200\n\
             ssl=on\nssl_cert_file='{}'\nssl_key_file='{}'\nssl_ca_file='{}'\n\
             fsync=off\nfull_page_writes=off\n",
            self.port,
            dir.display(),
            server.certificate.display(),
            server.key.display(),
            self.ca().display()
        );
        fs::OpenOptions::new()
            .append(true)
            .open(dir.join("data/postgresql.conf"))
            .and_then(|mut file| file.write_all(config.as_bytes()))
            .context("cannot configure Postgres")?;
        let access = "local all all scram-sha-256\nhostssl all certonly 127.0.0.1/32 cert\n\
                      host all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(dir.join("data/pg_hba.conf"), access)?;
        self.give_away(dir)
    }

    /// Hands a folder and all in it to the user who runs the server.
    fn give_away(&self, path: &Path) -> Result<()> {
        let Some(Account { user, group }) = self.account else {
            return Ok(());
        };
        chown(path, Some(user), Some(group))?;
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                self.give_away(&entry?.path())?;
            }
        }
        Ok(())
    }

    fn command(&self, program: &str) -> Result<Command> {
        let mut command = Command::new(programs()?.join(program));
        // The caller's folder may be closed to the other user, and the caller's locale unknown to the server.
        command.current_dir(self.dir()).env("LC_ALL", "C.UTF-8").env("HOME", self.dir());
        if let Some(Account { user, group }) = self.account {
            command.uid(user).gid(group);
        }
        Ok(command)
    }
}

impl Running for Postgres {
    fn env(&self) -> Env {
        Env::from([
            ("KOLLECT_TEST_POSTGRES_URL".into(), self.url()),
            ("KOLLECT_TEST_POSTGRES_CA".into(), self.ca().display().to_string()),
            ("KOLLECT_TEST_POSTGRES_DIR".into(), self.dir().display().to_string()),
        ])
    }

    fn detach(self: Box<Self>) -> Result<Detached> {
        let env = self.env();
        let process = self.process.context("Postgres is stopped")?;
        Ok(Detached { processes: vec![process.detach()?], dir: Some(self.scratch.keep()), env })
    }
}

/// The folder with the programs of the pinned version.
fn programs() -> Result<PathBuf> {
    let dir = PathBuf::from(PROGRAMS);
    ensure!(dir.join("postgres").exists(), "Postgres 15 is not installed: apt-get install postgresql-15");
    Ok(dir)
}

fn account() -> Result<Account> {
    for name in ["postgres", "nobody"] {
        let id = |what: &str| -> Option<u32> {
            let output = Command::new("id").args([what, name]).stderr(Stdio::null()).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        if let (Some(user), Some(group)) = (id("-u"), id("-g")) {
            return Ok(Account { user, group });
        }
    }
    bail!("Postgres refuses to run as root, and there is neither a user postgres nor nobody")
}

/// A password that a leak can be searched for: it stands nowhere else.
fn password() -> Result<String> {
    let mut bytes = [0; 12];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("pw{}", hex::encode(bytes)))
}

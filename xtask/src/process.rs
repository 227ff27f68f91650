//! A server as a child process: started with its output in a file, asked whether it is ready, stopped when dropped.
//! Knows nothing of what it runs.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};

pub use rustix::process::Signal;

use crate::{interrupt, wait};

/// How long a process may take to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running child. Dropping it stops it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    pid: Pid,
    log: PathBuf,
    stop_by: Signal,
    ended: Option<ExitStatus>,
    kept: bool,
}

/// A process that outlives us, named so that no other can be taken for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// What it is.
    pub name: String,
    /// Its process id.
    pub pid: i32,
    /// When it started, in clock ticks since boot: a process id alone may be given again.
    pub started: u64,
    /// The number of the signal that stops it.
    pub stop_by: i32,
}

impl Process {
    /// Starts `command` in a process group of its own; what it prints is appended to `log`.
    ///
    /// # Errors
    /// If the program cannot be started or the log not opened.
    pub fn start(name: &str, mut command: Command, log: &Path, stop_by: Signal) -> Result<Self> {
        let out = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot open {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).process_group(0);
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().with_context(|| format!("cannot start {name} ({program})"))?;
        let pid = Pid::from_child(&child);
        interrupt::watch_process(pid, stop_by);
        Ok(Self { name: name.into(), child, pid, log: log.into(), stop_by, ended: None, kept: false })
    }

    /// Waits until `check` says yes.
    ///
    /// # Errors
    /// If the process ends before that, or `within` passes; with the end of its log.
    pub fn ready(&mut self, within: Duration, mut check: impl FnMut() -> bool) -> Result<()> {
        let name = self.name.clone();
        let waited = wait::until(&format!("{name} is ready"), within, || {
            if let Some(status) = self.exit_status()? {
                return Err(anyhow!("{name} ended while starting: {status}"));
            }
            Ok(check().then_some(()))
        });
        waited.with_context(|| format!("the end of {}:\n{}", self.log.display(), tail(&self.log, 15)))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.exit_status(), Ok(None))
    }

    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// If the system cannot tell.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?;
            if self.ended.is_some() {
                interrupt::forget_process(self.pid);
            }
        }
        Ok(self.ended)
    }

    /// Sends a signal, for example STOP and CONT, which freeze it for a while.
    ///
    /// # Errors
    /// If it has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        anyhow::ensure!(self.is_running(), "{} does not run", self.name);
        Ok(kill_process(self.pid, signal)?)
    }

    /// Stops it in its own way, and after 15 s by force.
    ///
    /// # Errors
    /// If the system cannot tell how it ended.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.exit_status()? {
            return Ok(status);
        }
        let _ = kill_process(self.pid, self.stop_by);
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.exit_status()? {
                // What it left behind in its group, such as a worker that did not notice.
                let _ = kill_process_group(self.pid, Signal::KILL);
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill()
    }

    /// Ends it and all of its group at once, as a crash would.
    ///
    /// # Errors
    /// If the system cannot tell how it ended.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.exit_status()? {
            return Ok(status);
        }
        let _ = kill_process_group(self.pid, Signal::KILL);
        let status = self.child.wait()?;
        self.ended = Some(status);
        interrupt::forget_process(self.pid);
        Ok(status)
    }

    /// Lets it outlive us.
    ///
    /// # Errors
    /// If it has ended already.
    pub fn detach(mut self) -> Result<Pinned> {
        let pid = self.pid.as_raw_nonzero().get();
        let started = start_time(pid).with_context(|| format!("{} has ended", self.name))?;
        interrupt::forget_process(self.pid);
        self.kept = true;
        Ok(Pinned { name: self.name.clone(), pid, started, stop_by: self.stop_by.as_raw() })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.kept {
            let _ = self.stop();
        }
    }
}

impl Pinned {
    /// Whether exactly this process runs.
    pub fn is_running(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }

    /// Stops exactly this process, after 15 s by force; nothing where it has ended.
    ///
    /// # Errors
    /// If it does not end.
    pub fn stop(&self) -> Result<()> {
        let (Some(pid), Some(signal)) = (Pid::from_raw(self.pid), Signal::from_named_raw(self.stop_by))
        else {
            return Ok(());
        };
        if !self.is_running() {
            return Ok(());
        }
        let _ = kill_process(pid, signal);
        let gone = || Ok((!self.is_running()).then_some(()));
        if wait::until(&self.name, PATIENCE, gone).is_err() {
            let _ = kill_process_group(pid, Signal::KILL);
            wait::until(&format!("{} ends", self.name), PATIENCE, gone)?;
        }
        Ok(())
    }
}

/// When a process started, in clock ticks since boot; `None` if it does not run (a zombie does not).
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// The last lines of a file, for an error message.
pub fn tail(file: &Path, lines: usize) -> String {
    let text = fs::read(file).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(dir: &Path) -> Process {
        let mut command = Command::new("sleep");
        command.arg("600");
        Process::start("sleeper", command, &dir.join("log"), Signal::TERM).unwrap()
    }

    #[test]
    fn dropping_a_process_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = sleeper(dir.path());
        assert!(process.is_running());
        let pid = i32::try_from(process.pid()).unwrap();
        assert!(start_time(pid).is_some());
        drop(process);
        assert_eq!(start_time(pid), None);
    }

    #[test]
    fn a_detached_process_is_stopped_by_its_pin_only() {
        let dir = tempfile::tempdir().unwrap();
        let pin = sleeper(dir.path()).detach().unwrap();
        assert!(pin.is_running());
        let other = Pinned { started: pin.started + 1, ..pin.clone() };
        other.stop().unwrap();
        assert!(pin.is_running(), "a pin with another start time must not end the process");
        pin.stop().unwrap();
        assert!(!pin.is_running());
    }

    #[test]
    fn a_process_that_ends_while_starting_is_reported_with_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such data directory; exit 3"]);
        let mut process = Process::start("broken", command, &dir.path().join("log"), Signal::TERM).unwrap();
        let error = format!("{:#}", process.ready(Duration::from_secs(30), || false).unwrap_err());
        assert!(error.contains("no such data directory") && error.contains("exit status: 3"), "{error}");
    }
}

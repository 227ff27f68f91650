//! Ends what we started when the user presses Ctrl-C. Servers stand in process groups of their own, so that the
//! terminal's signal reaches only us, and they stop in order. Does nothing on a regular end: that is `Drop`'s work.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long a server may take to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Live {
    processes: Vec<(Pid, Signal)>,
    folders: Vec<PathBuf>,
}

static LIVE: Mutex<Live> = Mutex::new(Live { processes: Vec::new(), folders: Vec::new() });

/// From now on a Ctrl-C stops this process by `signal`.
pub(crate) fn watch_process(pid: Pid, signal: Signal) {
    listen();
    live(|l| l.processes.push((pid, signal)));
}

/// It has ended, or shall outlive us.
pub(crate) fn forget_process(pid: Pid) {
    live(|l| l.processes.retain(|(p, _)| *p != pid));
}

/// From now on a Ctrl-C removes this folder, after the processes have ended.
pub(crate) fn watch_folder(dir: &Path) {
    live(|l| l.folders.push(dir.to_path_buf()));
}

/// It is gone, or shall outlive us.
pub(crate) fn forget_folder(dir: &Path) {
    live(|l| l.folders.retain(|d| d != dir));
}

fn live<T>(act: impl FnOnce(&mut Live) -> T) -> T {
    act(&mut LIVE.lock().unwrap_or_else(PoisonError::into_inner))
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else {
            return;
        };
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                stop_all();
                std::process::exit(128 + signal);
            }
        });
    });
}

fn stop_all() {
    let (processes, folders) = live(|l| (std::mem::take(&mut l.processes), std::mem::take(&mut l.folders)));
    // The last started uses those before it: it goes first.
    for (pid, signal) in processes.iter().rev() {
        let _ = kill_process(*pid, *signal);
    }
    let end = Instant::now() + PATIENCE;
    for (pid, _) in processes.iter().rev() {
        while matches!(waitpid(Some(*pid), WaitOptions::NOHANG), Ok(None)) && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = kill_process_group(*pid, Signal::KILL);
    }
    for dir in folders {
        let _ = fs::remove_dir_all(dir);
    }
}

//! Ctrl-C leaves no server behind. A signal ends the whole process, so the test starts itself anew as the one who
//! gets it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use xtask::process::{Process, Signal};
use xtask::servers::scratch::Scratch;
use xtask::wait;

const NOTE: &str = "KOLLECT_XTASK_INTERRUPT_NOTE";

/// The part of the one who is interrupted: starts two servers and never ends by itself.
fn serve(note: &Path) -> anyhow::Result<()> {
    let scratch = Scratch::create("interrupt")?;
    let start = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start("server", command, &scratch.path().join("log"), Signal::TERM)
    };
    // One that stops when asked, and one that does not listen and has a worker of its own.
    let (polite, deaf) = (start("exec sleep 600")?, start("trap '' TERM; sleep 600 & wait; sleep 600")?);
    let text = format!("{} {} {}", polite.pid(), deaf.pid(), scratch.path().display());
    std::fs::write(note.with_extension("part"), text)?;
    std::fs::rename(note.with_extension("part"), note)?;
    std::thread::sleep(Duration::from_secs(600));
    Ok(())
}

fn is_gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, fields)| fields.starts_with('Z'))
}

#[test]
fn ctrl_c_ends_the_servers_and_removes_their_folders() {
    if let Some(note) = std::env::var_os(NOTE) {
        return serve(Path::new(&note)).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let note = dir.path().join("note");
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .arg("ctrl_c_ends_the_servers_and_removes_their_folders")
        .env(NOTE, &note)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let text =
        wait::until("the servers run", Duration::from_secs(60), || Ok(std::fs::read_to_string(&note).ok()));
    let text = text.unwrap();
    let [polite, deaf, folder] = text.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
    assert!(!is_gone(polite) && !is_gone(deaf) && Path::new(folder).is_dir());

    rustix::process::kill_process(rustix::process::Pid::from_child(&owner), Signal::INT).unwrap();
    assert_eq!(owner.wait().unwrap().code(), Some(128 + 2));
    assert!(is_gone(polite) && !Path::new(folder).exists());
    wait::until("the deaf one is gone", Duration::from_secs(60), || Ok(is_gone(deaf).then_some(()))).unwrap();
}

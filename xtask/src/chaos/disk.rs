//! A small disk for the folder, which can really be full: a tmpfs in a mount namespace of its own, so that nothing is
//! left behind on the machine however the run ends. It writes nothing but what fills it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::process::{Process, Signal};

/// What the disk holds.
const SIZE: &str = "32m";

/// A mounted disk. Dropping it unmounts it, since nobody else is in its namespace.
#[derive(Debug)]
pub struct Disk {
    holder: Process,
    mount: PathBuf,
    root: bool,
}

impl Disk {
    /// Mounts one at a folder below `dir`. Root needs the right to mount; others, namespaces of users.
    ///
    /// # Errors
    /// If the machine allows neither.
    pub fn mount(dir: &Path) -> Result<Self> {
        let mount = dir.join("disk");
        fs::create_dir_all(&mount)?;
        let root = rustix::process::geteuid().is_root();
        let mut command = Command::new("unshare");
        command.arg("--mount");
        if !root {
            command.arg("--map-root-user");
        }
        let script = format!(
            "mount -t tmpfs -o size={SIZE} tmpfs \"$1\" && mkdir \"$1/{FOLDER}\" && exec sleep infinity"
        );
        command.args(["sh", "-c", &script, "sh"]).arg(&mount);
        let holder = Process::start("the disk's holder", command, &dir.join("disk.log"), Signal::KILL)?;
        let mut disk = Self { holder, mount, root };
        let folder = disk.folder();
        disk.holder
            .ready(Duration::from_secs(10), || folder.is_dir())
            .context("no tmpfs can be mounted here, neither by root nor in a user namespace")?;
        Ok(disk)
    }

    /// A program that runs another one, whose path it is given, where the disk is mounted.
    ///
    /// # Errors
    /// If the script cannot be written.
    pub fn entrance(&self, program: &Path, dir: &Path) -> Result<PathBuf> {
        let user = if self.root { "" } else { "--user --preserve-credentials" };
        let text = format!(
            "#!/bin/sh\nexec nsenter --target={} --mount {user} '{}' \"$@\"\n",
            self.holder.pid(),
            program.display()
        );
        let script = dir.join("on-disk.sh");
        fs::write(&script, text)?;
        let made = Command::new("chmod").args(["+x".as_ref(), script.as_os_str()]).status()?;
        ensure!(made.success(), "chmod: {made}");
        Ok(script)
    }

    /// The folder as those see it who are where the disk is mounted.
    #[must_use]
    pub fn inside(&self) -> PathBuf {
        self.mount.join(FOLDER)
    }

    /// The same folder as we see it.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.outside().join(FOLDER)
    }

    /// Takes all that is free, and says how much that was.
    ///
    /// # Errors
    /// If writing fails in another way than for lack of space.
    pub fn fill(&self) -> Result<u64> {
        let mut filler = OpenOptions::new().create(true).append(true).open(self.outside().join("filler"))?;
        let mut taken = 0;
        for piece in [vec![0_u8; 1 << 20], vec![0; 4096], vec![0; 1]] {
            taken += fill(&mut filler, &piece)?;
        }
        Ok(taken)
    }

    /// Gives back what [`Disk::fill`] took.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.outside().join("filler"))?)
    }

    fn outside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.pid()));
        root.join(self.mount.strip_prefix("/").unwrap_or(&self.mount))
    }
}

/// What sinks may write to: beside the filler.
const FOLDER: &str = "local";

fn fill(filler: &mut File, piece: &[u8]) -> Result<u64> {
    let mut taken = 0;
    loop {
        match filler.write(piece) {
            Ok(written) => taken += u64::try_from(written)?,
            Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(taken),
            Err(error) => return Err(error).context("cannot fill the disk"),
        }
    }
}

//! Tests whether the folder can be used as an export needs it. It leaves no file behind.

use std::io::Write;
use std::time::{Duration, Instant};

use cap_std::fs::{Dir, OpenOptions};
use kollect_sink_core::{Error as SinkError, ErrorKind, ProbeDepth, ProbeReport, ProbeStep};

use super::config::{Config, Provisioning};
use super::connect::{self, Missing};
use crate::error::{Error, Result};

/// How long a test may take; network file systems can hang.
pub(super) const LIMIT: Duration = Duration::from_secs(15);

/// Runs the steps; blocks.
pub(super) fn probe(config: &Config, depth: ProbeDepth) -> ProbeReport {
    let mut report = ProbeReport::default();
    let missing = if depth == ProbeDepth::Write { Missing::Make } else { Missing::Leave };
    let opened = step(&mut report, "target", || {
        let opened = connect::open(config, missing)?;
        match (&opened, config.provisioning) {
            (Some(_), _) => Ok((opened, format!("{config} is there"))),
            (None, Provisioning::Ensure) => {
                Ok((opened, format!("{config} will be made by the first export")))
            }
            (None, Provisioning::Existing) => {
                let doing = format!("find {config}, which `provisioning.mode: existing` expects");
                Err(Error::io(doing)(std::io::ErrorKind::NotFound.into()))
            }
        }
    });
    if let (Some(Some(dir)), ProbeDepth::Write) = (opened, depth) {
        step(&mut report, "authorise", || {
            write(&dir).map(|()| ((), "a file was written, locked, renamed and removed".to_owned()))
        });
    }
    report
}

/// The report of a test that did not end in time.
pub(super) fn timed_out() -> ProbeReport {
    let message = format!("no answer in {} s: the file system hangs", LIMIT.as_secs());
    ProbeReport { steps: vec![ProbeStep { name: "target", ok: false, message, duration: LIMIT }] }
}

fn step<T>(
    report: &mut ProbeReport,
    name: &'static str,
    run: impl FnOnce() -> Result<(T, String)>,
) -> Option<T> {
    let started = Instant::now();
    let result = run();
    let duration = started.elapsed();
    let (ok, message, value) = match result {
        Ok((value, message)) => (true, message, Some(value)),
        Err(error) => (false, explained(error), None),
    };
    report.steps.push(ProbeStep { name, ok, message, duration });
    value
}

fn explained(error: Error) -> String {
    let error = SinkError::from(error);
    match error.kind() {
        ErrorKind::Mismatch => format!("{} (is it a folder on a file system with locks?)", error.chain()),
        _ => error.chain(),
    }
}

/// Everything that an export does to a file.
fn write(dir: &Dir) -> Result<()> {
    let names = ["tmp", "probe"].map(|end| format!(".kollect-probe-{}.{end}", std::process::id()));
    let [before, after] = &names;
    let result = (|| {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let mut file =
            dir.open_with(before, &options).map_err(Error::io("make a file in the folder"))?.into_std();
        file.lock().map_err(Error::io("lock a file in the folder"))?;
        file.write_all(b"kollect\n").map_err(Error::io("write to a file in the folder"))?;
        file.sync_all().map_err(Error::io("sync a file in the folder"))?;
        dir.rename(before, dir, after).map_err(Error::io("rename a file in the folder"))?;
        connect::sync(dir, "").map_err(Error::io("sync the folder"))?;
        dir.remove_file(after).map_err(Error::io("remove a file from the folder"))
    })();
    if result.is_err() {
        // Whichever of the two was left.
        names.iter().for_each(|name| drop(dir.remove_file(name)));
    }
    result
}

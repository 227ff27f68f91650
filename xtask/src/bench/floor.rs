//! Raw measures: a plain paged LIST, a plain COPY, the kernel's counters. No code of the product runs here.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::e2e::Psql;
use crate::servers::Kube;

/// Kernel clock ticks per second, as Linux reports times of processes on every machine that Rust supports.
const TICKS: f64 = 100.0;

/// Reads every page of Deployments over one connection, throws them away, and says what CPU that took.
const LIST: &str = r#"
import http.client, re, ssl, sys, time, urllib.parse
host, ca, cert, key = sys.argv[1:5]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)
connection = http.client.HTTPSConnection(host, context=context)
token, begun = "", time.process_time()
while True:
    path = "/apis/apps/v1/deployments?limit=500" + ("&continue=" + urllib.parse.quote(token) if token else "")
    connection.request("GET", path, headers={"Accept": "application/json", "User-Agent": "floor"})
    body = connection.getresponse().read()
    found = re.search(rb'"continue":"([^"]*)"', body[:2000])
    token = found.group(1).decode() if found else ""
    if not token:
        break
print(time.process_time() - begun)
"#;

/// What a plain list took, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// By the clock.
    pub took: f64,
    /// Of CPU, of whoever listed.
    pub cpu: f64,
}

/// A plain paged LIST of all Deployments into nothing.
///
/// # Errors
/// The API server does not answer.
pub fn list(kube: &Kube) -> Result<Listed> {
    let host = kube.url().trim_start_matches("https://").to_owned();
    let pki = kube.dir().join("pki");
    let begun = Instant::now();
    let output = Command::new("python3")
        .args(["-c", LIST, &host])
        .args([kube.ca().to_path_buf(), pki.join("admin.crt"), pki.join("admin.key")])
        .output()?;
    let took = begun.elapsed().as_secs_f64();
    ensure!(output.status.success(), "the plain LIST failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(Listed { took, cpu: String::from_utf8_lossy(&output.stdout).trim().parse()? })
}

/// Seconds of a plain COPY of what `table` holds into a new table without indexes.
///
/// # Errors
/// Postgres refuses.
pub fn copy(psql: &Psql, table: &str) -> Result<f64> {
    let data = Command::new("psql")
        .args([psql.url(), "-XAtqc", &format!("COPY {table} TO STDOUT")])
        .output()
        .context("psql cannot be run")?;
    ensure!(data.status.success(), "{}", String::from_utf8_lossy(&data.stderr));
    psql.run(&format!("CREATE TABLE plain AS SELECT * FROM {table} LIMIT 0"))?;
    let begun = Instant::now();
    let mut child = Command::new("psql")
        .args([psql.url(), "-Xqc", "COPY plain FROM STDIN"])
        .stdin(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("psql has no input")?.write_all(&data.stdout)?;
    let status = child.wait()?;
    ensure!(status.success(), "the plain COPY failed: {status}");
    let took = begun.elapsed().as_secs_f64();
    psql.run("DROP TABLE plain")?;
    Ok(took)
}

/// CPU that a process has used.
///
/// # Errors
/// It is gone.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces; times are the 14th and 15th field.
    let after = stat.rsplit_once(')').context("no process name")?.1;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |at: usize| -> Result<f64> { Ok(fields.get(at).context("no times")?.parse()?) };
    Ok(Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS))
}

/// Megabytes that a process holds now, and held at most.
///
/// # Errors
/// It is gone.
pub fn memory(pid: u32) -> Result<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Result<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such field")?;
        let kilobytes: f64 = line.trim_start_matches(':').trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes / 1024.0)
    };
    Ok((field("VmRSS")?, field("VmHWM")?))
}

/// Bytes that this process holds.
///
/// # Errors
/// The kernel does not say.
pub fn resident_bytes() -> Result<u64> {
    let pages: u64 =
        fs::read_to_string("/proc/self/statm")?.split_whitespace().nth(1).context("no pages")?.parse()?;
    Ok(pages * 4096)
}

//! `cargo xtask fuzz`: builds the engine with coverage and lets it look for inputs that break a target. It holds no
//! target: those are in `fuzz/src/targets`.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use xtask::{cache, workspace};

/// Tells LLVM to count edges and to trace comparisons, as cargo-fuzz does; this is stable.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The target, such as `jsonpath`: a folder of `fuzz/corpus`
    target: String,
    /// How long
    #[arg(long, value_name = "N", default_value_t = 600)]
    seconds: u64,
    /// One input of an earlier run, again
    #[arg(long, value_name = "FILE")]
    input: Option<std::path::PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let fuzz = workspace::root().join("fuzz");
    let seeds = fuzz.join("corpus").join(&args.target);
    if !seeds.is_dir() {
        bail!("no target `{}`: {} is no folder", args.target, seeds.display());
    }
    // With a platform named, the flags are not for build scripts and macros.
    let platform = host()?;
    let target_dir = workspace::target_dir()?.join("fuzz");
    let built = workspace::cargo()
        .current_dir(&fuzz)
        .args(["build", "--release", "--target", &platform, "--target-dir"])
        .arg(&target_dir)
        .env("RUSTFLAGS", COVERAGE)
        .status()
        .context("cannot start cargo")?;
    if !built.success() {
        bail!("the fuzz targets do not build");
    }
    let mut engine = std::process::Command::new(target_dir.join(&platform).join("release/kollect-fuzz"));
    engine.env("KOLLECT_FUZZ", &args.target);
    if let Some(input) = &args.input {
        engine.arg(std::path::absolute(input)?);
    } else {
        let found = cache::folder("fuzz")?.join(&args.target);
        fs::create_dir_all(&found)?;
        engine.arg(&found).arg(&seeds).arg(format!("-max_total_time={}", args.seconds));
        engine.args(["-timeout=20", "-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1"]);
        engine.arg(format!("-artifact_prefix={}/", cache::folder("fuzz")?.join("broken").display()));
        fs::create_dir_all(cache::folder("fuzz/broken")?)?;
        let words = fuzz.join(format!("{}.dict", args.target));
        if words.is_file() {
            engine.arg(format!("-dict={}", words.display()));
        }
    }
    let status = engine.status().context("cannot start the engine")?;
    Ok(ExitCode::from(u8::from(!status.success())))
}

/// The platform that the compiler runs on.
fn host() -> Result<String> {
    let output = std::process::Command::new("rustc").arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say on what it runs")
}

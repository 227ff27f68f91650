//! `test`: all checks and tests in one run, on real servers, with a count at the end. Owns the order of the steps; how
//! one is run and counted is in `test/report.rs`, what is left out in `test/plan.rs`.

mod deny;
mod plan;
mod report;

use std::fs;
use std::process::{Command, ExitCode};
use std::thread::{self, JoinHandle};

use anyhow::{Result, anyhow};
use xtask::servers::{Env, Running, Server, select};
use xtask::workspace::{Metadata, cargo};

use plan::Plan;
use report::Report;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run the long histories at length, and release builds
    #[arg(long)]
    full: bool,
    /// Leave out a server and all tests that need it (repeatable); the summary says so
    #[arg(long, value_name = "SERVER")]
    without: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    select(&args.without)?;
    let metadata = Metadata::members()?;
    let plan = Plan::new(&metadata, &args.without)?;
    let mut report = Report::start();
    // Go and cargo compile at the same time: the servers are wanted last.
    let installs = install(plan.servers.clone());

    report.check("tidy", super::tidy::run);
    report.command("format", with(&["fmt", "--all", "--check"]));
    report.command("clippy", clippy(&["--all-targets"]));
    for suite in &plan.suites {
        // `--all-targets` passes over tests that do not run by default.
        report.command(&format!("clippy of tests/{}", suite.test), clippy(&["--test", suite.test]));
    }
    report.check("crdgen --check", super::crdgen::check);
    report.tests("unit and doc tests", with(&["test", "--quiet", "--workspace", "--no-fail-fast"]));
    report.command("documentation", documentation());
    on_servers(&metadata, &plan, args, installs, &mut report);
    for features in slim_features(&metadata) {
        let name = if features.is_empty() { "no sink" } else { features };
        report.command(&format!("slim build: {name}"), slim("check", features));
    }
    for library in metadata.packages.iter().filter(|p| p.is_library() && p.name != "xtask") {
        report.command(&format!("alone: {}", library.name), with(&["check", "--quiet", "-p", &library.name]));
    }
    report.check("licences, bans, sources", deny::check);
    if args.full {
        release(&metadata, &mut report);
    }
    Ok(report.finish(&plan))
}

fn with(args: &[&str]) -> Command {
    let mut command = cargo();
    command.args(args);
    command
}

fn clippy(args: &[&str]) -> Command {
    let mut command = with(&["clippy", "--quiet", "--workspace"]);
    command.args(args).args(["--", "-D", "warnings"]);
    command
}

fn documentation() -> Command {
    let mut command = with(&["doc", "--quiet", "--workspace", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}

fn slim(action: &str, features: &str) -> Command {
    with(&[action, "--quiet", "-p", "kollect-operator", "--no-default-features", "--features", features])
}

/// Feature sets of the operator that must build alone: none, and each of these that exists.
fn slim_features(metadata: &Metadata) -> Vec<&'static str> {
    let operator = metadata.packages.iter().find(|p| p.name == "kollect-operator");
    let exists = |name: &&str| operator.is_some_and(|p| p.features.contains_key(*name));
    [""].into_iter().chain(["postgres", "local"].into_iter().filter(exists)).collect()
}

type Installs = JoinHandle<Result<()>>;

fn install(servers: Vec<&'static dyn Server>) -> Installs {
    thread::spawn(move || {
        servers.into_iter().try_for_each(Server::install)?;
        deny::install().map(drop)
    })
}

/// Runs the suites that need servers, on servers of their own for this run.
fn on_servers(metadata: &Metadata, plan: &Plan, args: &Args, installs: Installs, report: &mut Report) {
    report.check("servers and tools installed", || {
        installs.join().map_err(|_| anyhow!("the installation ended early"))?
    });
    report.command("the binary", with(&["build", "--quiet", "--workspace", "--bins"]));
    let mut env = Env::from([(
        "KOLLECT_BIN".to_string(),
        metadata.target_directory.join("debug/kollect").display().to_string(),
    )]);
    if args.full {
        env.insert("KOLLECT_TEST_FULL".into(), "1".into());
    }
    let mut running: Vec<Box<dyn Running>> = Vec::new();
    for server in &plan.servers {
        report.check(&format!("start of {}", server.name()), || {
            let started = server.start(&env)?;
            env.extend(started.env());
            running.push(started);
            Ok(())
        });
    }
    for suite in &plan.suites {
        let mut command = with(&["test", "--quiet", "--no-fail-fast", "--workspace", "--test", suite.test]);
        for (package, _) in &suite.left_out {
            command.args(["--exclude", package]);
        }
        command.envs(&env);
        if !suite.packages.is_empty() {
            report.tests(&format!("tests/{}: {}", suite.test, suite.packages.join(", ")), command);
        }
    }
    // The last started uses those before it.
    while let Some(server) = running.pop() {
        drop(server);
    }
}

/// Release builds with the sizes of what comes out.
fn release(metadata: &Metadata, report: &mut Report) {
    let binary = metadata.target_directory.join("release/kollect");
    let builds = [
        ("all features", with(&["build", "--quiet", "--release", "-p", "kollect-operator"])),
        ("postgres alone", {
            let mut command = slim("build", "postgres");
            command.arg("--release");
            command
        }),
    ];
    for (name, command) in builds {
        report.command(&format!("release build: {name}"), command);
        report.check(&format!("size: {name}"), || {
            println!("{:.1} MB", fs::metadata(&binary)?.len() as f64 / 1e6);
            Ok(())
        });
    }
}

//! Runs one step after another, prints each as it runs, and counts tests. A failed step does not end the run: its
//! reader wants all that is wrong.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::plan::Plan;

/// What has run so far.
pub(super) struct Report {
    start: Instant,
    steps: Vec<Step>,
}

struct Step {
    name: String,
    took: Duration,
    count: Count,
    error: Option<String>,
}

/// What the result lines of a test run add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Report {
    pub(super) fn start() -> Self {
        Self { start: Instant::now(), steps: Vec::new() }
    }

    /// A step within this process.
    pub(super) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        self.step(name, "", |_| check());
    }

    /// A program that must end with success.
    pub(super) fn command(&mut self, name: &str, mut command: Command) {
        let shown = shown(&command);
        self.step(name, &shown, |_| {
            let status = command.status().context("cannot start")?;
            ensure!(status.success(), "{status}");
            Ok(())
        });
    }

    /// A run of `cargo test`, whose tests are counted. An ignored test is a failure: green must mean ran.
    pub(super) fn tests(&mut self, name: &str, mut command: Command) {
        let shown = shown(&command);
        self.step(name, &shown, |count| {
            let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start")?;
            let output = child.stdout.take().context("it has no output")?;
            for line in BufReader::new(output).split(b'\n') {
                let line = String::from_utf8_lossy(&line?).into_owned();
                println!("{line}");
                count.add(&line);
            }
            let status = child.wait()?;
            ensure!(status.success(), "{status}");
            ensure!(count.ignored == 0, "{} tests were ignored", count.ignored);
            ensure!(count.passed > 0, "no test ran");
            Ok(())
        });
    }

    fn step(&mut self, name: &str, shown: &str, run: impl FnOnce(&mut Count) -> Result<()>) {
        println!("\n== {name} [{}] {shown}", clock(self.start.elapsed()));
        let begin = Instant::now();
        let mut count = Count::default();
        let error = run(&mut count).err().map(|e| format!("{e:#}"));
        let took = begin.elapsed();
        match &error {
            None => println!("-- {name}: ok, {}", clock(took)),
            Some(error) => println!("-- {name}: FAILED, {}: {error}", clock(took)),
        }
        let _ = std::io::stdout().flush();
        self.steps.push(Step { name: name.into(), took, count, error });
    }

    /// Prints the summary, the counts in a last line of their own.
    pub(super) fn finish(self, plan: &Plan) -> ExitCode {
        println!("\n== summary");
        for step in &self.steps {
            let tests = match step.count {
                Count { passed: 0, failed: 0, .. } => String::new(),
                Count { passed, failed: 0, .. } => format!("{passed} passed"),
                Count { passed, failed, .. } => format!("{passed} passed, {failed} failed"),
            };
            let result = if step.error.is_none() { "ok" } else { "FAILED" };
            println!("{result:<7} {:>7}  {:<60} {tests}", clock(step.took), step.name);
        }
        let servers: Vec<&str> = plan.servers.iter().map(|s| s.about()).collect();
        println!("servers: {}", if servers.is_empty() { "none".into() } else { servers.join("; ") });
        for suite in &plan.suites {
            for (package, server) in &suite.left_out {
                println!("LEFT OUT: tests/{} of {package}, since --without {server}", suite.test);
            }
        }
        println!("time: {}", clock(self.start.elapsed()));
        let (passed, failed) = self.totals();
        println!("{passed} passed, {failed} failed");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// A step that failed counts as one where no test of it did.
    fn totals(&self) -> (usize, usize) {
        self.steps.iter().fold((0, 0), |(passed, failed), step| {
            let own = usize::from(step.error.is_some() && step.count.failed == 0);
            (passed + step.count.passed, failed + step.count.failed + own)
        })
    }
}

impl Count {
    /// Adds a line like `test result: ok. 3 passed; 0 failed; 0 ignored; ...`.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in counts.split("; ") {
            match part.split_once(' ').map(|(n, what)| (n.parse().unwrap_or(0), what)) {
                Some((n, "passed")) => self.passed += n,
                Some((n, "failed")) => self.failed += n,
                Some((n, "ignored")) => self.ignored += n,
                _ => {}
            }
        }
    }
}

fn shown(command: &Command) -> String {
    let args: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
    format!("cargo {}", args.join(" "))
}

fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_add_up() {
        let mut count = Count::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 5 filtered out; finished in 1.00s",
            "all doctests ran in 0.30s; merged doctests compilation took 0.29s",
        ] {
            count.add(line);
        }
        assert_eq!(count, Count { passed: 13, failed: 2, ignored: 1 });
    }

    #[test]
    fn a_step_that_fails_before_any_test_counts_as_one_failure() {
        let mut report = Report::start();
        report.check("a", || Ok(()));
        report.check("b", || anyhow::bail!("does not compile"));
        report.step("c", "", |count| {
            *count = Count { passed: 4, failed: 2, ignored: 0 };
            anyhow::bail!("exit status: 101")
        });
        assert_eq!(report.totals(), (4, 3));
    }

    #[test]
    fn a_run_without_tests_fails() {
        let mut report = Report::start();
        let mut command = Command::new("sh");
        command.args(["-c", "echo running 0 tests"]);
        report.tests("empty", command);
        assert_eq!(report.totals(), (0, 1));
    }
}

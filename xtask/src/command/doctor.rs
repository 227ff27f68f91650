//! `doctor`: which tools this machine lacks, and the command that installs each. Installs nothing.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;

struct Tool {
    /// The program and how it tells its version.
    ask: &'static [&'static str],
    /// What needs it.
    for_what: &'static str,
    /// The command that installs it, on Debian.
    install: &'static str,
}

const POSTGRES: &str = "/usr/lib/postgresql/15/bin/postgres";

const TOOLS: &[Tool] = &[
    Tool {
        ask: &["cargo", "--version"],
        for_what: "all",
        install: "apt-get install rustup && rustup default stable",
    },
    Tool { ask: &["cargo", "fmt", "--version"], for_what: "test", install: "rustup component add rustfmt" },
    Tool { ask: &["cargo", "clippy", "--version"], for_what: "test", install: "rustup component add clippy" },
    Tool { ask: &["cc", "--version"], for_what: "linking, ring", install: "apt-get install gcc libc6-dev" },
    Tool { ask: &["git", "--version"], for_what: "tidy", install: "apt-get install git" },
    Tool {
        ask: &["go", "version"],
        for_what: "servers: kube, kcm (1.24 or newer)",
        install: "apt-get install -t bookworm-backports golang-1.24-go (or unpack a release of Go to /usr/local/go)",
    },
    Tool { ask: &["nice", "--version"], for_what: "servers", install: "apt-get install coreutils" },
    Tool {
        ask: &[POSTGRES, "--version"],
        for_what: "servers: postgres",
        install: "apt-get install postgresql-15",
    },
    Tool {
        ask: &["psql", "--version"],
        for_what: "end-to-end tests, demo",
        install: "apt-get install postgresql-client-15",
    },
    Tool {
        ask: &["python3", "--version"],
        for_what: "end-to-end tests: independent comparison",
        install: "apt-get install python3",
    },
];

pub(crate) fn run() -> Result<ExitCode> {
    let mut missing = 0;
    for tool in TOOLS {
        match version(tool.ask) {
            Some(version) => println!("ok       {version}"),
            None => {
                missing += 1;
                println!("MISSING  {} (for {}): {}", name(tool.ask), tool.for_what, tool.install);
            }
        }
    }
    println!(
        "`cargo xtask test` itself builds cargo-deny, etcd, kube-apiserver, kube-controller-manager and kubectl"
    );
    Ok(if missing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The first line of what it answers; none if it does not start or fails.
fn version(ask: &[&str]) -> Option<String> {
    let (program, args) = ask.split_first()?;
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_string())
}

/// Without its folder, and with the subcommand that is the tool.
fn name(ask: &[&str]) -> String {
    let words: Vec<&str> =
        ask.iter().copied().filter(|word| *word != "version" && !word.starts_with("--")).collect();
    let words = words.join(" ");
    Path::new(&words).file_name().map_or(words.clone(), |n| n.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::{name, version};

    #[test]
    fn a_tool_that_is_not_there_is_missing() {
        assert_eq!(version(&["kollect-no-such-tool", "--version"]), None);
        assert_eq!(version(&["false"]), None);
        assert_eq!(version(&["echo", "tool 1.2"]).as_deref(), Some("tool 1.2"));
    }

    #[test]
    fn a_tool_is_named_without_its_folder() {
        assert_eq!(name(&["/usr/lib/postgresql/15/bin/postgres", "--version"]), "postgres");
        assert_eq!(name(&["cargo", "clippy", "--version"]), "cargo clippy");
    }
}

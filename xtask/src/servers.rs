//! Real servers for tests, benchmarks and the demo. This file owns the table and what its rows answer; each server has
//! a file of its own below, and where it is installed from a pin under `xtask/servers/<name>`.

pub mod etcd;
pub mod go;
pub mod kcm;
pub mod kube;
pub mod postgres;
pub mod python;
pub mod scratch;
pub mod state;

pub use kcm::Kcm;
pub use kube::Kube;
pub use postgres::Postgres;

use std::collections::BTreeMap;
use std::fmt::Debug;

use anyhow::{Result, bail};

/// Addresses and paths as environment variables, as tests read them: `KOLLECT_TEST_<SERVER>_<WHAT>`.
pub type Env = BTreeMap<String, String>;

/// A row of the table: how to get a server, and how to start one.
pub trait Server: Debug + Send + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// What it is, in a few words, with its version.
    fn about(&self) -> &'static str;

    /// The servers that must run before it; their environment is handed to [`Server::start`].
    fn after(&self) -> &'static [&'static str];

    /// Whether nothing is left to install.
    fn installed(&self) -> bool;

    /// Installs it. Costs nothing when it is installed; processes that want the same wait for the first.
    ///
    /// # Errors
    /// If a tool is missing or a build fails.
    fn install(&self) -> Result<()>;

    /// Starts it on free ports of 127.0.0.1 with a temporary folder and returns when it is ready. Installs it first.
    ///
    /// # Errors
    /// If it cannot be installed or does not become ready.
    fn start(&self, env: &Env) -> Result<Box<dyn Running>>;
}

/// A server that runs. Dropping it stops it and removes its folder.
pub trait Running: Debug + Send {
    /// Where to find it.
    fn env(&self) -> Env;

    /// Lets it outlive us: what `up` writes down and `down` ends.
    ///
    /// # Errors
    /// If it has ended already.
    fn detach(self: Box<Self>) -> Result<state::Detached>;
}

/// All servers, each after those it needs.
pub const TABLE: &[&dyn Server] = &[&kube::Row, &kcm::Row, &postgres::Row, &python::Row];

/// The servers with these names, each after those it needs, which are added; all for no names.
///
/// # Errors
/// If a name is unknown.
pub fn select(names: &[String]) -> Result<Vec<&'static dyn Server>> {
    let known: Vec<&str> = TABLE.iter().map(|s| s.name()).collect();
    if let Some(unknown) = names.iter().find(|n| !known.contains(&n.as_str())) {
        bail!("there is no server {unknown}; there are {}", known.join(", "));
    }
    let mut wanted: Vec<&str> = match names {
        [] => known,
        names => names.iter().map(String::as_str).collect(),
    };
    // Needs stand before those who need them: from the end to the front, all are found in one walk.
    for server in TABLE.iter().rev() {
        if wanted.contains(&server.name()) {
            wanted.extend(server.after());
        }
    }
    Ok(TABLE.iter().copied().filter(|s| wanted.contains(&s.name())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Vec<&'static str> {
        let of: Vec<String> = of.iter().map(ToString::to_string).collect();
        select(&of).unwrap().iter().map(|s| s.name()).collect()
    }

    #[test]
    fn a_server_comes_after_what_it_needs() {
        assert_eq!(names(&["kcm"]), ["kube", "kcm"]);
        assert_eq!(names(&["postgres"]), ["postgres"]);
        assert_eq!(names(&[]).len(), TABLE.len());
        for (at, server) in TABLE.iter().enumerate() {
            for need in server.after() {
                assert!(TABLE.iter().take(at).any(|s| s.name() == *need), "{} before {need}", server.name());
            }
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = select(&["mysql".to_string()]).unwrap_err().to_string();
        assert!(error.contains("mysql") && error.contains("postgres"), "{error}");
    }
}

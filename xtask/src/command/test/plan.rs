//! Which test suites need servers, which servers those are, and what `--without` leaves out. Runs nothing.

use anyhow::{Context, Result};
use xtask::servers::{Server, select};
use xtask::workspace::Metadata;

/// Test targets that do not run by default, since they need servers.
const SUITES: [&str; 2] = ["servers", "e2e"];

/// What needs servers in this run.
pub(super) struct Plan {
    pub(super) suites: Vec<Suite>,
    /// Each after those it needs.
    pub(super) servers: Vec<&'static dyn Server>,
}

/// The test targets of one name.
pub(super) struct Suite {
    pub(super) test: &'static str,
    pub(super) packages: Vec<String>,
    /// Packages that are not tested, each with the server that it lacks.
    pub(super) left_out: Vec<(String, String)>,
}

impl Plan {
    /// A package names its servers under `[package.metadata.kollect]`, as `servers = ["postgres"]`.
    pub(super) fn new(metadata: &Metadata, without: &[String]) -> Result<Self> {
        let mut suites = Vec::new();
        let mut wanted = Vec::new();
        for test in SUITES {
            let mut suite = Suite { test, packages: Vec::new(), left_out: Vec::new() };
            for package in metadata.packages.iter().filter(|p| p.has_test(test)) {
                let needs = package.servers().with_context(|| {
                    format!(
                        "{} has tests/{test}: name its servers under [package.metadata.kollect]",
                        package.name
                    )
                })?;
                // A server's own needs count: who lacks the API server lacks its controllers.
                let all = select_some(&needs)?;
                match all.iter().find(|s| without.iter().any(|w| w == s.name())) {
                    Some(lacks) => suite.left_out.push((package.name.clone(), lacks.name().into())),
                    None => {
                        suite.packages.push(package.name.clone());
                        wanted.extend(needs);
                    }
                }
            }
            if !suite.packages.is_empty() || !suite.left_out.is_empty() {
                suites.push(suite);
            }
        }
        Ok(Self { suites, servers: select_some(&wanted)? })
    }
}

/// As [`select`], but none for no names.
fn select_some(names: &[String]) -> Result<Vec<&'static dyn Server>> {
    if names.is_empty() { Ok(Vec::new()) } else { select(names) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(packages: &[(&str, &str, &[&str])]) -> Metadata {
        let packages: Vec<_> = packages
            .iter()
            .map(|(name, test, servers)| {
                json!({"name": name, "id": name, "manifest_path": "Cargo.toml", "dependencies": [], "features": {},
                    "targets": [{"name": test, "kind": ["test"]}], "metadata": {"kollect": {"servers": servers}}})
            })
            .collect();
        serde_json::from_value(json!({"packages": packages, "resolve": null, "target_directory": "t"}))
            .unwrap()
    }

    #[test]
    fn only_what_is_needed_is_started() {
        let plan =
            Plan::new(&metadata(&[("a", "servers", &["postgres"]), ("b", "other", &["kcm"])]), &[]).unwrap();
        assert_eq!(plan.servers.iter().map(|s| s.name()).collect::<Vec<_>>(), ["postgres"]);
        assert_eq!(plan.suites.len(), 1);
    }

    #[test]
    fn without_a_server_its_tests_are_left_out_by_name() {
        let packages = [("a", "servers", ["postgres"].as_slice()), ("b", "servers", &["kcm"])];
        let plan = Plan::new(&metadata(&packages), &["kube".to_string()]).unwrap();
        let suite = plan.suites.first().unwrap();
        assert_eq!(suite.packages, ["a"]);
        assert_eq!(suite.left_out, [("b".to_string(), "kube".to_string())]);
        assert_eq!(plan.servers.iter().map(|s| s.name()).collect::<Vec<_>>(), ["postgres"]);
    }
}

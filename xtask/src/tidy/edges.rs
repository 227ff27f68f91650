//! The architecture: which crate may depend on which, and what may not stand below a sink. Cargo.toml files and the
//! resolved graph are read; code is not.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::Finding;
use crate::workspace::{Metadata, Package};

const BELOW: &str = "Kubernetes stays in kollect-api and kollect-operator";

/// Checks the work tree's graph.
///
/// # Errors
/// If cargo cannot be asked.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let members = Metadata::members()?;
    for package in &members.packages {
        let manifest = Manifest::read(root, package);
        for (dependency, todo) in forbidden(package) {
            findings.push(manifest.finding(&dependency, format!("{} uses {dependency}", package.name), todo));
        }
    }
    let resolved = Metadata::resolved()?;
    for package in members.packages.iter().filter(|p| knows_no_kubernetes(&p.name)) {
        if let Some(chain) = path_to_kubernetes(&resolved, package) {
            let first = chain.get(1).cloned().unwrap_or_default();
            findings.push(Manifest::read(root, package).finding(&first, chain.join(" -> "), BELOW));
        }
    }
    Ok(findings)
}

/// Declared dependencies inside the workspace that the architecture does not allow.
fn forbidden(package: &Package) -> Vec<(String, &'static str)> {
    let inside = package.dependencies.iter().filter(|d| d.path.is_some() && d.name != package.name);
    inside.filter_map(|d| refusal(&package.name, &d.name).map(|todo| (d.name.clone(), todo))).collect()
}

/// Why `from` may not depend on `to`; none where it may.
fn refusal(from: &str, to: &str) -> Option<&'static str> {
    match (from, to) {
        ("xtask", _) => None,
        (_, "xtask") => Some("xtask is a tool: nothing may depend on it"),
        ("kollect-operator", _) => None,
        (_, "kollect-operator") => Some("only xtask stands above the operator"),
        ("kollect-api" | "kollect-sink-core", _) => Some("this crate stands at the bottom"),
        (from, "kollect-sink-core") if is_sink(from) || from == "kollect-snapshot" => None,
        (from, to) if is_sink(from) && is_sink(to) => Some("what sinks share belongs in kollect-sink-core"),
        (from, _) if is_sink(from) || from == "kollect-snapshot" => {
            Some("it may depend on kollect-sink-core only")
        }
        _ => {
            Some("the crate has no place yet: give it one in the architecture and in xtask/src/tidy/edges.rs")
        }
    }
}

fn is_sink(name: &str) -> bool {
    name.starts_with("kollect-sink-") && name != "kollect-sink-core"
}

fn knows_no_kubernetes(name: &str) -> bool {
    name.starts_with("kollect-sink-") || name == "kollect-snapshot"
}

fn is_kubernetes(name: &str) -> bool {
    name == "kube" || name.starts_with("kube-") || name == "k8s-openapi"
}

/// The shortest chain of names from a package to a crate of Kubernetes.
fn path_to_kubernetes(resolved: &Metadata, package: &Package) -> Option<Vec<String>> {
    let names: BTreeMap<&str, &str> =
        resolved.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
    let nodes: BTreeMap<&str, &[String]> = resolved
        .resolve
        .iter()
        .flat_map(|r| &r.nodes)
        .map(|n| (n.id.as_str(), n.dependencies.as_slice()))
        .collect();
    let mut from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([package.id.as_str()]);
    while let Some(id) = queue.pop_front() {
        if names.get(id).is_some_and(|name| is_kubernetes(name)) {
            let chain = std::iter::successors(Some(id), |id| from.get(id).copied());
            let mut chain: Vec<String> =
                chain.filter_map(|id| names.get(id).map(ToString::to_string)).collect();
            chain.reverse();
            return Some(chain);
        }
        for next in nodes.get(id).copied().unwrap_or_default() {
            if next != &package.id && !from.contains_key(next.as_str()) {
                from.insert(next, id);
                queue.push_back(next);
            }
        }
    }
    None
}

struct Manifest {
    file: String,
    text: String,
}

impl Manifest {
    fn read(root: &Path, package: &Package) -> Self {
        let path = &package.manifest_path;
        let root = root.canonicalize().unwrap_or_else(|_| root.into());
        Self {
            file: path.strip_prefix(&root).unwrap_or(path).display().to_string(),
            text: fs::read_to_string(path).unwrap_or_default(),
        }
    }

    fn finding(&self, dependency: &str, what: String, todo: &'static str) -> Finding {
        let line = self.text.lines().position(|line| line.trim_start().starts_with(dependency));
        Finding { file: self.file.clone(), line: line.map_or(1, |n| n + 1), what, todo }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_architecture_allows_and_forbids() {
        let allowed = [
            ("kollect-snapshot", "kollect-sink-core"),
            ("kollect-sink-postgres", "kollect-sink-core"),
            ("kollect-operator", "kollect-api"),
            ("kollect-operator", "kollect-sink-mongo"),
            ("xtask", "kollect-operator"),
        ];
        let refused = [
            ("kollect-sink-postgres", "kollect-sink-mongo"),
            ("kollect-sink-postgres", "kollect-snapshot"),
            ("kollect-sink-postgres", "kollect-api"),
            ("kollect-api", "kollect-sink-core"),
            ("kollect-sink-core", "kollect-snapshot"),
            ("kollect-snapshot", "kollect-api"),
            ("kollect-snapshot", "kollect-sink-postgres"),
            ("kollect-sink-core", "xtask"),
            ("kollect-new", "kollect-sink-core"),
        ];
        for (from, to) in allowed {
            assert_eq!(refusal(from, to), None, "{from} -> {to}");
        }
        for (from, to) in refused {
            assert!(refusal(from, to).is_some(), "{from} -> {to}");
        }
    }

    fn graph(edges: &[(&str, &[&str])]) -> Metadata {
        let package = |name: &str| {
            json!({"name": name, "id": name, "manifest_path": "Cargo.toml", "dependencies": [], "features": {},
                "targets": [], "metadata": null})
        };
        let names: std::collections::BTreeSet<&str> =
            edges.iter().flat_map(|(from, to)| to.iter().copied().chain([*from])).collect();
        let packages: Vec<_> = names.into_iter().map(package).collect();
        let nodes: Vec<_> = edges.iter().map(|(id, on)| json!({"id": id, "dependencies": on})).collect();
        serde_json::from_value(
            json!({"packages": packages, "resolve": {"nodes": nodes}, "target_directory": "t"}),
        )
        .unwrap()
    }

    #[test]
    fn kubernetes_is_found_through_others() {
        let graph = graph(&[
            ("kollect-sink-postgres", &["kollect-sink-core", "helper"]),
            ("kollect-sink-core", &["serde"]),
            ("helper", &["kube-core"]),
        ]);
        let package = |name: &str| graph.packages.iter().find(|p| p.name == name).unwrap();
        assert_eq!(
            path_to_kubernetes(&graph, package("kollect-sink-postgres")),
            Some(vec!["kollect-sink-postgres".into(), "helper".into(), "kube-core".into()])
        );
        assert_eq!(path_to_kubernetes(&graph, package("kollect-sink-core")), None);
    }
}

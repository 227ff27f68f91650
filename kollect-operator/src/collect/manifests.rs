//! Kollect manifests from a folder or a text, and the Secrets beside them for those who export. It does not
//! compile them.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use k8s_openapi::api::core::v1::Secret;
use kollect_api::crd::Place;
use kollect_api::reference::SinkRef;
use kollect_api::{GROUP, KINDS, VERSION};
use kube::api::DynamicObject;
use serde_json::json;

use super::document::{self, Next, Problem, Receiver, Syntax};
use super::error::Error;
use super::finding::{Findings, Weight};
use super::folder;
use crate::engine::{Kind, RawObject};
use crate::index::either::Exports;
use crate::index::{Index, ObjectName, Stored};

/// Namespace and name of the inventory that is collected where no manifest names one.
pub const DEFAULT_INVENTORY: (&str, &str) = ("default", "collect");

/// Manifests as read, and what could not be read of them.
#[derive(Default)]
pub struct Manifests {
    /// The objects that describe a collection.
    pub index: Index,
    /// What could not be read: where, and why.
    pub problems: Vec<(String, String)>,
    /// Kinds that have no effect on what is collected, each with the objects' names: sinks and connection tests.
    pub ignored: Vec<(String, String)>,
    /// The Secrets that stand beside them; empty unless they were asked for.
    pub secrets: Vec<Secret>,
    /// Whether the rows go into files, so that the sinks of a config are not missed.
    pub exported_to_files: bool,
    with_secrets: bool,
}

impl fmt::Debug for Manifests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Secrets stay out of logs.
        f.debug_struct("Manifests").field("problems", &self.problems).finish_non_exhaustive()
    }
}

impl Manifests {
    /// Reads the manifests of a folder, or of one file.
    ///
    /// # Errors
    /// The folder cannot be read, or holds no profile and no target.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::default().filled(path)
    }

    /// As [`Manifests::open`], with the Secrets that stand there.
    ///
    /// # Errors
    /// As [`Manifests::open`].
    pub fn open_with_secrets(path: &Path) -> Result<Self, Error> {
        Self { with_secrets: true, ..Self::default() }.filled(path)
    }

    /// As [`Manifests::open`], also where there is no target.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn open_any(path: &Path) -> Result<Self, Error> {
        Self::default().read_files(path)
    }

    fn filled(self, path: &Path) -> Result<Self, Error> {
        let manifests = self.read_files(path)?;
        if manifests.index.all_targets().next().is_none() && manifests.problems.is_empty() {
            return Err(Error::NoTargets { path: path.to_owned() });
        }
        Ok(manifests)
    }

    fn read_files(self, path: &Path) -> Result<Self, Error> {
        let found = folder::find(path)?;
        let mut manifests = self;
        for file in &found.files {
            let shown = file.display().to_string();
            match folder::read_text(file) {
                Ok(text) => manifests.read(&shown, &text),
                Err(problem) => manifests.problems.push((shown, problem)),
            }
        }
        Ok(manifests)
    }

    /// Reads manifests from a text that is called `origin` in messages.
    pub fn read(&mut self, origin: &str, text: &str) {
        document::read(text, Syntax::of(text), &mut Reader { manifests: self, origin });
    }

    /// Adds the inventory of every target, where the manifests have targets but no inventory: one for each
    /// namespace with targets, and one for cluster targets, named `collect`.
    pub fn complete(&mut self) {
        if self.index.all_inventories().next().is_some() {
            return;
        }
        let (_, inventory) = DEFAULT_INVENTORY;
        let places: BTreeSet<Option<String>> =
            self.index.all_targets().map(|(name, _)| name.place()).collect();
        for place in places {
            let kind = if place.is_none() { "KollectClusterInventory" } else { "KollectInventory" };
            let made = json!({
                "apiVersion": format!("{GROUP}/{VERSION}"),
                "kind": kind,
                "metadata": {"name": inventory, "namespace": place},
                "spec": {},
            });
            if let Ok(made) = serde_json::from_value::<DynamicObject>(made) {
                self.index.apply(kind, &made);
            }
        }
    }

    /// Tells what could not be read and what has no effect here.
    pub fn report(&self, findings: &Findings) {
        for (place, why) in &self.problems {
            findings.add(Weight::Failed, place, why);
        }
        let own = self.index.inventories.iter().flat_map(|(name, stored)| self.sinks_of(name, stored));
        let cluster =
            self.index.cluster_inventories.iter().flat_map(|(name, stored)| self.sinks_of(name, stored));
        let named: BTreeSet<String> = own.chain(cluster).collect();
        let stated =
            self.ignored.iter().filter(|(kind, _)| kind.ends_with("Sink")).map(|(_, name)| name.clone());
        let sinks: Vec<String> =
            named.into_iter().chain(stated).collect::<BTreeSet<_>>().into_iter().collect();
        if !sinks.is_empty() {
            let weight = if self.exported_to_files { Weight::Note } else { Weight::Skipped };
            let why = "collect does not export into the sinks of a config yet: write files with --output, or let the operator export";
            findings.add(weight, format!("sinks {}", sinks.join(", ")), why);
        }
        for (kind, name) in self.ignored.iter().filter(|(kind, _)| !kind.ends_with("Sink")) {
            findings.add(Weight::Skipped, format!("{kind} {name}"), "it has no effect on what is collected");
        }
    }

    fn sinks_of<K: Exports>(&self, name: &ObjectName, stored: &Stored<K>) -> Vec<String> {
        let Ok(inventory) = &stored.object else { return Vec::new() };
        let home = self.index.inventory(name).map(|inventory| inventory.home).unwrap_or_default();
        let place = |sink: &SinkRef| {
            ObjectName::new(sink.namespace.as_deref().unwrap_or(home), &sink.name).to_string()
        };
        inventory.sink_refs().into_iter().map(|(_, sink)| place(sink)).collect()
    }

    fn take(&mut self, kind: &Kind, object: &RawObject) -> Result<(), String> {
        let mut value: serde_json::Value =
            serde_json::from_str(object.json()).map_err(|error| error.to_string())?;
        let beside_namespaces =
            KINDS.iter().any(|names| names.kind == &*kind.kind && names.place == Place::Cluster);
        if let Some(metadata) = value.get_mut("metadata").and_then(serde_json::Value::as_object_mut) {
            if beside_namespaces {
                metadata.remove("namespace");
            } else if object.namespace().is_empty() {
                // As kubectl applies a manifest that names no namespace.
                metadata.insert("namespace".into(), "default".into());
            }
        }
        if is_secret(kind) {
            // A message of serde's would quote the value that it could not read.
            let secret =
                serde_json::from_value(value).map_err(|_| "it is no Secret: its fields are wrong")?;
            self.secrets.push(secret);
            return Ok(());
        }
        let object: DynamicObject = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let name = ObjectName::of(&object.metadata);
        let kind = &*kind.kind;
        let known = self.index.has(kind, &name);
        if known == Some(true) {
            return Err(format!("{kind} {name} stands twice: remove one of the two"));
        }
        if known.is_none() || kind.ends_with("Sink") {
            self.ignored.push((kind.to_owned(), name.to_string()));
        }
        self.index.apply(kind, &object);
        Ok(())
    }
}

fn is_secret(kind: &Kind) -> bool {
    kind.group.is_empty() && *kind.version == *"v1" && *kind.kind == *"Secret"
}

struct Reader<'m, 'o> {
    manifests: &'m mut Manifests,
    origin: &'o str,
}

impl Receiver for Reader<'_, '_> {
    fn wants(&mut self, kind: &Kind) -> bool {
        *kind.group == *GROUP || (self.manifests.with_secrets && is_secret(kind))
    }

    fn object(&mut self, kind: &Kind, object: RawObject) -> Next {
        let place = || format!("{}: {} {}", self.origin, kind.kind, object.name());
        let ours = KINDS.iter().any(|names| *names.kind == *kind.kind) && *kind.version == *VERSION;
        let known = ours || is_secret(kind);
        if !known {
            let why = format!("there is no kind {kind}; Kollect's version is {GROUP}/{VERSION}");
            self.manifests.problems.push((place(), why));
        } else if let Err(why) = self.manifests.take(kind, &object) {
            self.manifests.problems.push((place(), why));
        }
        Next::Continue
    }

    fn foreign(&mut self) {}

    fn problem(&mut self, problem: Problem) {
        let Problem { line, document, message } = problem;
        self.manifests
            .problems
            .push((format!("{}:{line}", self.origin), format!("document {document}: {message}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFESTS: &str = "\
apiVersion: kollect.dev/v1alpha1
kind: KollectProfile
metadata: {name: apps, namespace: team-a}
spec: {targetGVK: {group: apps, version: v1, kind: Deployment}, attributes: [{name: a, path: '{.a}'}]}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectTarget
metadata: {name: apps, namespace: team-a}
spec: {profileRef: apps}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectDatabaseSink
metadata: {name: warehouse, namespace: team-a}
spec: {type: postgres}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: not-ours}
";

    fn read(text: &str) -> Manifests {
        let mut manifests = Manifests::default();
        manifests.read("apps.yaml", text);
        manifests
    }

    #[test]
    fn targets_without_an_inventory_get_one_in_their_namespace() {
        let mut manifests = read(MANIFESTS);
        manifests.complete();
        let names: Vec<String> =
            manifests.index.inventories.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["team-a/collect"]);
        assert_eq!(manifests.problems, []);
    }

    #[test]
    fn sinks_are_read_past_with_a_word() {
        let manifests = read(MANIFESTS);
        assert_eq!(manifests.ignored, [("KollectDatabaseSink".to_owned(), "team-a/warehouse".to_owned())]);
        let findings = Findings::default();
        manifests.report(&findings);
        let found = findings.into_vec();
        assert_eq!(found.len(), 1);
        assert!(found[0].why.contains("--output"), "{found:?}");
    }

    #[test]
    fn an_object_that_stands_twice_or_is_unknown_is_named() {
        let twice = read(&format!("{MANIFESTS}---\n{MANIFESTS}"));
        assert_eq!(twice.problems.len(), 3, "{:?}", twice.problems);
        assert_eq!(twice.problems[0].0, "apps.yaml: KollectProfile apps");
        let unknown = read("apiVersion: kollect.dev/v1\nkind: KollectProfile\nmetadata: {name: x}\n");
        assert!(unknown.problems[0].1.contains("kollect.dev/v1alpha1"), "{:?}", unknown.problems);
    }
}

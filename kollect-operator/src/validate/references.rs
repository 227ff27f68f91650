//! What manifests say about each other: references that lead nowhere, profiles that do not fit the target, ceilings of
//! scopes. What a file names may still exist in the cluster, so that a missing object is a warning; a denied one is not.

use std::collections::BTreeMap;
use std::sync::Arc;

use kollect_api::reference::{GroupVersionKind, SecretReference};
use kollect_api::scope::Ceiling;
use kollect_api::sink::SinkSpec;
use kollect_api::target::Selection;
use kollect_api::{
    KollectClusterInventory, KollectClusterScope, KollectClusterTarget, KollectConnectionTest,
    KollectDatabaseSink, KollectEventSink, KollectInventory, KollectProfile, KollectScope,
    KollectSnapshotSink, KollectTarget, Violation, decode,
};
use kollect_sink_core::Target;
use serde::de::DeserializeOwned;

use super::ceiling::{self, Scope};
use super::files::{Files, Manifest};
use super::finding::{Finding, Severity};
use super::manifests::finding;
use crate::engine::{CollectionDefaults, CompiledProfile, CompiledTarget, Wanted};
use crate::index::ObjectName;
use crate::index::target::Collects;

/// Every finding about references and scopes.
pub fn check(files: &Files, defaults: &CollectionDefaults) -> Vec<Finding> {
    let set = Set::of(files);
    let mut found = set.shadowed();
    for manifest in &files.manifests {
        found.extend(match manifest.kind.as_str() {
            "KollectTarget" => set.target::<KollectTarget>(manifest, defaults),
            "KollectClusterTarget" => set.target::<KollectClusterTarget>(manifest, defaults),
            "KollectInventory" => set.inventory(manifest),
            "KollectClusterInventory" => set.cluster_inventory(manifest),
            "KollectConnectionTest" => set.connection_test(manifest),
            "KollectSnapshotSink" | "KollectDatabaseSink" | "KollectEventSink" => set.sink(manifest),
            _ => Vec::new(),
        });
    }
    found
}

struct Set<'f> {
    files: &'f Files,
    /// The scopes of each namespace, the one that rules first.
    scopes: BTreeMap<&'f str, Vec<(&'f Manifest, KollectScope)>>,
    cluster_scopes: Vec<(&'f Manifest, KollectClusterScope)>,
}

fn read<K: DeserializeOwned>(manifest: &Manifest) -> Option<K> {
    decode(&manifest.located.value).ok()
}

impl<'f> Set<'f> {
    fn of(files: &'f Files) -> Self {
        let mut scopes: BTreeMap<&str, Vec<(&Manifest, KollectScope)>> = BTreeMap::new();
        let mut cluster_scopes = Vec::new();
        for manifest in &files.manifests {
            match manifest.kind.as_str() {
                "KollectScope" => {
                    if let Some(scope) = read(manifest) {
                        scopes.entry(&manifest.namespace).or_default().push((manifest, scope));
                    }
                }
                "KollectClusterScope" => {
                    if let Some(scope) = read(manifest) {
                        cluster_scopes.push((manifest, scope));
                    }
                }
                _ => {}
            }
        }
        scopes.values_mut().for_each(|all| all.sort_by(|left, right| left.0.name.cmp(&right.0.name)));
        cluster_scopes.sort_by(|left, right| left.0.name.cmp(&right.0.name));
        Self { files, scopes, cluster_scopes }
    }

    /// Of several scopes in one place the first by name rules.
    fn shadowed(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let namespaced = self.scopes.values().map(|all| all.iter().map(|(manifest, _)| *manifest).collect());
        let cluster: Vec<&Manifest> = self.cluster_scopes.iter().map(|(manifest, _)| *manifest).collect();
        for all in namespaced.chain([cluster]).collect::<Vec<Vec<&Manifest>>>() {
            let Some((first, others)) = all.split_first() else { continue };
            for other in others {
                let message = format!("has no effect: {first} rules, the first by name; put both into one");
                found.push(other.finding(Severity::Warning, "metadata.name", message));
            }
        }
        found
    }

    fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&'f Manifest> {
        let is = |it: &&Manifest| it.kind == kind && it.namespace == namespace && it.name == name;
        self.files.manifests.iter().find(is)
    }

    fn missing(
        &self,
        from: &Manifest,
        path: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Option<Finding> {
        if self.find(kind, namespace, name).is_some() {
            return None;
        }
        let slash = if namespace.is_empty() { "" } else { "/" };
        let message = format!("{kind} {namespace}{slash}{name} is not among these manifests");
        Some(from.finding(Severity::Warning, path, message))
    }

    /// The ceilings above a place: that of its namespace, and that of the cluster.
    fn ceilings(
        &self,
        namespace: &str,
        mut judge: impl FnMut(Scope<'_>) -> Vec<Violation>,
    ) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut ask = |manifest: &Manifest, ceiling: Ceiling<'_>| {
            found.extend(judge(Scope { name: &manifest.to_string(), ceiling }));
        };
        if let Some((manifest, scope)) = self.scopes.get(namespace).and_then(|all| all.first()) {
            ask(manifest, scope.spec.ceiling());
        }
        if let Some((manifest, scope)) = self.cluster_scopes.first() {
            ask(manifest, scope.spec.ceiling());
        }
        found
    }

    fn target<K: Collects + DeserializeOwned>(
        &self,
        manifest: &Manifest,
        defaults: &CollectionDefaults,
    ) -> Vec<Finding> {
        let Some(target) = read::<K>(manifest) else { return Vec::new() };
        let home = &manifest.namespace;
        let ObjectName { namespace, name } = &target.profile(home);
        let missing = self.missing(manifest, "spec.profileRef", "KollectProfile", namespace, name);
        let mut found: Vec<Finding> = missing.into_iter().collect();
        let profile = self.find("KollectProfile", namespace, name).and_then(read::<KollectProfile>);
        let selection = target.selection();
        let wanted = || Wanted::unlimited(Target::new(home, &manifest.name), target.selection());
        if let Some(profile) = &profile
            && let Ok(compiled) = CompiledProfile::compile(profile, defaults)
            && target.validate().is_empty()
            && let Err(violations) = CompiledTarget::compile(wanted(), profile, &Arc::new(compiled), defaults)
        {
            // What the target breaks alone was named; this is about the profile and the kinds of the rules.
            let wrong =
                violations.into_iter().filter(|violation| violation.path.starts_with("spec.attributes"));
            found.extend(wrong.map(|violation| {
                let message = format!("KollectProfile {name} does not fit a rule's kind: {violation}");
                manifest.finding(Severity::Error, "spec.resourceRules", message)
            }));
        }
        let gvk = profile.as_ref().map(|profile| &profile.spec.target_gvk);
        let mut denied = self.ceilings(home, |scope| denied(scope, &selection, gvk));
        if home.is_empty() {
            denied.extend(self.static_namespace("spec.profileRef.namespace", namespace));
        }
        found.extend(denied.into_iter().map(|violation| finding(manifest, violation)));
        found
    }

    /// Whether cluster kinds may name objects of a namespace.
    fn static_namespace(&self, path: &str, namespace: &str) -> Option<Violation> {
        let (manifest, scope) = self.cluster_scopes.first()?;
        ceiling::static_ref(&manifest.to_string(), scope, path, namespace)
    }

    fn inventory(&self, manifest: &Manifest) -> Vec<Finding> {
        let Some(inventory) = read::<KollectInventory>(manifest) else { return Vec::new() };
        let namespace = &manifest.namespace;
        let targets = inventory.spec.target_refs.iter();
        let mut found: Vec<Finding> = targets
            .filter_map(|name| self.missing(manifest, "spec.targetRefs", "KollectTarget", namespace, name))
            .collect();
        for (path, family, sink) in ceiling::located(inventory.spec.sink_refs()) {
            found.extend(self.missing(manifest, &path, family.kind(), namespace, &sink.name));
        }
        let denied = self.ceilings(namespace, |scope| ceiling::sinks(scope, inventory.spec.sink_refs()));
        found.extend(denied.into_iter().map(|violation| finding(manifest, violation)));
        found
    }

    fn cluster_inventory(&self, manifest: &Manifest) -> Vec<Finding> {
        let Some(inventory) = read::<KollectClusterInventory>(manifest) else { return Vec::new() };
        let targets = inventory.spec.target_refs.iter();
        let mut found: Vec<Finding> = targets
            .filter_map(|name| self.missing(manifest, "spec.targetRefs", "KollectClusterTarget", "", name))
            .collect();
        let mut denied = self.ceilings("", |scope| ceiling::sinks(scope, inventory.spec.sink_refs()));
        for (path, family, sink) in ceiling::located(inventory.spec.sink_refs()) {
            let namespace = sink.namespace.as_ref().unwrap_or(&inventory.spec.sink_namespace);
            found.extend(self.missing(manifest, &path, family.kind(), namespace, &sink.name));
            denied.extend(self.static_namespace(&path, namespace));
        }
        found.extend(denied.into_iter().map(|violation| finding(manifest, violation)));
        found
    }

    fn connection_test(&self, manifest: &Manifest) -> Vec<Finding> {
        let test = read::<KollectConnectionTest>(manifest);
        let Some((family, name)) = test.as_ref().and_then(|test| test.spec.sink_ref.one()) else {
            return Vec::new();
        };
        let path = format!("spec.sinkRef.{}SinkRef", family.as_str());
        self.missing(manifest, &path, family.kind(), &manifest.namespace, name).into_iter().collect()
    }

    /// Secrets seldom stand beside manifests: only where some do, a missing one is told.
    fn sink(&self, manifest: &Manifest) -> Vec<Finding> {
        let spec = match manifest.kind.as_str() {
            "KollectSnapshotSink" => {
                read::<KollectSnapshotSink>(manifest).map(|sink| SinkSpec::Snapshot(Box::new(sink.spec)))
            }
            "KollectDatabaseSink" => {
                read::<KollectDatabaseSink>(manifest).map(|sink| SinkSpec::Database(Box::new(sink.spec)))
            }
            _ => read::<KollectEventSink>(manifest).map(|sink| SinkSpec::Event(Box::new(sink.spec))),
        };
        let secrets = spec.map(|spec| spec.secrets()).unwrap_or_default();
        let missing = |(path, secret): (&str, SecretReference)| {
            let namespace = secret.namespace.unwrap_or_else(|| manifest.namespace.clone());
            let beside = self.files.secrets.iter().any(|(one, _)| *one == namespace);
            let known = self.files.secrets.contains(&(namespace.clone(), secret.name.clone()));
            let message = format!("Secret {namespace}/{} is not among these manifests", secret.name);
            (beside && !known).then(|| manifest.finding(Severity::Warning, path, message))
        };
        secrets.into_iter().filter_map(missing).collect()
    }
}

/// What a scope denies to a target.
fn denied(scope: Scope<'_>, selection: &Selection<'_>, profile: Option<&GroupVersionKind>) -> Vec<Violation> {
    let mut found = ceiling::kinds(scope, selection, profile);
    found.extend(ceiling::namespaces(scope, selection));
    found
}

//! What is wrong with Kollect objects: the rules of `kollect-api`, and those that need a compiler, a backend or another
//! object. Webhooks, reconcilers and `kollect validate` ask here. Only
//! `files` reads files, and nothing here asks a cluster.

pub mod ceiling;
pub mod files;
pub mod finding;
pub mod manifests;
pub mod references;

use std::sync::Arc;

use kollect_api::sink::SinkSpec;
use kollect_api::validate::examine;
use kollect_api::{
    KollectClusterInventory, KollectClusterTarget, KollectDatabaseSink, KollectEventSink, KollectInventory,
    KollectProfile, KollectSnapshotSink, KollectTarget, Validate, Violation, decode,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::engine::{ClusterKinds, CollectionDefaults, CompiledProfile, Selection};
use crate::index::Ceilings;
use crate::index::target::Collects;
use crate::sinks;

/// All that one object breaks, without looking at any other one.
pub fn object(object: &Value, defaults: &CollectionDefaults) -> Vec<Violation> {
    let kind = object.get("kind").and_then(Value::as_str);
    if defaults.cluster_kinds == ClusterKinds::Refused
        && kind.is_some_and(|kind| ["KollectClusterTarget", "KollectClusterInventory"].contains(&kind))
    {
        return vec![Violation::new("kind", ClusterKinds::REFUSAL)];
    }
    let mut found = examine(object);
    let compiled = match kind {
        Some("KollectProfile") => read(object, |profile: KollectProfile| self::profile(&profile, defaults)),
        Some("KollectTarget") => {
            read(object, |target: KollectTarget| compile(&target, &target.spec.selection(), defaults))
        }
        Some("KollectClusterTarget") => {
            read(object, |target: KollectClusterTarget| compile(&target, &target.spec.selection(), defaults))
        }
        Some("KollectSnapshotSink") => {
            read(object, |it: KollectSnapshotSink| sink(&SinkSpec::Snapshot(Box::new(it.spec))))
        }
        Some("KollectDatabaseSink") => {
            read(object, |it: KollectDatabaseSink| sink(&SinkSpec::Database(Box::new(it.spec))))
        }
        Some("KollectEventSink") => {
            read(object, |it: KollectEventSink| sink(&SinkSpec::Event(Box::new(it.spec))))
        }
        _ => Vec::new(),
    };
    let broken: Vec<String> = found.iter().map(|violation| violation.path.clone()).collect();
    found.extend(compiled.into_iter().filter(|violation| !broken.contains(&violation.path)));
    found
}

/// What the scopes above an object deny to it, as far as it can be told without its profile.
pub fn denied(object: &Value, ceilings: &Ceilings) -> Vec<Violation> {
    let home = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
    let target = |selection: &kollect_api::target::Selection<'_>| {
        let mut found = ceilings.namespaces(home, selection);
        found.extend(ceilings.kinds(home, selection, None));
        found
    };
    match object.get("kind").and_then(Value::as_str) {
        Some("KollectTarget") => read(object, |it: KollectTarget| target(&it.spec.selection())),
        Some("KollectClusterTarget") => read(object, |it: KollectClusterTarget| {
            let mut found = target(&it.spec.selection());
            found.extend(it.foreign_profile(ceilings));
            found
        }),
        Some("KollectInventory") => {
            read(object, |it: KollectInventory| ceilings.sinks(home, it.spec.sink_refs()))
        }
        Some("KollectClusterInventory") => read(object, |it: KollectClusterInventory| {
            let mut found = ceilings.sinks("", it.spec.sink_refs());
            found.extend(ceiling::located(it.spec.sink_refs()).filter_map(|(path, _, sink)| {
                let namespace = sink.namespace.as_ref().unwrap_or(&it.spec.sink_namespace);
                ceilings.static_ref(&path, namespace)
            }));
            found
        }),
        _ => Vec::new(),
    }
}

/// What is wrong with a sink's specification, as far as it can be told without its Secrets: the rules, then what its
/// backend says.
pub fn sink(spec: &SinkSpec) -> Vec<Violation> {
    let found = spec.validate();
    if found.is_empty() { sinks::check(spec) } else { found }
}

fn profile(profile: &KollectProfile, defaults: &CollectionDefaults) -> Vec<Violation> {
    CompiledProfile::compile(profile, defaults).err().unwrap_or_default()
}

fn compile(
    target: &impl Validate,
    selection: &kollect_api::target::Selection<'_>,
    defaults: &CollectionDefaults,
) -> Vec<Violation> {
    let found = target.validate();
    if found.is_empty() {
        Selection::compile(selection, Arc::default(), defaults).err().unwrap_or_default()
    } else {
        found
    }
}

fn read<K: DeserializeOwned>(object: &Value, judge: impl FnOnce(K) -> Vec<Violation>) -> Vec<Violation> {
    // What cannot be read was named already.
    decode(object).map(judge).unwrap_or_default()
}

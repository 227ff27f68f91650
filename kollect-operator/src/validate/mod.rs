//! What is wrong with Kollect objects: the rules of `kollect-api`, and those that need a compiler, a backend or another
//! object. Webhooks, reconcilers and `kollect validate` ask here. Only
//! `files` reads files, and nothing here asks a cluster.

pub mod ceiling;
pub mod files;
pub mod finding;
pub mod manifests;
pub mod references;

use kollect_api::sink::SinkSpec;
use kollect_api::validate::examine;
use kollect_api::{
    KollectClusterTarget, KollectDatabaseSink, KollectEventSink, KollectProfile, KollectSnapshotSink,
    KollectTarget, Validate, Violation, decode,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::engine::{CollectionDefaults, CompiledProfile, Limits, Selection};
use crate::sinks;

/// All that one object breaks, without looking at any other one.
pub fn object(object: &Value, defaults: &CollectionDefaults) -> Vec<Violation> {
    let mut found = examine(object);
    let compiled = match object.get("kind").and_then(Value::as_str) {
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
        Selection::compile(selection, Limits::default(), defaults).err().unwrap_or_default()
    } else {
        found
    }
}

fn read<K: DeserializeOwned>(object: &Value, judge: impl FnOnce(K) -> Vec<Violation>) -> Vec<Violation> {
    // What cannot be read was named already.
    decode(object).map(judge).unwrap_or_default()
}

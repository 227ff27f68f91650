//! What a changed namespace means for the targets. It does not watch namespaces.

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::PartialObjectMeta;

use crate::engine::{Engine, NamespaceFacts};
use crate::watch::Hub;

/// Stores an observed namespace, and has it listed again for the targets that may now see it differently.
pub fn applied(engine: &Engine, hub: Option<&Hub>, namespace: &PartialObjectMeta<Namespace>) {
    let name = namespace.name_any();
    let facts = NamespaceFacts::new(namespace.labels().clone(), namespace.annotations());
    let known = engine.namespaces.has(&name);
    let before = engine.namespaces.set(&name, facts.clone());
    let missed = engine.namespaces.take_missed(&name);
    let Some(hub) = hub else { return };
    if known && *before == facts {
        return;
    }
    hub.namespaces_changed();
    let text = engine.store().intern(&name);
    for target in hub.targets() {
        let selection = &target.selection;
        let labels = selection.reads_namespace_labels() && before.labels != facts.labels;
        if !labels && before.watch == facts.watch && !missed {
            continue;
        }
        if selection.selects_namespace(&name, &before) && !selection.selects_namespace(&name, &facts) {
            engine.store().retain(&target.target, |identity| **identity.namespace() != *name);
        }
        hub.relist(target, &text);
    }
}

/// Forgets a namespace that is gone, and with it the rows of what was in it: where it could not be watched, nobody else
/// says so.
pub fn deleted(engine: &Engine, hub: Option<&Hub>, namespace: &PartialObjectMeta<Namespace>) {
    gone(engine, hub, &namespace.name_any());
}

/// Replaces everything that is known by a fresh list, or what is known of the one namespace that was asked for.
pub fn listed(
    engine: &Engine,
    hub: Option<&Hub>,
    within: Option<&str>,
    namespaces: &[PartialObjectMeta<Namespace>],
) {
    for name in engine.namespaces.names() {
        let asked = within.is_none_or(|within| within == name);
        if asked && !namespaces.iter().any(|namespace| namespace.name_any() == name) {
            gone(engine, hub, &name);
        }
    }
    for namespace in namespaces {
        applied(engine, hub, namespace);
    }
}

fn gone(engine: &Engine, hub: Option<&Hub>, name: &str) {
    engine.namespaces.remove(name);
    let Some(hub) = hub else { return };
    hub.namespaces_changed();
    for target in hub.targets() {
        if !target.selection.denies(name) {
            engine.store().retain(&target.target, |identity| **identity.namespace() != *name);
        }
    }
}

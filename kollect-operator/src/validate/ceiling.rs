//! What a scope denies to the targets and inventories below it. Which scope rules a place is decided by whoever asks.

use kollect_api::Violation;
use kollect_api::reference::{Family, GroupVersionKind, SinkRef};
use kollect_api::scope::Ceiling;
use kollect_api::target::Selection;

/// A scope that rules a place.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// What it is called in messages, such as `KollectScope team-a/limits`.
    pub name: &'a str,
    /// What it allows.
    pub ceiling: Ceiling<'a>,
}

/// What a scope denies to a target. `profile` is the kind of the target's profile, where it is known.
pub fn target(
    scope: Scope<'_>,
    selection: &Selection<'_>,
    profile: Option<&GroupVersionKind>,
) -> Vec<Violation> {
    let mut found = Vec::new();
    let kinds: Vec<(String, &GroupVersionKind)> = if selection.resource_rules.is_empty() {
        profile.into_iter().map(|gvk| ("spec.profileRef".to_owned(), gvk)).collect()
    } else {
        let rules = selection.resource_rules.iter().enumerate();
        rules.map(|(index, rule)| (format!("spec.resourceRules[{index}].gvk"), &rule.gvk)).collect()
    };
    for (path, gvk) in kinds.into_iter().filter(|(_, gvk)| !scope.ceiling.allows_kind(gvk)) {
        let message = format!("{} does not allow {gvk}; name a kind of its allowedGVKs", scope.name);
        found.push(Violation::new(path, message));
    }
    let denied: Vec<&str> = selection
        .included_namespaces
        .iter()
        .map(String::as_str)
        .filter(|namespace| !scope.ceiling.allows_namespace(namespace))
        .collect();
    if !denied.is_empty() {
        let message = format!("{} does not allow to collect from {}", scope.name, denied.join(", "));
        found.push(Violation::new("spec.includedNamespaces", message));
    }
    found
}

/// What a scope denies to an inventory.
pub fn inventory<'a>(scope: Scope<'_>, sinks: impl Iterator<Item = (Family, &'a SinkRef)>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut of_family = [0_usize; 3];
    for (family, sink) in sinks {
        let [snapshot, database, event] = &mut of_family;
        let next = match family {
            Family::Snapshot => snapshot,
            Family::Database => database,
            Family::Event => event,
        };
        if !scope.ceiling.allows_sink(family, &sink.name) {
            let field = family.field();
            let message =
                format!("{} does not allow the sink \"{}\"; name one of its {field}", scope.name, sink.name);
            found.push(Violation::new(format!("spec.{field}[{next}]"), message));
        }
        *next += 1;
    }
    found
}

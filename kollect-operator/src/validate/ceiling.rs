//! What a scope denies to the targets and inventories below it, one function a rule. Which scope rules a place is decided
//! by whoever asks.

use std::fmt::Display;

use kollect_api::reference::{Family, GroupVersionKind, SinkRef};
use kollect_api::scope::Ceiling;
use kollect_api::target::Selection;
use kollect_api::{KollectClusterScope, Violation};

/// A scope that rules a place.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// What it is called in messages, such as `KollectScope team-a/limits`.
    pub name: &'a str,
    /// What it allows.
    pub ceiling: Ceiling<'a>,
}

/// The kinds of a target that a scope denies. `profile` is the kind of the target's profile, where it is known.
pub fn kinds(
    scope: Scope<'_>,
    selection: &Selection<'_>,
    profile: Option<&GroupVersionKind>,
) -> Vec<Violation> {
    let kinds: Vec<(String, &GroupVersionKind)> = if selection.resource_rules.is_empty() {
        profile.into_iter().map(|gvk| ("spec.profileRef".to_owned(), gvk)).collect()
    } else {
        let rules = selection.resource_rules.iter().enumerate();
        rules.map(|(index, rule)| (format!("spec.resourceRules[{index}].gvk"), &rule.gvk)).collect()
    };
    let denied = kinds.into_iter().filter(|(_, gvk)| !scope.ceiling.allows_kind(gvk));
    let violation = |(path, gvk): (String, &GroupVersionKind)| {
        let message = format!("{} does not allow {gvk}; name a kind of its allowedGVKs", scope.name);
        Violation::new(path, message)
    };
    denied.map(violation).collect()
}

/// The namespaces that a target names and a scope denies. One that names none sees what the scope leaves.
pub fn namespaces(scope: Scope<'_>, selection: &Selection<'_>) -> Option<Violation> {
    included(selection, scope.name, |namespace| scope.ceiling.allows_namespace(namespace))
}

/// The namespaces that a target names and `allows` refuses; `who` does not allow them.
pub fn included(
    selection: &Selection<'_>,
    who: impl Display,
    allows: impl Fn(&str) -> bool,
) -> Option<Violation> {
    let named = selection.included_namespaces.iter().map(String::as_str);
    let denied: Vec<&str> = named.filter(|namespace| !allows(namespace)).collect();
    let message = || format!("{who} does not allow to collect from {}", denied.join(", "));
    (!denied.is_empty()).then(|| Violation::new("spec.includedNamespaces", message()))
}

/// The sinks of an inventory that a scope denies.
pub fn sinks<'a>(scope: Scope<'_>, sinks: impl Iterator<Item = (Family, &'a SinkRef)>) -> Vec<Violation> {
    located(sinks)
        .filter_map(|(path, family, reference)| sink(scope, &path, family, &reference.name))
        .collect()
}

/// Whether a scope denies one sink.
pub fn sink(scope: Scope<'_>, path: &str, family: Family, name: &str) -> Option<Violation> {
    let message = || {
        let field = family.field();
        format!("{} does not allow the sink \"{name}\"; name one of its {field}", scope.name)
    };
    (!scope.ceiling.allows_sink(family, name)).then(|| Violation::new(path, message()))
}

/// Whether a cluster scope denies cluster kinds to refer into `namespace`.
pub fn static_ref(name: &str, scope: &KollectClusterScope, path: &str, namespace: &str) -> Option<Violation> {
    let allowed = &scope.spec.allowed_static_ref_namespaces;
    let message = || {
        format!(
            "{name} does not allow references into {namespace}; name one of its allowedStaticRefNamespaces"
        )
    };
    (!allowed.is_empty() && !allowed.contains(namespace)).then(|| Violation::new(path, message()))
}

/// The references of an inventory, each with its path.
pub fn located<'a>(
    refs: impl Iterator<Item = (Family, &'a SinkRef)>,
) -> impl Iterator<Item = (String, Family, &'a SinkRef)> {
    let mut last = None;
    let mut index = 0_usize;
    refs.map(move |(family, sink)| {
        index = if last == Some(family) { index + 1 } else { 0 };
        last = Some(family);
        (format!("spec.{}[{index}]", family.field()), family, sink)
    })
}

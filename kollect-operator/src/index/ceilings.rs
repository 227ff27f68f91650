//! Which scopes rule a place, and what they leave there. What one scope denies is told by `validate::ceiling`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kollect_api::reference::{Family, GroupVersionKind, SinkRef};
use kollect_api::target::Selection;
use kollect_api::{KollectClusterScope, KollectScope, Violation};

use super::name::ObjectName;
use super::objects::{Index, Objects};
use crate::engine::{Limits, ScopeRule};
use crate::validate::ceiling::{self, Scope};

/// The scopes that rule: in each namespace, and over all, the first by name.
#[derive(Clone, Debug, Default)]
pub struct Ceilings {
    rule: ScopeRule,
    namespaces: BTreeMap<String, Ruling<KollectScope>>,
    cluster: Option<Ruling<KollectClusterScope>>,
}

/// A scope that rules. One that cannot be read allows nothing: it may have denied anything.
#[derive(Clone, Debug)]
struct Ruling<K> {
    object: ObjectName,
    /// Kind and name, for messages.
    name: String,
    scope: Result<Arc<K>, Violation>,
}

impl Ceilings {
    /// The scopes of an index.
    pub fn of(index: &Index, rule: ScopeRule) -> Self {
        let mut namespaces = BTreeMap::new();
        for ruling in rulings(&index.scopes, "KollectScope") {
            namespaces.entry(ruling.object.namespace.clone()).or_insert(ruling);
        }
        let cluster = rulings(&index.cluster_scopes, "KollectClusterScope").next();
        Self { rule, namespaces, cluster }
    }

    /// The scope that rules instead of `scope`, which is one of a namespace or, without one, of the cluster.
    pub fn shadowing(&self, scope: &ObjectName) -> Option<&str> {
        let (object, name) = if scope.namespace.is_empty() {
            self.cluster.as_ref().map(|ruling| (&ruling.object, &ruling.name))
        } else {
            self.namespaces.get(&scope.namespace).map(|ruling| (&ruling.object, &ruling.name))
        }?;
        (object != scope).then_some(name)
    }

    /// What rules a namespace, or with an empty one the cluster kinds, in words.
    pub fn names(&self, namespace: &str) -> String {
        let own = self.namespaces.get(namespace).map(|ruling| ruling.name.clone());
        let own = own.or_else(|| self.own_only(namespace).then(|| unscoped(namespace)));
        let cluster = self.cluster.as_ref().map(|ruling| ruling.name.clone());
        own.into_iter().chain(cluster).collect::<Vec<_>>().join(" and ")
    }

    /// The namespaces that are left to the targets of a namespace, or with an empty one to cluster targets.
    pub fn limits(&self, namespace: &str) -> Limits {
        let mut limits = Limits::default();
        if self.own_only(namespace) {
            limits.allow_only(&BTreeSet::from([namespace.to_owned()]));
        }
        for scope in self.above(namespace).unwrap_or_default() {
            if !scope.ceiling.allowed_namespaces.is_empty() {
                limits.allow_only(scope.ceiling.allowed_namespaces);
            }
            limits.deny(scope.ceiling.denied_namespaces);
        }
        limits
    }

    /// What is denied to a target of its namespaces.
    pub fn namespaces(&self, namespace: &str, selection: &Selection<'_>) -> Vec<Violation> {
        let above = match self.above(namespace) {
            Ok(above) => above,
            Err(violation) => return vec![violation],
        };
        let mut found = Vec::new();
        if self.own_only(namespace) {
            found.extend(ceiling::included(selection, unscoped(namespace), |named| named == namespace));
        }
        found.extend(above.into_iter().filter_map(|scope| ceiling::namespaces(scope, selection)));
        if found.is_empty() && self.limits(namespace).narrow(None).is_some_and(|left| left.is_empty()) {
            let message = format!("{} together allow no namespace", self.names(namespace));
            found.push(Violation::new("spec", message));
        }
        found
    }

    /// What is denied to a target of its kinds. `profile` is that of its profile, where it is known.
    pub fn kinds(
        &self,
        namespace: &str,
        selection: &Selection<'_>,
        profile: Option<&GroupVersionKind>,
    ) -> Vec<Violation> {
        let above = self.above(namespace).unwrap_or_default();
        above.into_iter().flat_map(|scope| ceiling::kinds(scope, selection, profile)).collect()
    }

    /// Whether a sink is denied to an inventory.
    pub fn sink(&self, namespace: &str, path: &str, family: Family, name: &str) -> Option<Violation> {
        match self.above(namespace) {
            Ok(above) => above.into_iter().find_map(|scope| ceiling::sink(scope, path, family, name)),
            Err(violation) => Some(violation),
        }
    }

    /// All sinks that are denied to an inventory.
    pub fn sinks<'a>(
        &self,
        namespace: &str,
        refs: impl Iterator<Item = (Family, &'a SinkRef)>,
    ) -> Vec<Violation> {
        let denied = |(path, family, sink): (String, Family, &SinkRef)| {
            self.sink(namespace, &path, family, &sink.name)
        };
        ceiling::located(refs).filter_map(denied).collect()
    }

    /// The least time between two exports of a place, and zero where none is stated.
    pub fn least_interval(&self, namespace: &str) -> Duration {
        let above = self.above(namespace).unwrap_or_default();
        let stated = above.into_iter().filter_map(|scope| scope.ceiling.min_export_interval);
        stated.map(Duration::from).max().unwrap_or_default()
    }

    /// Whether cluster kinds may not refer into `namespace`.
    pub fn static_ref(&self, path: &str, namespace: &str) -> Option<Violation> {
        let ruling = self.cluster.as_ref()?;
        match &ruling.scope {
            Ok(scope) => ceiling::static_ref(&ruling.name, scope, path, namespace),
            Err(violation) => Some(unreadable(&ruling.name, violation)),
        }
    }

    fn own_only(&self, namespace: &str) -> bool {
        self.rule == ScopeRule::Required && !namespace.is_empty() && !self.namespaces.contains_key(namespace)
    }

    /// The scopes above a place; an error where one of them cannot be read.
    fn above(&self, namespace: &str) -> Result<Vec<Scope<'_>>, Violation> {
        let mut above = Vec::with_capacity(2);
        if let Some(Ruling { name, scope, .. }) = self.namespaces.get(namespace) {
            let scope = scope.as_ref().map_err(|violation| unreadable(name, violation))?;
            above.push(Scope { name, ceiling: scope.spec.ceiling() });
        }
        if let Some(Ruling { name, scope, .. }) = &self.cluster {
            let scope = scope.as_ref().map_err(|violation| unreadable(name, violation))?;
            above.push(Scope { name, ceiling: scope.spec.ceiling() });
        }
        Ok(above)
    }
}

fn rulings<K: serde::de::DeserializeOwned>(
    objects: &Objects<K>,
    kind: &'static str,
) -> impl Iterator<Item = Ruling<K>> {
    objects.iter().map(move |(object, stored)| Ruling {
        object: object.clone(),
        name: format!("{kind} {object}"),
        scope: stored.object.clone(),
    })
}

fn unscoped(namespace: &str) -> String {
    format!("this operator, which requires a KollectScope in {namespace} for more than that namespace,")
}

fn unreadable(name: &str, violation: &Violation) -> Violation {
    let message = format!("{name} is not valid ({violation}), and denies everything until it is");
    Violation::new("spec", message)
}

//! Which objects a target collects, as collection.md's formula says. It does not extract.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kollect_api::Violation;
use kollect_api::labels;
use kollect_api::target::{ResourceRule, Selection as Selected, WatchMode};
use kollect_sink_core::Namespaces;
use kollect_snapshot::extract::{ObjectContext, Predicate};
use kube::Resource;
use kube::core::{Selector, SelectorExt};

use super::defaults::CollectionDefaults;
use super::kind::Kind;
use super::limits::Limits;
use super::namespaces::{NamespaceFacts, opt};
use super::object::RawObject;

/// A target's selection, compiled.
#[derive(Debug)]
pub struct Selection {
    namespaces: NamespaceFilter,
    limits: Arc<Limits>,
    objects: ObjectFilter,
    opt_in: bool,
}

#[derive(Debug)]
struct NamespaceFilter {
    /// The namespaces that the operator sees; empty = all.
    within: BTreeSet<String>,
    selector: Option<Selector>,
    exclude: Option<Selector>,
    included: BTreeSet<String>,
    excluded: BTreeSet<String>,
}

impl NamespaceFilter {
    /// The only namespaces that it can select, whatever their labels are; `None` where it may be any.
    fn named(&self) -> Option<BTreeSet<String>> {
        let Self { within, included, excluded, .. } = self;
        let mut named = match (included.is_empty(), within.is_empty()) {
            (true, true) => return None,
            (true, false) => within.clone(),
            (false, true) => included.clone(),
            (false, false) => included.intersection(within).cloned().collect(),
        };
        named.retain(|name| !excluded.contains(name));
        Some(named)
    }
}

#[derive(Debug)]
enum ObjectFilter {
    Plain { labels: Option<Selector>, names: BTreeSet<String> },
    Rules(Vec<Rule>),
}

#[derive(Debug)]
struct Rule {
    kind: Kind,
    namespaces: Option<Selector>,
    labels: Selector,
    predicate: Option<Predicate>,
}

/// An expression of a rule could not be evaluated: the object does not match, and the failure counts.
#[derive(Debug)]
pub struct RuleFailure(pub String);

impl Selection {
    /// Compiles what a target or cluster target selects by.
    ///
    /// # Errors
    /// Each selector or expression that does not compile, by the path of its field.
    pub fn compile(
        spec: &Selected<'_>,
        limits: Arc<Limits>,
        defaults: &CollectionDefaults,
    ) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        let included = match spec.included_namespaces {
            none if none.is_empty() => defaults.included_namespaces.clone(),
            some => some.clone(),
        };
        let mut excluded = defaults.excluded_namespaces.clone();
        excluded.extend(spec.excluded_namespaces.iter().cloned());
        let mut compile = |of: Option<&LabelSelector>, path: &str| selector(of, path, &mut violations);
        let namespaces = NamespaceFilter {
            within: defaults.watch_namespaces.clone(),
            selector: compile(spec.namespace_selector, "spec.namespaceSelector"),
            exclude: compile(spec.namespace_exclude_selector, "spec.namespaceExcludeSelector"),
            included,
            excluded,
        };
        let objects = if spec.resource_rules.is_empty() {
            let labels = compile(spec.label_selector, "spec.labelSelector");
            ObjectFilter::Plain { labels, names: spec.names.clone() }
        } else {
            ObjectFilter::Rules(rules(spec.resource_rules, &mut violations))
        };
        if violations.is_empty() {
            Ok(Self { namespaces, limits, objects, opt_in: spec.watch_mode == WatchMode::OptIn })
        } else {
            Err(violations)
        }
    }

    /// Whether labels of namespaces decide: then a relabelled namespace has to be listed again.
    pub fn reads_namespace_labels(&self) -> bool {
        let by_rule = match &self.objects {
            ObjectFilter::Plain { .. } => false,
            ObjectFilter::Rules(rules) => rules.iter().any(|rule| rule.namespaces.is_some()),
        };
        by_rule || self.namespaces.selector.is_some() || self.namespaces.exclude.is_some()
    }

    /// The kinds that resource rules name; empty where there are no rules.
    pub fn rule_kinds(&self) -> impl Iterator<Item = &Kind> {
        let rules: &[Rule] = match &self.objects {
            ObjectFilter::Plain { .. } => &[],
            ObjectFilter::Rules(rules) => rules,
        };
        rules.iter().map(|rule| &rule.kind)
    }

    /// The only namespaces that can be selected, whatever their labels are; `None` where it may be any.
    pub fn named_namespaces(&self) -> Option<BTreeSet<String>> {
        self.limits.narrow(self.namespaces.named())
    }

    /// Whether objects of a namespace are none of the target's business, whatever it selects: what was collected of them
    /// earlier stays.
    pub fn denies(&self, namespace: &str) -> bool {
        self.limits.denies(namespace)
    }

    /// The namespaces that the target would see by their names, and is denied.
    pub fn withheld(&self) -> Vec<Namespaces> {
        self.limits.withheld(self.namespaces.named().as_ref(), &self.namespaces.excluded)
    }

    /// A label selector, and a name, that every selected object of `kind` fits, in the words of the API server.
    pub fn narrows(&self, kind: &Kind) -> (Option<String>, Option<String>) {
        let text = |selector: &Selector| Some(selector.to_string()).filter(|text| !text.is_empty());
        match &self.objects {
            ObjectFilter::Plain { labels, names } => {
                let only = names.first().filter(|_| names.len() == 1);
                (labels.as_ref().and_then(text), only.cloned())
            }
            ObjectFilter::Rules(rules) => {
                let mut rules = rules.iter().filter(|rule| rule.kind == *kind);
                match (rules.next(), rules.next()) {
                    (Some(rule), None) => (text(&rule.labels), None),
                    _ => (None, None),
                }
            }
        }
    }

    /// Whether a namespace's labels are those that the target selects by, whatever else excludes it.
    pub fn matches_namespace(&self, facts: &NamespaceFacts) -> bool {
        self.namespaces.selector.as_ref().is_none_or(|selector| selector.matches(&facts.labels))
    }

    /// Whether objects of a namespace are looked at. An empty name is a cluster-scoped object's: namespace
    /// filters do not apply to it.
    pub fn selects_namespace(&self, name: &str, facts: &NamespaceFacts) -> bool {
        !self.denies(name) && self.wants_namespace(name, facts)
    }

    /// As [`Selection::selects_namespace`], without regard to what scopes deny.
    pub fn wants_namespace(&self, name: &str, facts: &NamespaceFacts) -> bool {
        if name.is_empty() {
            return true;
        }
        let NamespaceFilter { within, selector, exclude, included, excluded } = &self.namespaces;
        (within.is_empty() || within.contains(name))
            && (included.is_empty() || included.contains(name))
            && !excluded.contains(name)
            && selector.as_ref().is_none_or(|selector| selector.matches(&facts.labels))
            && !exclude.as_ref().is_some_and(|selector| selector.matches(&facts.labels))
    }

    /// Whether an observed object is collected.
    ///
    /// # Errors
    /// A rule's expression failed and no other rule matched.
    pub fn selects(
        &self,
        kind: &Kind,
        object: &RawObject,
        facts: &NamespaceFacts,
    ) -> Result<bool, RuleFailure> {
        if !self.selects_namespace(object.namespace(), facts) {
            return Ok(false);
        }
        let empty = BTreeMap::new();
        let own = object.meta().labels.as_ref().unwrap_or(&empty);
        let watched = match (own.get(labels::WATCH).and_then(|value| opt(value)), facts.watch) {
            (Some(own), _) => own,
            (None, Some(false)) => false,
            (None, namespace) => !self.opt_in || namespace == Some(true),
        };
        if !watched {
            return Ok(false);
        }
        match &self.objects {
            ObjectFilter::Plain { labels, names } => Ok((names.is_empty() || names.contains(object.name()))
                && labels.as_ref().is_none_or(|selector| selector.matches(own))),
            ObjectFilter::Rules(rules) => any_rule(rules, kind, object, own, facts),
        }
    }
}

fn any_rule(
    rules: &[Rule],
    kind: &Kind,
    object: &RawObject,
    own: &BTreeMap<String, String>,
    facts: &NamespaceFacts,
) -> Result<bool, RuleFailure> {
    let mut failure = None;
    for rule in rules {
        let applies = rule.kind == *kind
            && (object.namespace().is_empty()
                || rule.namespaces.as_ref().is_none_or(|selector| selector.matches(&facts.labels)))
            && rule.labels.matches(own);
        if !applies {
            continue;
        }
        let Some(predicate) = &rule.predicate else { return Ok(true) };
        let api_version = kind.api_version();
        match predicate.matches(object.json(), ObjectContext { api_version: &api_version, kind: &kind.kind })
        {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => failure = Some(RuleFailure(error.to_string())),
        }
    }
    failure.map_or(Ok(false), Err)
}

fn rules(rules: &[ResourceRule], violations: &mut Vec<Violation>) -> Vec<Rule> {
    let compile = |(index, rule): (usize, &ResourceRule)| {
        let path = format!("spec.resourceRules[{index}]");
        let namespaces =
            selector(rule.namespace_selector.as_ref(), &format!("{path}.namespaceSelector"), violations);
        let labels = selector(Some(&rule.label_selector()), &format!("{path}.matchExpressions"), violations);
        let predicate = match rule.match_policy.as_deref().map(Predicate::compile) {
            Some(Err(error)) => {
                violations.push(Violation::new(format!("{path}.matchPolicy"), error.to_string()));
                None
            }
            Some(Ok(predicate)) => Some(predicate),
            None => None,
        };
        Rule { kind: Kind::from(&rule.gvk), namespaces, labels: labels.unwrap_or_default(), predicate }
    };
    rules.iter().enumerate().map(compile).collect()
}

fn selector(
    selector: Option<&LabelSelector>,
    path: &str,
    violations: &mut Vec<Violation>,
) -> Option<Selector> {
    match Selector::try_from(selector?.clone()) {
        Ok(selector) => Some(selector),
        Err(error) => {
            violations.push(Violation::new(path, error.to_string()));
            None
        }
    }
}

#[cfg(test)]
mod tests;

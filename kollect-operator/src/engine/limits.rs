//! The namespaces that scopes leave to a target, whatever it selects. It does not know scopes.

use std::collections::BTreeSet;

use kollect_sink_core::{Namespaces, Text};

/// Where a target may look. Cluster-scoped objects are in no namespace and therefore never denied here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Only these; `None` = any.
    allowed: Option<BTreeSet<String>>,
    denied: BTreeSet<String>,
}

impl Limits {
    /// Allows these namespaces only, of those that are allowed so far.
    pub fn allow_only(&mut self, namespaces: &BTreeSet<String>) {
        self.allowed = Some(match &self.allowed {
            None => namespaces.clone(),
            Some(allowed) => allowed.intersection(namespaces).cloned().collect(),
        });
    }

    /// Denies these namespaces, whatever else is allowed.
    pub fn deny(&mut self, namespaces: &BTreeSet<String>) {
        self.denied.extend(namespaces.iter().cloned());
    }

    /// Whether objects of a namespace may not be looked at.
    pub fn denies(&self, namespace: &str) -> bool {
        !namespace.is_empty()
            && (self.denied.contains(namespace)
                || self.allowed.as_ref().is_some_and(|allowed| !allowed.contains(namespace)))
    }

    /// The namespaces that remain of `named`, which is all of them where it is `None`.
    pub fn narrow(&self, named: Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
        let mut left = match (named, &self.allowed) {
            (None, None) => return None,
            (Some(named), _) => named,
            (None, Some(allowed)) => allowed.clone(),
        };
        left.retain(|name| !self.denies(name));
        Some(left)
    }

    /// What is denied of the namespaces that a target would see: `named` is all that it can see (`None` = any), and
    /// `excluded` what it never sees. Rows of these were perhaps exported when they were allowed, and stay.
    pub fn withheld(&self, named: Option<&BTreeSet<String>>, excluded: &BTreeSet<String>) -> Vec<Namespaces> {
        let one = |name: &String| Namespaces::One(Text::from(name.as_str()));
        let seen = |name: &&String| self.denies(name) && !excluded.contains(*name);
        match (named, &self.allowed) {
            (Some(named), _) => named.iter().filter(seen).map(one).collect(),
            (None, None) => self.denied.iter().filter(seen).map(one).collect(),
            (None, Some(allowed)) => {
                let left = allowed.iter().filter(|name| !self.denies(name)).chain(excluded);
                vec![Namespaces::Except(left.map(|name| Text::from(name.as_str())).collect())]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn one(name: &str) -> Namespaces {
        Namespaces::One(name.into())
    }

    #[test]
    fn two_scopes_leave_what_both_allow() {
        let mut limits = Limits::default();
        assert!(limits.narrow(None).is_none() && !limits.denies("a"));
        limits.allow_only(&set(&["a", "b", "c"]));
        limits.allow_only(&set(&["b", "c", "d"]));
        limits.deny(&set(&["c"]));
        assert_eq!(
            ["a", "b", "c", "d", ""].map(|name| limits.denies(name)),
            [true, false, true, true, false]
        );
        assert_eq!(limits.narrow(None), Some(set(&["b"])));
        assert_eq!(limits.narrow(Some(set(&["a", "b"]))), Some(set(&["b"])));
    }

    #[test]
    fn what_is_withheld_is_what_the_target_would_see() {
        let mut limits = Limits::default();
        limits.deny(&set(&["x", "y"]));
        assert_eq!(limits.narrow(None), None);
        assert_eq!(
            limits.withheld(None, &set(&["y"])),
            [one("x")],
            "a target that excludes it gave it up itself"
        );
        assert_eq!(limits.withheld(Some(&set(&["a", "x"])), &set(&[])), [one("x")]);
        limits.allow_only(&set(&["a", "x"]));
        let rest = Namespaces::Except(["a".into(), "gone".into()].into());
        assert_eq!(limits.withheld(None, &set(&["gone"])), [rest]);
        assert_eq!(limits.withheld(Some(&set(&["a"])), &set(&[])), []);
    }
}

//! What becomes of a target. It does not collect.

use std::collections::HashMap;
use std::sync::Arc;

use kollect_api::condition::Reason;
use kollect_api::target::Selection;
use kollect_api::validate::summary;
use kollect_api::{KollectClusterTarget, KollectProfile, KollectTarget, Validate, Violation, labels};

use super::ceilings::Ceilings;
use super::name::ObjectName;
use super::objects::{Index, Stored};
use crate::engine::{ClusterKinds, CollectionDefaults, CompiledProfile, CompiledTarget, Limits, Wanted};

/// What becomes of a target.
#[derive(Clone, Debug)]
pub enum ResolvedTarget {
    /// It is collected.
    Collecting(Arc<CompiledTarget>),
    /// It is suspended: what was collected stays.
    Suspended,
    /// Something is missing or wrong: what was collected stays.
    Blocked {
        /// Why.
        reason: Reason,
        /// What and what to do.
        message: String,
    },
}

impl ResolvedTarget {
    fn invalid(violations: &[Violation]) -> Self {
        Self::Blocked { reason: Reason::InvalidSpec, message: summary(violations) }
    }

    /// A target that is none of this operator's.
    pub fn refused() -> Self {
        Self::Blocked { reason: Reason::InvalidSpec, message: ClusterKinds::REFUSAL.to_owned() }
    }

    fn denied(reason: Reason, violations: &[Violation]) -> Self {
        let message =
            format!("{}. Nothing more is collected; rows exported earlier stay", summary(violations));
        Self::Blocked { reason, message }
    }
}

/// A compiled profile, or what is wrong with it.
pub type ProfileOutcome = Result<Arc<CompiledProfile>, Arc<Vec<Violation>>>;

/// What a compiled thing was compiled from: uid, generation and the annotations that matter.
type Stamp = (String, i64, Vec<Option<String>>);

/// Compiles profiles and targets, each version once.
#[derive(Debug, Default)]
pub struct Compiler {
    defaults: CollectionDefaults,
    profiles: HashMap<ObjectName, (Stamp, ProfileOutcome)>,
    targets: HashMap<ObjectName, Compiled>,
}

/// A compiled target, and what it was compiled from.
#[derive(Debug)]
struct Compiled {
    stamp: Stamp,
    limits: Arc<Limits>,
    profile: Arc<CompiledProfile>,
    outcome: ResolvedTarget,
}

/// What both kinds of targets say.
pub trait Collects: Validate {
    /// What it selects by.
    fn selection(&self) -> Selection<'_>;

    /// Its profile, for a target of the namespace `home`.
    fn profile(&self, home: &str) -> ObjectName;

    /// Why it may not use a profile of that namespace.
    fn foreign_profile(&self, ceilings: &Ceilings) -> Option<Violation>;
}

impl Collects for KollectTarget {
    fn selection(&self) -> Selection<'_> {
        self.spec.selection()
    }

    fn profile(&self, home: &str) -> ObjectName {
        ObjectName::new(home, &self.spec.profile_ref)
    }

    fn foreign_profile(&self, _: &Ceilings) -> Option<Violation> {
        None
    }
}

impl Collects for KollectClusterTarget {
    fn selection(&self) -> Selection<'_> {
        self.spec.selection()
    }

    fn profile(&self, _: &str) -> ObjectName {
        let reference = &self.spec.profile_ref;
        ObjectName::new(&reference.namespace, &reference.name)
    }

    fn foreign_profile(&self, ceilings: &Ceilings) -> Option<Violation> {
        ceilings.static_ref("spec.profileRef.namespace", &self.spec.profile_ref.namespace)
    }
}

impl Compiler {
    /// A compiler under the operator's rules.
    pub fn new(defaults: CollectionDefaults) -> Self {
        Self { defaults, ..Self::default() }
    }

    /// Compiles a profile, or answers what it compiled to before.
    pub fn profile(&mut self, name: &ObjectName, stored: &Stored<KollectProfile>) -> ProfileOutcome {
        let stamp = stamp(stored, &[labels::ALLOW_SECRET_EXTRACTION, labels::ALLOW_FULL_RESOURCE_EXPORT]);
        if let Some((known, outcome)) = self.profiles.get(name)
            && *known == stamp
        {
            return outcome.clone();
        }
        let outcome = match &stored.object {
            Ok(profile) => CompiledProfile::compile(profile, &self.defaults).map(Arc::new).map_err(Arc::new),
            Err(violation) => Err(Arc::new(vec![violation.clone()])),
        };
        self.profiles.insert(name.clone(), (stamp, outcome.clone()));
        outcome
    }

    /// Compiles a target against its profile, under what scopes leave to it, or answers what it compiled to before.
    pub fn target<K: Collects>(
        &mut self,
        index: &Index,
        ceilings: &Ceilings,
        name: &ObjectName,
        stored: &Stored<K>,
    ) -> ResolvedTarget {
        let target = match &stored.object {
            Ok(target) => target.clone(),
            Err(violation) => return ResolvedTarget::invalid(std::slice::from_ref(violation)),
        };
        let selection = target.selection();
        if selection.suspend {
            return ResolvedTarget::Suspended;
        }
        let denied = ceilings.namespaces(&name.namespace, &selection);
        if !denied.is_empty() {
            return ResolvedTarget::denied(Reason::ScopeNamespaceDenied, &denied);
        }
        let profile_name = target.profile(&name.namespace);
        if let Some(denied) = target.foreign_profile(ceilings) {
            return ResolvedTarget::denied(Reason::ProfileForbidden, &[denied]);
        }
        let Some(source) = index.profiles.get(&profile_name) else {
            let message = format!(
                "profile {profile_name} does not exist; create it, or correct spec.profileRef. \
                 Rows collected earlier stay"
            );
            return ResolvedTarget::Blocked { reason: Reason::ProfileNotFound, message };
        };
        let profile = match self.profile(&profile_name, source) {
            Ok(profile) => profile,
            Err(violations) => {
                let message = format!("profile {profile_name} is not valid: {}", summary(&violations));
                return ResolvedTarget::Blocked { reason: Reason::InvalidSpec, message };
            }
        };
        let Ok(source) = &source.object else { return ResolvedTarget::invalid(&[]) };
        let denied = ceilings.kinds(&name.namespace, &selection, Some(&source.spec.target_gvk));
        if !denied.is_empty() {
            return ResolvedTarget::denied(Reason::ScopeGvkDenied, &denied);
        }
        let limits = ceilings.limits(&name.namespace);
        let stamp = stamp(stored, &[labels::REQUESTED_AT]);
        if let Some(known) = self.targets.get(name)
            && known.stamp == stamp
            && *known.limits == limits
            && Arc::ptr_eq(&known.profile, &profile)
        {
            return known.outcome.clone();
        }
        let limits = Arc::new(limits);
        let violations = target.validate();
        let compiled = if violations.is_empty() {
            let wanted = Wanted { target: name.to_target(), selection, limits: limits.clone() };
            CompiledTarget::compile(wanted, source, &profile, &self.defaults)
        } else {
            Err(violations)
        };
        let outcome = match compiled {
            Ok(compiled) => ResolvedTarget::Collecting(Arc::new(compiled)),
            Err(violations) => ResolvedTarget::invalid(&violations),
        };
        self.targets.insert(name.clone(), Compiled { stamp, limits, profile, outcome: outcome.clone() });
        outcome
    }

    /// Forgets what no longer exists.
    pub fn prune(&mut self, index: &Index) {
        self.profiles.retain(|name, _| index.profiles.get(name).is_some());
        self.targets
            .retain(|name, _| index.targets.get(name).is_some() || index.cluster_targets.get(name).is_some());
    }
}

fn stamp<K>(stored: &Stored<K>, annotations: &[&str]) -> Stamp {
    let annotations = annotations.iter().map(|key| stored.annotation(key).map(str::to_owned));
    (stored.uid().to_owned(), stored.generation(), annotations.collect())
}

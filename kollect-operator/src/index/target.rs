//! What becomes of a target. It does not collect.

use std::collections::HashMap;
use std::sync::Arc;

use kollect_api::condition::Reason;
use kollect_api::validate::summary;
use kollect_api::{KollectProfile, KollectTarget, Validate, Violation, labels};

use super::name::ObjectName;
use super::objects::{Index, Stored};
use crate::engine::{CollectionDefaults, CompiledProfile, CompiledTarget, Wanted};

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
    targets: HashMap<ObjectName, (Stamp, Arc<CompiledProfile>, ResolvedTarget)>,
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

    /// Compiles a target against its profile, or answers what it compiled to before.
    pub fn target(
        &mut self,
        index: &Index,
        name: &ObjectName,
        stored: &Stored<KollectTarget>,
    ) -> ResolvedTarget {
        let target = match &stored.object {
            Ok(target) => target.clone(),
            Err(violation) => return ResolvedTarget::invalid(std::slice::from_ref(violation)),
        };
        if target.spec.suspend {
            return ResolvedTarget::Suspended;
        }
        let profile_name = ObjectName::new(&name.namespace, &target.spec.profile_ref);
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
        let stamp = stamp(stored, &[labels::REQUESTED_AT]);
        if let Some((known, compiled_with, outcome)) = self.targets.get(name)
            && *known == stamp
            && Arc::ptr_eq(compiled_with, &profile)
        {
            return outcome.clone();
        }
        let Ok(source) = &source.object else { return ResolvedTarget::invalid(&[]) };
        let violations = target.validate();
        let compiled = if violations.is_empty() {
            CompiledTarget::compile(Wanted::of(&target), source, &profile, &self.defaults)
        } else {
            Err(violations)
        };
        let outcome = match compiled {
            Ok(compiled) => ResolvedTarget::Collecting(Arc::new(compiled)),
            Err(violations) => ResolvedTarget::invalid(&violations),
        };
        self.targets.insert(name.clone(), (stamp, profile, outcome.clone()));
        outcome
    }

    /// Forgets what no longer exists.
    pub fn prune(&mut self, index: &Index) {
        self.profiles.retain(|name, _| index.profiles.get(name).is_some());
        self.targets.retain(|name, _| index.targets.get(name).is_some());
    }
}

fn stamp<K>(stored: &Stored<K>, annotations: &[&str]) -> Stamp {
    let annotations = annotations.iter().map(|key| stored.annotation(key).map(str::to_owned));
    (stored.uid().to_owned(), stored.generation(), annotations.collect())
}

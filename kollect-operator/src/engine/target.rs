//! A target, compiled: what it selects, and how each of its kinds is extracted. It does not watch.

use std::collections::BTreeMap;
use std::sync::Arc;

use kollect_api::target::Selection as Selected;
use kollect_api::{KollectProfile, Violation};
use kollect_sink_core::{Column, GroupKind, Pattern, Target};
use kollect_snapshot::knowledge::Why;
use kube::ResourceExt;

use super::defaults::CollectionDefaults;
use super::kind::Kind;
use super::limits::Limits;
use super::profile::CompiledProfile;
use super::selection::Selection;
use super::stats::TargetStats;

/// A target that compiled against its profile.
#[derive(Debug)]
pub struct CompiledTarget {
    /// Who it is.
    pub target: Target,
    /// Which objects it collects.
    pub selection: Selection,
    /// The compiled profile for each kind it collects.
    pub kinds: BTreeMap<GroupKind, Arc<CompiledProfile>>,
    /// Name of the profile, for metrics and messages.
    pub profile: String,
    /// Failures while extracting.
    pub stats: TargetStats,
}

/// Whether it is a cluster target.
pub fn is_cluster(target: &Target) -> bool {
    target.namespace.is_empty()
}

/// A target as it was asked for.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Who it is; a cluster target has no namespace.
    pub target: Target,
    /// What it selects by.
    pub selection: Selected<'a>,
    /// Where it may look.
    pub limits: Arc<Limits>,
}

impl<'a> Wanted<'a> {
    /// A target without limits.
    pub fn unlimited(target: Target, selection: Selected<'a>) -> Self {
        Self { target, selection, limits: Arc::default() }
    }
}

impl CompiledTarget {
    /// Compiles a target that breaks no rule of its kind. `profile` is the compiled form of `source`.
    ///
    /// # Errors
    /// Every field that does not compile, by its path.
    pub fn compile(
        wanted: Wanted<'_>,
        source: &KollectProfile,
        profile: &Arc<CompiledProfile>,
        defaults: &CollectionDefaults,
    ) -> Result<Self, Vec<Violation>> {
        let selection = Selection::compile(&wanted.selection, wanted.limits, defaults)?;
        let mut kinds: BTreeMap<GroupKind, Arc<CompiledProfile>> = BTreeMap::new();
        for (index, kind) in selection.rule_kinds().enumerate() {
            // A kind is watched at one version, and a row does not say which.
            if let Some(other) = kinds.get(&kind.group_kind()).filter(|other| other.kind != *kind) {
                let message = format!("names {kind}, and an earlier rule {}; write one version", other.kind);
                return Err(vec![Violation::new(
                    format!("spec.resourceRules[{index}].gvk.version"),
                    message,
                )]);
            }
            let compiled = if *kind == profile.kind {
                profile.clone()
            } else {
                Arc::new(CompiledProfile::compile_for(source, kind.clone(), defaults)?)
            };
            kinds.insert(kind.group_kind(), compiled);
        }
        if kinds.is_empty() {
            kinds.insert(profile.kind.group_kind(), profile.clone());
        }
        Ok(Self {
            target: wanted.target,
            selection,
            kinds,
            profile: source.name_any(),
            stats: TargetStats::default(),
        })
    }

    /// Whether objects that belong to no namespace are its to collect: a namespaced target must not see them, whatever
    /// the operator may.
    pub fn sees_cluster_scoped(&self) -> bool {
        is_cluster(&self.target)
    }

    /// The kinds that have to be watched for it.
    pub fn watched(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.values().map(|profile| &profile.kind)
    }

    /// What is not known of it before anything was listed: each of its kinds, and for as long as it is collected in this
    /// form what it would see and may not.
    pub fn gaps(&self) -> impl Iterator<Item = (Pattern, Why)> {
        let kinds = self
            .kinds
            .keys()
            .map(|kind| (Pattern::new(self.target.clone(), Some(kind.clone()), None), Why::Pending));
        let withheld =
            self.selection.withheld().into_iter().map(|namespaces| {
                (Pattern { target: self.target.clone(), kind: None, namespaces }, Why::Failed)
            });
        kinds.chain(withheld)
    }

    /// Typed columns of its rows.
    pub fn columns(&self) -> impl Iterator<Item = Column> {
        self.kinds.values().flat_map(|profile| profile.plan.schema().columns().iter().cloned())
    }
}

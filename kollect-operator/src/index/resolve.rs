//! From all observed objects to what is to be collected and exported. It does neither.

use std::collections::BTreeMap;
use std::sync::Arc;

use kollect_sink_core::{Schema, Target, Text};

use super::ceilings::Ceilings;
use super::inventory::{ResolvedInventory, resolve};
use super::name::ObjectName;
use super::objects::Index;
use super::target::{Compiler, ProfileOutcome, ResolvedTarget};
use crate::engine::{ClusterKinds, CollectionDefaults, CompiledTarget, ScopeRule};

/// What follows from the observed objects.
#[derive(Debug, Default)]
pub struct Resolution {
    /// Every profile.
    pub profiles: BTreeMap<ObjectName, ProfileOutcome>,
    /// Every target.
    pub targets: BTreeMap<ObjectName, ResolvedTarget>,
    /// Every inventory.
    pub inventories: BTreeMap<ObjectName, ResolvedInventory>,
    /// The scopes that rule.
    pub ceilings: Arc<Ceilings>,
}

/// Derives a [`Resolution`]; remembers what it compiled.
#[derive(Debug, Default)]
pub struct Resolver {
    compiler: Compiler,
    rule: ScopeRule,
    kinds: ClusterKinds,
}

impl Resolver {
    /// A resolver under the operator's rules.
    pub fn new(defaults: CollectionDefaults) -> Self {
        Self { rule: defaults.scopes, kinds: defaults.cluster_kinds, compiler: Compiler::new(defaults) }
    }

    /// Resolves everything. What did not change since the last call is not compiled again, and compares equal
    /// by pointer.
    pub fn resolve(&mut self, index: &Index) -> Resolution {
        self.compiler.prune(index);
        let ceilings = Ceilings::of(index, self.rule);
        let mut resolution = Resolution::default();
        for (name, stored) in index.profiles.iter() {
            resolution.profiles.insert(name.clone(), self.compiler.profile(name, stored));
        }
        for (name, stored) in index.targets.iter().filter(|(_, stored)| !stored.deleting()) {
            let target = self.compiler.target(index, &ceilings, name, stored);
            resolution.targets.insert(name.clone(), target);
        }
        for (name, stored) in index.cluster_targets.iter().filter(|(_, stored)| !stored.deleting()) {
            let target = match self.kinds {
                ClusterKinds::Served => self.compiler.target(index, &ceilings, name, stored),
                ClusterKinds::Refused => ResolvedTarget::refused(),
            };
            resolution.targets.insert(name.clone(), target);
        }
        for (name, stored) in index.inventories.iter() {
            resolution.inventories.insert(name.clone(), resolve(index, &ceilings, name, stored));
        }
        for (name, stored) in index.cluster_inventories.iter() {
            let inventory = match self.kinds {
                ClusterKinds::Served => resolve(index, &ceilings, name, stored),
                ClusterKinds::Refused => ResolvedInventory::refused(ClusterKinds::REFUSAL),
            };
            resolution.inventories.insert(name.clone(), inventory);
        }
        resolution.ceilings = Arc::new(ceilings);
        resolution
    }
}

impl Resolution {
    /// The targets to be collected.
    pub fn collected(&self) -> BTreeMap<Target, Arc<CompiledTarget>> {
        let collected = self.targets.values().filter_map(|target| match target {
            ResolvedTarget::Collecting(compiled) => Some((compiled.target.clone(), compiled.clone())),
            ResolvedTarget::Suspended | ResolvedTarget::Blocked { .. } => None,
        });
        collected.collect()
    }

    /// The typed columns of an inventory, and those whose types conflict.
    pub fn schema(&self, inventory: &ResolvedInventory) -> (Schema, Vec<Text>) {
        let columns = inventory
            .members
            .iter()
            .filter_map(|target| self.targets.get(&ObjectName::from(target)))
            .filter_map(|target| match target {
                ResolvedTarget::Collecting(compiled) => Some(compiled),
                ResolvedTarget::Suspended | ResolvedTarget::Blocked { .. } => None,
            })
            .flat_map(|compiled| compiled.columns());
        Schema::union(columns)
    }
}

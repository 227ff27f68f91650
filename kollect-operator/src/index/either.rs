//! Inventories and targets as stored and as stated, of a namespace or of the cluster, in one form: what differs between
//! the kinds is here, so that nobody else asks. Nothing follows from it here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kollect_api::cluster::{ClusterInventoryStatus, Dedupe as StatedDedupe};
use kollect_api::inventory::{InventoryStatus, SinkExportStatus};
use kollect_api::reference::{Family, SinkRef};
use kollect_api::target::TargetStatus;
use kollect_api::{KollectClusterInventory, KollectInventory, Validate, Violation, labels};
use kollect_sink_core::{Target, Text};
use kollect_snapshot::{Contents, Dedupe, Sharding};
use kube::api::ObjectMeta;
use kube::core::{Selector, SelectorExt};

use super::ceilings::Ceilings;
use super::name::ObjectName;
use super::objects::{Index, Stored};
use super::target::Collects;
use crate::engine::Namespaces;

/// What is stored of a target.
#[derive(Clone, Copy, Debug)]
pub struct StoredTarget<'a> {
    /// Its metadata.
    pub meta: &'a ObjectMeta,
    /// Its status, if it can be read.
    pub status: Option<&'a TargetStatus>,
}

/// What is stored of an inventory.
#[derive(Clone, Copy, Debug)]
pub struct StoredInventory<'a> {
    /// Its metadata.
    pub meta: &'a ObjectMeta,
    /// Its status.
    pub status: StoredStatus<'a>,
    /// Where the sinks are that it names without a namespace; empty where it cannot be read.
    pub home: &'a str,
}

/// The status of an inventory, if it can be read.
#[derive(Clone, Copy, Debug)]
pub enum StoredStatus<'a> {
    /// Of an inventory of a namespace.
    Own(Option<&'a InventoryStatus>),
    /// Of a cluster inventory.
    Cluster(Option<&'a ClusterInventoryStatus>),
}

impl<'a> StoredStatus<'a> {
    /// The conditions.
    pub fn conditions(self) -> &'a [Condition] {
        match self {
            Self::Own(status) => status.map(|status| status.conditions.as_slice()),
            Self::Cluster(status) => status.map(|status| status.conditions.as_slice()),
        }
        .unwrap_or_default()
    }

    /// The entries of its sinks.
    pub fn sink_exports(self) -> &'a [SinkExportStatus] {
        match self {
            Self::Own(status) => status.map(|status| status.sink_exports.as_slice()),
            Self::Cluster(status) => status.map(|status| status.sink_exports.as_slice()),
        }
        .unwrap_or_default()
    }
}

impl StoredInventory<'_> {
    /// The generation that a status is about.
    pub fn generation(&self) -> i64 {
        self.meta.generation.unwrap_or_default()
    }

    /// Whether it is being deleted.
    pub fn deleting(&self) -> bool {
        self.meta.deletion_timestamp.is_some()
    }

    /// Its finalizer.
    pub fn finalizer(&self) -> &'static str {
        match self.status {
            StoredStatus::Own(_) => labels::INVENTORY_CLEANUP,
            StoredStatus::Cluster(_) => labels::CLUSTER_INVENTORY_CLEANUP,
        }
    }

    /// Whether its finalizer is stored.
    pub fn is_held(&self) -> bool {
        self.meta.finalizers.iter().flatten().any(|one| one == self.finalizer())
    }
}

impl Index {
    /// A target of either kind.
    pub fn target(&self, name: &ObjectName) -> Option<StoredTarget<'_>> {
        if name.is_cluster() {
            let stored = self.cluster_targets.get(name)?;
            let status = stored.object.as_ref().ok().and_then(|target| target.status.as_ref());
            return Some(StoredTarget { meta: &stored.meta, status });
        }
        let stored = self.targets.get(name)?;
        let status = stored.object.as_ref().ok().and_then(|target| target.status.as_ref());
        Some(StoredTarget { meta: &stored.meta, status })
    }

    /// The profile that a target of either kind names, if it can be read.
    pub fn profile_of(&self, target: &ObjectName) -> Option<ObjectName> {
        if target.is_cluster() {
            let stated = self.cluster_targets.get(target)?.object.as_ref().ok()?;
            return Some(stated.profile(&target.namespace));
        }
        Some(self.targets.get(target)?.object.as_ref().ok()?.profile(&target.namespace))
    }

    /// An inventory of either kind.
    pub fn inventory(&self, name: &ObjectName) -> Option<StoredInventory<'_>> {
        if name.is_cluster() {
            let Stored { meta, object } = self.cluster_inventories.get(name)?;
            let object = object.as_ref().ok();
            return Some(StoredInventory {
                meta,
                status: StoredStatus::Cluster(object.and_then(|inventory| inventory.status.as_ref())),
                home: object.map(|inventory| inventory.spec.sink_namespace.as_str()).unwrap_or_default(),
            });
        }
        let Stored { meta, object } = self.inventories.get(name)?;
        Some(StoredInventory {
            meta,
            status: StoredStatus::Own(object.as_ref().ok().and_then(|inventory| inventory.status.as_ref())),
            home: meta.namespace.as_deref().unwrap_or_default(),
        })
    }

    /// The names of all inventories of both kinds.
    pub fn all_inventories(&self) -> impl Iterator<Item = &ObjectName> {
        let own = self.inventories.iter().map(|(name, _)| name);
        own.chain(self.cluster_inventories.iter().map(|(name, _)| name))
    }

    /// The metadata of all targets of both kinds, by name.
    pub fn all_targets(&self) -> impl Iterator<Item = (&ObjectName, &ObjectMeta)> {
        let own = self.targets.iter().map(|(name, stored)| (name, &stored.meta));
        own.chain(self.cluster_targets.iter().map(|(name, stored)| (name, &stored.meta)))
    }
}

/// The targets of an inventory.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// Those that exist.
    pub targets: BTreeSet<Target>,
    /// The names of those that do not.
    pub missing: Vec<String>,
}

/// Which rows of its targets an inventory shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Rows of these namespaces only.
    named: Option<BTreeSet<String>>,
    /// Rows of namespaces with these labels only.
    selector: Option<Selector>,
    dedupe: Dedupe,
    sharding: Sharding,
}

impl Shown {
    /// What the store has to show of these targets, while the namespaces are as they are now.
    pub fn contents(&self, members: BTreeSet<Target>, namespaces: &Namespaces) -> Contents {
        let selected = |selector: &Selector| {
            let mut all = namespaces.names();
            all.retain(|name| selector.matches(&namespaces.get(name).labels));
            all.retain(|name| self.named.as_ref().is_none_or(|named| named.contains(name)));
            all.into_iter().collect::<BTreeSet<String>>()
        };
        let shown = self.selector.as_ref().map(selected).or_else(|| self.named.clone());
        Contents {
            members,
            namespaces: shown.map(|all| all.iter().map(|name| Text::from(name.as_str())).collect()),
            dedupe: self.dedupe,
            sharding: self.sharding,
        }
    }
}

/// What both kinds of inventories state.
pub trait Exports: Validate {
    /// Its targets. A target that is being deleted no longer counts.
    ///
    /// # Errors
    /// A selector that does not compile.
    fn members(&self, index: &Index, name: &ObjectName) -> Result<Members, Violation>;

    /// Which of their rows it shows.
    ///
    /// # Errors
    /// A selector that does not compile.
    fn shown(&self) -> Result<Shown, Violation>;

    /// Its references to sinks, in the order of its lists.
    fn sink_refs(&self) -> Vec<(Family, &SinkRef)>;

    /// Why it may not refer into a namespace.
    fn foreign_sink(&self, ceilings: &Ceilings, path: &str, namespace: &str) -> Option<Violation>;

    /// How often an unchanged payload is confirmed.
    fn interval(&self) -> Duration;

    /// Whether it does not export.
    fn is_suspended(&self) -> bool;

    /// A field that it states, and that has no effect.
    fn without_effect(&self) -> Option<&'static str>;
}

impl Exports for KollectInventory {
    fn members(&self, index: &Index, name: &ObjectName) -> Result<Members, Violation> {
        let (refs, selector) =
            (&self.spec.target_refs, compile("spec.targetSelector", self.spec.target_selector.as_ref())?);
        let is_member = |name: &str, labels: &BTreeMap<String, String>| match &selector {
            None => refs.is_empty() || refs.contains(name),
            Some(selector) => refs.contains(name) || selector.matches(labels),
        };
        Ok(members(index.targets.in_namespace(&name.namespace), refs, is_member))
    }

    fn shown(&self) -> Result<Shown, Violation> {
        Ok(Shown::default())
    }

    fn sink_refs(&self) -> Vec<(Family, &SinkRef)> {
        self.spec.sink_refs().collect()
    }

    fn foreign_sink(&self, _: &Ceilings, _: &str, _: &str) -> Option<Violation> {
        None
    }

    fn interval(&self) -> Duration {
        self.spec.export_min_interval.into()
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend
    }

    fn without_effect(&self) -> Option<&'static str> {
        self.spec.http_endpoint.as_ref().map(|_| "spec.httpEndpoint")
    }
}

impl Exports for KollectClusterInventory {
    fn members(&self, index: &Index, _: &ObjectName) -> Result<Members, Violation> {
        let (refs, selector) =
            (&self.spec.target_refs, compile("spec.targetSelector", self.spec.target_selector.as_ref())?);
        let is_member = |name: &str, labels: &BTreeMap<String, String>| match &selector {
            Some(selector) if refs.is_empty() => selector.matches(labels),
            _ => refs.is_empty() || refs.contains(name),
        };
        Ok(members(index.cluster_targets.iter(), refs, is_member))
    }

    fn shown(&self) -> Result<Shown, Violation> {
        let named = &self.spec.namespaces;
        Ok(Shown {
            named: (!named.is_empty()).then(|| named.clone()),
            selector: compile("spec.namespaceSelector", self.spec.namespace_selector.as_ref())?,
            dedupe: match self.spec.dedupe {
                StatedDedupe::KeepAll => Dedupe::KeepAll,
                StatedDedupe::ByResourceUid => Dedupe::ByUid,
            },
            sharding: Sharding::ByNamespace,
        })
    }

    fn sink_refs(&self) -> Vec<(Family, &SinkRef)> {
        self.spec.sink_refs().collect()
    }

    fn foreign_sink(&self, ceilings: &Ceilings, path: &str, namespace: &str) -> Option<Violation> {
        ceilings.static_ref(path, namespace)
    }

    fn interval(&self) -> Duration {
        self.spec.export_min_interval.into()
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend
    }

    fn without_effect(&self) -> Option<&'static str> {
        self.spec.profile_ref.as_ref().map(|_| "spec.profileRef")
    }
}

fn compile(path: &str, selector: Option<&LabelSelector>) -> Result<Option<Selector>, Violation> {
    let compiled = selector.map(|selector| Selector::try_from(selector.clone())).transpose();
    compiled.map_err(|error| Violation::new(path, error.to_string()))
}

fn members<'a, K: 'a>(
    there: impl Iterator<Item = (&'a ObjectName, &'a Stored<K>)>,
    named: &BTreeSet<String>,
    is_member: impl Fn(&str, &BTreeMap<String, String>) -> bool,
) -> Members {
    let (none, mut found) = (BTreeMap::new(), Members::default());
    let mut missing = named.clone();
    for (name, stored) in there.filter(|(_, stored)| !stored.deleting()) {
        missing.remove(&name.name);
        if is_member(&name.name, stored.meta.labels.as_ref().unwrap_or(&none)) {
            found.targets.insert(name.to_target());
        }
    }
    found.missing = missing.into_iter().collect();
    found
}

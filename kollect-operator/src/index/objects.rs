//! Kollect objects as last observed, each decoded on its own. Nothing is derived from them here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kollect_api::{
    KollectClusterInventory, KollectClusterScope, KollectClusterTarget, KollectDatabaseSink,
    KollectEventSink, KollectInventory, KollectProfile, KollectScope, KollectSnapshotSink, KollectTarget,
    Violation, decode,
};
use kube::api::{DynamicObject, ObjectMeta};
use serde::de::DeserializeOwned;

use super::name::ObjectName;

/// One stored object: its metadata, and what it says, or what is wrong with it.
#[derive(Clone, Debug)]
pub struct Stored<K> {
    /// The metadata.
    pub meta: ObjectMeta,
    /// The object, or the field that cannot be read.
    pub object: Result<Arc<K>, Violation>,
}

impl<K> Stored<K> {
    /// The generation that a status is about.
    pub fn generation(&self) -> i64 {
        self.meta.generation.unwrap_or_default()
    }

    /// The uid.
    pub fn uid(&self) -> &str {
        self.meta.uid.as_deref().unwrap_or_default()
    }

    /// One annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.meta.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// Whether the object is being deleted.
    pub fn deleting(&self) -> bool {
        self.meta.deletion_timestamp.is_some()
    }
}

/// The objects of one kind.
#[derive(Clone, Debug)]
pub struct Objects<K>(BTreeMap<ObjectName, Stored<K>>);

impl<K> Default for Objects<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: DeserializeOwned> Objects<K> {
    /// Stores an observed object.
    pub fn apply(&mut self, object: &DynamicObject) {
        let name = ObjectName::of(&object.metadata);
        let decoded = serde_json::to_value(object)
            .map_err(|error| Violation::new("", error.to_string()))
            .and_then(|value| decode::<K>(&value).map(Arc::new));
        self.0.insert(name, Stored { meta: object.metadata.clone(), object: decoded });
    }

    /// Forgets an object that is gone.
    pub fn remove(&mut self, object: &DynamicObject) {
        self.0.remove(&ObjectName::of(&object.metadata));
    }

    /// Changes every object that can be read, here only.
    pub fn amend(&mut self, change: impl Fn(&mut K))
    where
        K: Clone,
    {
        let read = self.0.values_mut().filter_map(|stored| stored.object.as_mut().ok());
        read.for_each(|object| change(Arc::make_mut(object)));
    }

    /// Keeps these objects only.
    pub fn retain(&mut self, kept: &BTreeSet<ObjectName>) {
        self.0.retain(|name, _| kept.contains(name));
    }

    /// Keeps the objects of a fresh list only, and those outside of the namespace that was listed.
    pub fn relisted(&mut self, within: Option<&str>, listed: &BTreeSet<ObjectName>) {
        let elsewhere = |name: &ObjectName| within.is_some_and(|namespace| name.namespace != namespace);
        self.0.retain(|name, _| elsewhere(name) || listed.contains(name));
    }

    /// One object.
    pub fn get(&self, name: &ObjectName) -> Option<&Stored<K>> {
        self.0.get(name)
    }

    /// All objects, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectName, &Stored<K>)> {
        self.0.iter()
    }

    /// The objects of one namespace, by name.
    pub fn in_namespace<'a>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a ObjectName, &'a Stored<K>)> {
        let first = ObjectName::new(namespace, "");
        self.0.range(first..).take_while(move |(name, _)| name.namespace == namespace)
    }
}

/// Everything observed.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Profiles.
    pub profiles: Objects<KollectProfile>,
    /// Targets.
    pub targets: Objects<KollectTarget>,
    /// Inventories.
    pub inventories: Objects<KollectInventory>,
    /// Snapshot sinks.
    pub snapshot_sinks: Objects<KollectSnapshotSink>,
    /// Database sinks.
    pub database_sinks: Objects<KollectDatabaseSink>,
    /// Event sinks.
    pub event_sinks: Objects<KollectEventSink>,
    /// Scopes.
    pub scopes: Objects<KollectScope>,
    /// Cluster targets; their names have no namespace.
    pub cluster_targets: Objects<KollectClusterTarget>,
    /// Cluster inventories; their names have no namespace.
    pub cluster_inventories: Objects<KollectClusterInventory>,
    /// Cluster scopes; their names have no namespace.
    pub cluster_scopes: Objects<KollectClusterScope>,
}

impl Index {
    /// Stores an observed object of this kind; objects of kinds that have no place here are passed over.
    pub fn apply(&mut self, kind: &str, object: &DynamicObject) {
        match kind {
            "KollectProfile" => self.profiles.apply(object),
            "KollectTarget" => self.targets.apply(object),
            "KollectInventory" => self.inventories.apply(object),
            "KollectSnapshotSink" => self.snapshot_sinks.apply(object),
            "KollectDatabaseSink" => self.database_sinks.apply(object),
            "KollectEventSink" => self.event_sinks.apply(object),
            "KollectScope" => self.scopes.apply(object),
            "KollectClusterTarget" => self.cluster_targets.apply(object),
            "KollectClusterInventory" => self.cluster_inventories.apply(object),
            "KollectClusterScope" => self.cluster_scopes.apply(object),
            _ => {}
        }
    }

    /// Whether there is an object of this kind and name; `None` for kinds that have no place here.
    pub fn has(&self, kind: &str, name: &ObjectName) -> Option<bool> {
        Some(match kind {
            "KollectProfile" => self.profiles.get(name).is_some(),
            "KollectTarget" => self.targets.get(name).is_some(),
            "KollectInventory" => self.inventories.get(name).is_some(),
            "KollectSnapshotSink" => self.snapshot_sinks.get(name).is_some(),
            "KollectDatabaseSink" => self.database_sinks.get(name).is_some(),
            "KollectEventSink" => self.event_sinks.get(name).is_some(),
            "KollectScope" => self.scopes.get(name).is_some(),
            "KollectClusterTarget" => self.cluster_targets.get(name).is_some(),
            "KollectClusterInventory" => self.cluster_inventories.get(name).is_some(),
            "KollectClusterScope" => self.cluster_scopes.get(name).is_some(),
            _ => return None,
        })
    }
}

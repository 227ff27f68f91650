//! Applies observed objects to the store, for every target that is interested in their kind. It does not
//! know where the objects come from.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use kollect_sink_core::{Identity, Row, Target};
use kollect_snapshot::Applied;
use kollect_snapshot::extract::{FailureKind, ObjectContext};
use kollect_snapshot::listing::ListId;
use kollect_snapshot::store::Store;
use kube::Resource;
use prometheus::Histogram;
use uuid::Uuid;

use super::kind::Kind;
use super::namespaces::Namespaces;
use super::object::RawObject;
use super::stats::FailureCounts;
use super::target::CompiledTarget;

/// Objects without uid get one made from this and their group, kind, namespace and name.
const UID_SPACE: Uuid = Uuid::from_u128(0x6b0f_5c3a_91d4_4f0e_8a77_2f1c_55d0_e3b2);

/// How an object was observed.
#[derive(Clone, Copy, Debug)]
pub enum Via<'a> {
    /// By a running watch.
    Watch,
    /// As an item of a list, for the targets that the list is for.
    List(&'a ListId, &'a [Target]),
}

/// From objects to rows. Cheap to share; calls for objects of one kind must come in order.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    /// The namespaces as last observed.
    pub namespaces: Namespaces,
    /// Failures of all targets.
    pub failures: FailureCounts,
    timing: OnceLock<Histogram>,
    interests: RwLock<HashMap<Kind, Arc<[Arc<CompiledTarget>]>>>,
}

impl Engine {
    /// An engine that writes to `store`.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            namespaces: Namespaces::default(),
            failures: FailureCounts::default(),
            timing: OnceLock::new(),
            interests: RwLock::default(),
        }
    }

    /// The store that this engine writes to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Replaces the targets that are interested in `kind`.
    pub fn set_interests(&self, kind: Kind, targets: Vec<Arc<CompiledTarget>>) {
        let mut interests = self.interests.write().unwrap_or_else(PoisonError::into_inner);
        if targets.is_empty() {
            interests.remove(&kind);
        } else {
            interests.insert(kind, targets.into());
        }
    }

    /// The targets that are interested in `kind`.
    pub fn interests(&self, kind: &Kind) -> Arc<[Arc<CompiledTarget>]> {
        let interests = self.interests.read().unwrap_or_else(PoisonError::into_inner);
        interests.get(kind).cloned().unwrap_or_else(|| Arc::new([]))
    }

    /// Measures each extraction from now on, in seconds.
    pub fn time_extractions(&self, histogram: Histogram) {
        // Who measures first goes on measuring.
        let _ = self.timing.set(histogram);
    }

    /// All targets that are collected, once for each of their kinds, in no order.
    pub fn collected(&self) -> Vec<(Kind, Arc<CompiledTarget>)> {
        let interests = self.interests.read().unwrap_or_else(PoisonError::into_inner);
        let pairs = |(kind, targets): (&Kind, &Arc<[Arc<CompiledTarget>]>)| {
            targets.iter().map(|target| (kind.clone(), target.clone())).collect::<Vec<_>>()
        };
        interests.iter().flat_map(pairs).collect()
    }

    /// Applies an object that exists. One whose namespace was not seen yet is passed over: its labels may exclude it, and
    /// whoever sees the namespace has to list it.
    pub fn observe(&self, kind: &Kind, object: &RawObject, via: Via<'_>) {
        let uid = uid_of(kind, object);
        let Some(facts) = self.namespaces.look(object.namespace()) else {
            for target in allowed(&self.interests(kind), object) {
                self.drop_row(target, &uid, object, via);
            }
            return;
        };
        for target in allowed(&self.interests(kind), object) {
            let asked = match via {
                Via::List(_, only) => only.contains(&target.target),
                // Whoever watches sees what an API server has: without a namespace it belongs to none.
                Via::Watch => !object.namespace().is_empty() || target.sees_cluster_scoped(),
            };
            if !asked {
                continue;
            }
            match target.selection.selects(kind, object, &facts) {
                Ok(true) => self.keep(target, kind, object, &uid, via),
                Ok(false) => self.drop_row(target, &uid, object, via),
                Err(failure) => {
                    let (namespace, name) = (object.namespace(), object.name());
                    target.stats.failed(1, format!("{namespace}/{name}: matchPolicy: {}", failure.0));
                    self.failures.add(FailureKind::Condition, 1);
                    self.drop_row(target, &uid, object, via);
                }
            }
        }
    }

    /// Applies an object that is gone.
    pub fn delete(&self, kind: &Kind, object: &RawObject) {
        let uid = uid_of(kind, object);
        for target in allowed(&self.interests(kind), object) {
            self.store.remove(&target.target, &uid, Some(object.version()));
        }
    }

    fn keep(&self, target: &CompiledTarget, kind: &Kind, object: &RawObject, uid: &str, via: Via<'_>) {
        let Some(profile) = target.kinds.get(&kind.group_kind()) else { return };
        let api_version = kind.api_version();
        let context = ObjectContext { api_version: &api_version, kind: &kind.kind };
        let timer = self.timing.get().map(Histogram::start_timer);
        let extraction = profile.plan.extract(object.json(), context);
        drop(timer);
        let (namespace, name) = (object.namespace(), object.name());
        let origin = self.store.origin(&target.target, &kind.group, &kind.version, &kind.kind);
        let identity = match Identity::new(origin, self.store.intern(namespace), name, uid) {
            Ok(identity) => identity,
            Err(error) => {
                target.stats.failed(1, format!("an object was left out: {error}"));
                self.failures.add(FailureKind::Object, 1);
                return;
            }
        };
        let list = match via {
            Via::Watch => None,
            Via::List(list, _) => Some(list),
        };
        let applied = self.store.upsert(Row::new(identity, extraction.attributes), object.version(), list);
        let failure = extraction.failures.last.map(|last| format!("{namespace}/{name}: {last}"));
        if applied != Applied::Stale {
            target.stats.extracted(uid, failure.as_deref());
        }
        // What fails at each heartbeat of an object is one failure.
        let counts = list.is_some() || matches!(applied, Applied::Inserted | Applied::Updated);
        if let Some(failure) = failure.filter(|_| counts) {
            target.stats.failed(extraction.failures.count, failure);
            extraction.failures.kinds.iter().for_each(|(kind, count)| self.failures.add(*kind, *count));
        }
    }

    /// A listed object that is not selected needs no call: the sweep at the list's end removes its row.
    fn drop_row(&self, target: &CompiledTarget, uid: &str, object: &RawObject, via: Via<'_>) {
        if matches!(via, Via::Watch) {
            self.store.remove(&target.target, uid, Some(object.version()));
        }
    }
}

/// The targets to which no scope denies the object's namespace.
fn allowed<'a>(
    targets: &'a [Arc<CompiledTarget>],
    object: &'a RawObject,
) -> impl Iterator<Item = &'a Arc<CompiledTarget>> {
    targets.iter().filter(|target| !target.selection.denies(object.namespace()))
}

/// The object's uid, or one that follows from its kind, namespace and name.
fn uid_of(kind: &Kind, object: &RawObject) -> String {
    match object.meta().uid.as_deref() {
        Some(uid) if !uid.is_empty() => uid.to_owned(),
        _ => {
            let name = [&*kind.group, &*kind.kind, object.namespace(), object.name()].join("\u{1f}");
            Uuid::new_v5(&UID_SPACE, name.as_bytes()).to_string()
        }
    }
}

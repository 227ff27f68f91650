//! Starts, feeds and stops the watches, so that exactly the needed kinds are watched. It does not decide
//! which kinds are needed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kollect_sink_core::{GroupKind, Pattern, Target, Text};
use kollect_snapshot::knowledge::Why;
use kube::Client;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::kind_watch::{self, Shared};
use super::side_list::Relist;
use super::state::WatchStates;
use crate::engine::{CompiledTarget, Engine, Kind};

/// All watches. Dropping it ends them.
pub struct Hub {
    shared: Shared,
    watches: HashMap<Kind, Watch>,
    targets: BTreeMap<Target, Arc<CompiledTarget>>,
}

struct Watch {
    relists: mpsc::UnboundedSender<Relist>,
    _task: AbortOnDropHandle<()>,
}

impl Hub {
    /// A hub without watches. `watch_timeout` is in seconds.
    pub fn new(engine: Arc<Engine>, client: Client, watch_timeout: u32) -> Self {
        Self {
            shared: Shared::new(engine, client, watch_timeout),
            watches: HashMap::new(),
            targets: BTreeMap::new(),
        }
    }

    /// Seconds of a watch request.
    pub fn watch_timeout(&self) -> u32 {
        self.shared.watch_timeout
    }

    /// Where the watches stand.
    pub fn states(&self) -> Arc<WatchStates> {
        self.shared.states.clone()
    }

    /// Makes the watches fit `desired`: new and changed targets are listed, kinds that nobody needs any more
    /// are no longer watched. Rows of targets that are not in `desired` stay: whoever removes a target says
    /// whether its rows go.
    pub fn set(&mut self, desired: BTreeMap<Target, Arc<CompiledTarget>>) {
        let joined: Vec<Arc<CompiledTarget>> = desired
            .iter()
            .filter(|(key, target)| !self.targets.get(*key).is_some_and(|old| Arc::ptr_eq(old, target)))
            .map(|(_, target)| target.clone())
            .collect();
        let unchanged = joined.is_empty() && desired.len() == self.targets.len();
        if unchanged {
            return;
        }
        self.targets = desired;
        let mut by_kind: BTreeMap<Kind, Vec<Arc<CompiledTarget>>> = BTreeMap::new();
        for target in self.targets.values() {
            for kind in target.watched() {
                by_kind.entry(kind.clone()).or_default().push(target.clone());
            }
        }
        for target in &joined {
            // Lists that run were made for another selection, or for none.
            self.shared.engine.store().withdraw(&target.target);
        }
        self.publish_interests(&by_kind);
        for target in &joined {
            self.declare(target);
        }
        let shared = &self.shared;
        self.watches.retain(|kind, _| {
            let needed = by_kind.contains_key(kind);
            if !needed {
                shared.states.forget(kind);
            }
            needed
        });
        for kind in by_kind.into_keys() {
            let newcomers: Vec<Target> = joined
                .iter()
                .filter(|target| target.watched().any(|watched| *watched == kind))
                .map(|target| target.target.clone())
                .collect();
            self.feed(kind, newcomers);
        }
    }

    /// Lists one namespace again for one target, to which it looks different now. Lists that run do not answer for
    /// it any more.
    pub fn relist(&self, target: &CompiledTarget, namespace: &Text) {
        self.shared.engine.store().withdraw_namespace(&target.target, namespace);
        for kind in target.watched() {
            if let Some(watch) = self.watches.get(kind) {
                let relist =
                    Relist { targets: vec![target.target.clone()], namespace: Some(namespace.clone()) };
                // A watch that ended has no receiver; its successor lists everything anyway.
                let _ = watch.relists.send(relist);
            }
        }
    }

    /// Lists everything of one target once more; until that is done it counts as not known.
    pub fn list_again(&self, target: &Target) {
        let Some(compiled) = self.targets.get(target) else { return };
        self.declare(compiled);
        for kind in compiled.watched() {
            if let Some(watch) = self.watches.get(kind) {
                let _ = watch.relists.send(Relist { targets: vec![target.clone()], namespace: None });
            }
        }
    }

    /// The targets that are collected.
    pub fn targets(&self) -> impl Iterator<Item = &Arc<CompiledTarget>> {
        self.targets.values()
    }

    fn publish_interests(&self, by_kind: &BTreeMap<Kind, Vec<Arc<CompiledTarget>>>) {
        for kind in self.watches.keys().filter(|kind| !by_kind.contains_key(kind)) {
            self.shared.engine.set_interests(kind.clone(), Vec::new());
        }
        for (kind, targets) in by_kind {
            self.shared.engine.set_interests(kind.clone(), targets.clone());
        }
    }

    fn declare(&self, target: &CompiledTarget) {
        let store = self.shared.engine.store();
        let parts = target.kinds.keys().map(|kind| {
            let pattern =
                Pattern { target: target.target.clone(), kind: Some(kind.clone()), namespace: None };
            (pattern, Why::Pending)
        });
        store.declare(&target.target, parts);
        store.retain(&target.target, |identity| {
            target
                .kinds
                .contains_key(&GroupKind { group: identity.group().clone(), kind: identity.kind().clone() })
        });
    }

    fn feed(&mut self, kind: Kind, newcomers: Vec<Target>) {
        match self.watches.get(&kind) {
            Some(_) if newcomers.is_empty() => {}
            Some(watch) => {
                let _ = watch.relists.send(Relist { targets: newcomers, namespace: None });
            }
            None => {
                let (relists, receiver) = mpsc::unbounded_channel();
                let task = tokio::spawn(kind_watch::run(self.shared.clone(), kind.clone(), receiver));
                self.watches.insert(kind, Watch { relists, _task: AbortOnDropHandle::new(task) });
            }
        }
    }
}

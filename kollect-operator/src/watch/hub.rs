//! Starts, feeds and stops the watches, so that exactly the needed kinds are watched. It does not decide
//! which kinds are needed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kollect_sink_core::{GroupKind, Target, Text};
use kollect_snapshot::knowledge::Why;
use kube::Client;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::definitions;
use super::kind_watch::{Command, KindWatch, Settings, Shared};
use super::part::Members;
use super::side_list::Relist;
use super::state::WatchStates;
use crate::engine::{CompiledTarget, Engine, Kind};

/// All watches. Dropping it ends them.
pub struct Hub {
    shared: Shared,
    watches: HashMap<Kind, Watch>,
    targets: BTreeMap<Target, Arc<CompiledTarget>>,
    definitions: Option<AbortOnDropHandle<()>>,
}

struct Watch {
    commands: mpsc::UnboundedSender<Command>,
    targets: Arc<[Arc<CompiledTarget>]>,
    _task: AbortOnDropHandle<()>,
}

impl Watch {
    fn command(&self, command: Command) {
        // A watch that ended has no receiver; its successor lists everything anyway.
        let _ = self.commands.send(command);
    }
}

impl Hub {
    /// A hub without watches.
    pub fn new(engine: Arc<Engine>, client: Client, settings: Settings) -> Self {
        Self {
            shared: Shared::new(engine, client, settings),
            watches: HashMap::new(),
            targets: BTreeMap::new(),
            definitions: None,
        }
    }

    /// Seconds of a watch request.
    pub fn watch_timeout(&self) -> u32 {
        self.shared.settings.watch_timeout
    }

    /// Where the watches stand.
    pub fn states(&self) -> Arc<WatchStates> {
        self.shared.states.clone()
    }

    /// Makes the watches fit `desired`: new and changed targets are listed, kinds that nobody needs any more
    /// are no longer watched. Rows of targets that are not in `desired` stay: whoever removes a target says
    /// whether its rows go.
    pub fn set(&mut self, desired: BTreeMap<Target, Arc<CompiledTarget>>) {
        let old = std::mem::replace(&mut self.targets, desired);
        let is_in = |all: &BTreeMap<Target, Arc<CompiledTarget>>, target: &Arc<CompiledTarget>| {
            all.get(&target.target).is_some_and(|other| Arc::ptr_eq(other, target))
        };
        let joined: Vec<Arc<CompiledTarget>> =
            self.targets.values().filter(|target| !is_in(&old, target)).cloned().collect();
        let left: Vec<&Arc<CompiledTarget>> =
            old.values().filter(|target| !is_in(&self.targets, target)).collect();
        if joined.is_empty() && left.is_empty() {
            return;
        }
        let mut by_kind: BTreeMap<Kind, Vec<Arc<CompiledTarget>>> = BTreeMap::new();
        for target in self.targets.values() {
            for kind in target.watched() {
                by_kind.entry(kind.clone()).or_default().push(target.clone());
            }
        }
        self.publish_interests(&by_kind);
        // Lists that run were made for another selection, or for none: their ends must not remove what they left out.
        for target in joined.iter().chain(left) {
            self.shared.engine.store().withdraw(&target.target);
        }
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
        for (kind, targets) in by_kind {
            self.feed(kind, targets.into(), &joined);
        }
    }

    /// A namespace came, changed or went: call this before [`Hub::relist`].
    pub fn namespaces_changed(&self) {
        for watch in self.watches.values() {
            watch.command(Command::Namespaces);
        }
    }

    /// Lists one namespace again for one target, to which it looks different now. Lists that run do not answer for
    /// it any more. Until it is listed it counts as not known, if the target looks into it now.
    pub fn relist(&self, target: &CompiledTarget, namespace: &Text) {
        let engine = &self.shared.engine;
        if target.selection.selects_namespace(namespace, &engine.namespaces.get(namespace)) {
            engine.store().amend(&target.target, |gaps| {
                for kind in target.kinds.keys() {
                    gaps.open(kind, Some(namespace), Why::Pending);
                }
            });
        }
        engine.store().withdraw_namespace(&target.target, namespace);
        for watch in target.watched().filter_map(|kind| self.watches.get(kind)) {
            let relist = Relist { targets: vec![target.target.clone()], namespace: Some(namespace.clone()) };
            watch.command(Command::Relist(relist));
        }
    }

    /// Lists everything of one target once more; until that is done it counts as not known.
    pub fn list_again(&self, target: &Target) {
        let Some(compiled) = self.targets.get(target) else { return };
        self.declare(compiled);
        for watch in compiled.watched().filter_map(|kind| self.watches.get(kind)) {
            let relist = Relist { targets: vec![target.clone()], namespace: None };
            watch.command(Command::Relist(relist));
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

    /// Nothing is known of a target in its new form; rows that it cannot have any more go.
    fn declare(&self, target: &CompiledTarget) {
        let engine = &self.shared.engine;
        engine.store().declare(&target.target, target.gaps());
        engine.store().retain(&target.target, |identity| {
            let kind = GroupKind { group: identity.group().clone(), kind: identity.kind().clone() };
            let facts = engine.namespaces.get(identity.namespace());
            // What a scope denies stays, until the target no longer asks for it.
            target.kinds.contains_key(&kind) && target.selection.wants_namespace(identity.namespace(), &facts)
        });
    }

    fn feed(&mut self, kind: Kind, targets: Arc<[Arc<CompiledTarget>]>, joined: &[Arc<CompiledTarget>]) {
        let Some(watch) = self.watches.get_mut(&kind) else {
            let watch = self.start(kind.clone(), targets);
            self.watches.insert(kind, watch);
            return;
        };
        let same = targets.len() == watch.targets.len()
            && targets.iter().zip(watch.targets.iter()).all(|(new, old)| Arc::ptr_eq(new, old));
        if !same {
            let newcomers = joined
                .iter()
                .filter(|target| target.watched().any(|watched| *watched == kind))
                .map(|target| target.target.clone());
            watch.targets = targets.clone();
            watch.command(Command::Targets(targets, newcomers.collect()));
        }
    }

    fn start(&mut self, kind: Kind, targets: Arc<[Arc<CompiledTarget>]>) -> Watch {
        let shared = self.shared.clone();
        self.definitions.get_or_insert_with(|| {
            let (client, changed) = (shared.client.clone(), shared.definitions.clone());
            let follow = definitions::follow(client, shared.settings.watch_timeout, changed);
            AbortOnDropHandle::new(tokio::spawn(follow))
        });
        let (commands, receiver) = mpsc::unbounded_channel();
        let members = Members::default();
        members.set(targets.clone());
        let definitions = shared.definitions.subscribe();
        let watch = KindWatch { shared, kind, members, commands: receiver, definitions };
        Watch { commands, targets, _task: AbortOnDropHandle::new(tokio::spawn(watch.run())) }
    }
}

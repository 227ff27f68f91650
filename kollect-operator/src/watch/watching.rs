//! A kind that is served: where it is watched, as targets and permissions allow, and the lists beside. What objects mean is
//! the engine's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use kollect_sink_core::Text;
use kube::Api;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::access::Answer;
use super::discovery::{Extent, Resolved, ServedKind, resolve};
use super::kind_watch::{Command, KindWatch, changed};
use super::list_watch::ListWatch;
use super::part::{Ended, Members, Part, Report};
use super::partitions;
use super::reach::{Limit, Reach, Selectors};
use super::side_list::{Relist, SideList};
use super::state::PartState;
use crate::engine::{CompiledTarget, RawObject};

/// How often it is asked whether what was denied is allowed now, and about how many namespaces at once.
const ASK_AGAIN: Duration = Duration::from_secs(5);
const ASKED_AT_ONCE: usize = 25;

/// How long a resource that was not there rests before it is looked for again.
const BRIEFLY: Duration = Duration::from_millis(500);

/// A namespace, or all of them at once.
type Place = Option<Text>;

/// The watches of a kind that is served.
pub(super) struct Watching<'a> {
    of: &'a mut KindWatch,
    served: ServedKind,
    /// Those of the kind's targets that may see its objects.
    members: Members,
    selectors: Selectors,
    reach: Reach,
    parts: HashMap<Place, AbortOnDropHandle<()>>,
    /// Where the API server refuses, and what it said.
    denied: BTreeMap<Place, String>,
    /// The namespace that was asked for last.
    asked: Place,
    ask_at: Option<Instant>,
    side: FuturesUnordered<BoxFuture<'static, Option<Report>>>,
    reporter: mpsc::UnboundedSender<Report>,
    reports: mpsc::UnboundedReceiver<Report>,
}

/// The kind has to be resolved anew.
pub(super) struct Moved;

impl<'a> Watching<'a> {
    pub(super) fn new(of: &'a mut KindWatch, served: ServedKind) -> Self {
        let (reporter, reports) = mpsc::unbounded_channel();
        Self {
            of,
            served,
            members: Members::default(),
            selectors: Selectors::default(),
            reach: Reach::Namespaces(BTreeSet::new()),
            parts: HashMap::new(),
            denied: BTreeMap::new(),
            asked: None,
            ask_at: None,
            side: FuturesUnordered::new(),
            reporter,
            reports,
        }
    }

    /// Watches until the kind is served no more, or differently; nothing where nobody commands any more.
    pub(super) async fn run(mut self) -> Option<Moved> {
        self.settle().await;
        loop {
            let ask_at = self.ask_at;
            tokio::select! {
                command = self.of.commands.recv() => {
                    self.obey(command?).await;
                    if !self.of.members.see(self.served.extent) {
                        return Some(Moved);
                    }
                }
                () = changed(&mut self.of.definitions, &self.of.kind) => {
                    if self.moved().await {
                        return Some(Moved);
                    }
                }
                Some(report) = self.reports.recv() => {
                    if self.heed(report).await {
                        return Some(Moved);
                    }
                }
                Some(ended) = self.side.next(), if !self.side.is_empty() => {
                    if let Some(report) = ended && self.heed(report).await {
                        return Some(Moved);
                    }
                }
                () = async { sleep_until(ask_at.unwrap_or_else(Instant::now)).await }, if ask_at.is_some() => {
                    self.ask_again().await;
                }
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Targets(members, joined) => {
                self.of.members.set(members);
                let fresh = self.settle().await;
                self.relist(&Relist { targets: joined, namespace: None }, &fresh);
            }
            Command::Relist(relist) => {
                self.admit();
                self.divide();
                if self.served.extent == Extent::Namespaced || relist.namespace.is_none() {
                    self.relist(&relist, &BTreeSet::new());
                }
            }
            Command::Namespaces => {
                if self.limit() == Limit::OneByOne {
                    self.settle().await;
                }
            }
        }
    }

    /// Takes note of a watch that ended; answers whether the kind has to be resolved anew.
    async fn heed(&mut self, report: Report) -> bool {
        if self.parts.remove(&report.place).is_none() {
            return false;
        }
        match report.what {
            Ended::Denied(said) => {
                self.of.shared.access.refused(&self.served.resource, report.place.as_ref());
                self.denied.insert(report.place, said);
            }
            Ended::Missing => {
                sleep(BRIEFLY).await;
                if self.moved().await {
                    return true;
                }
            }
        }
        self.settle().await;
        false
    }

    /// Whether the kind is not served any more as it was.
    async fn moved(&mut self) -> bool {
        match resolve(&self.of.shared.client, &self.of.kind).await {
            Ok(Resolved::Found(now)) => now != self.served,
            Ok(Resolved::Missing) => true,
            // Whoever cannot be asked has not said that it is gone.
            Err(_) => false,
        }
    }

    /// Takes in who may see the kind's objects; to the others they are as if they could not be watched.
    fn admit(&self) -> Arc<[Arc<CompiledTarget>]> {
        let all = self.of.members.get();
        let admitted = match self.served.extent {
            Extent::Namespaced => all,
            Extent::Cluster => {
                let (admitted, others): (Vec<_>, Vec<_>) =
                    all.iter().cloned().partition(|member| member.sees_cluster_scoped());
                partitions::doubt(&self.of.shared.engine, &others, &self.of.kind);
                admitted.into()
            }
        };
        self.members.set(admitted.clone());
        admitted
    }

    fn reach(&mut self, members: &[Arc<CompiledTarget>]) -> Reach {
        if self.served.extent == Extent::Cluster {
            return Reach::Everywhere;
        }
        let namespaces = &self.of.shared.engine.namespaces;
        let unlimited = if self.of.shared.settings.one_by_one { Limit::OneByOne } else { Limit::None };
        let reach = Reach::of(members, unlimited, namespaces);
        if reach != Reach::Everywhere {
            self.denied.remove(&None);
        } else if self.denied.contains_key(&None) {
            return Reach::of(members, Limit::OneByOne, namespaces);
        }
        reach
    }

    fn limit(&self) -> Limit {
        if self.of.shared.settings.one_by_one || self.denied.contains_key(&None) {
            Limit::OneByOne
        } else {
            Limit::None
        }
    }

    /// Makes the watches fit what targets need and what is allowed; answers which ones are new.
    async fn settle(&mut self) -> BTreeSet<Place> {
        let members = self.admit();
        let selectors = Selectors::of(&members, &self.of.kind);
        if selectors != self.selectors {
            self.parts.clear();
            self.selectors = selectors;
        }
        self.reach = self.reach(&members);
        let wanted: BTreeSet<Place> = match &self.reach {
            Reach::Everywhere => [None].into(),
            Reach::Namespaces(names) => names.iter().cloned().map(Some).collect(),
        };
        self.denied.retain(|place, _| place.is_none() || wanted.contains(place));
        if self.denied.contains_key(&None) {
            let known = |place: &&Place| self.parts.contains_key(place) || self.denied.contains_key(place);
            let unknown = wanted.iter().filter(|place| !known(place)).cloned().collect();
            self.ask(unknown).await;
        }
        // Before any list begins, so that it answers for what is not known now.
        self.divide();
        self.of.shared.states.keep(&self.of.kind, &self.served, |place| wanted.contains(place));
        self.parts.retain(|place, _| wanted.contains(place) && !self.denied.contains_key(place));
        for (place, said) in self.denied.iter().filter(|(place, _)| wanted.contains(place)) {
            self.of.shared.states.set_part(&self.of.kind, place.as_ref(), PartState::Denied(said.clone()));
        }
        self.ask_at = (!self.denied.is_empty()).then(|| Instant::now() + ASK_AGAIN);
        let absent = |place: &Place| !self.parts.contains_key(place) && !self.denied.contains_key(place);
        let fresh: BTreeSet<Place> = wanted.into_iter().filter(absent).collect();
        for place in &fresh {
            self.start(place.clone());
        }
        fresh
    }

    fn divide(&self) {
        let (engine, kind, members) = (&self.of.shared.engine, &self.of.kind, self.members.get());
        match (&self.reach, self.served.extent) {
            (Reach::Namespaces(names), _) => {
                let denied = |name: &Text| self.denied.contains_key(&Some(name.clone()));
                partitions::divide(engine, &members, kind, names, denied);
            }
            (Reach::Everywhere, Extent::Cluster) if self.denied.contains_key(&None) => {
                partitions::doubt(engine, &members, kind);
            }
            (Reach::Everywhere, Extent::Cluster) => partitions::unite(engine, &members, kind),
            (Reach::Everywhere, Extent::Namespaced) => {}
        }
    }

    fn start(&mut self, place: Place) {
        let shared = self.of.shared.clone();
        let source = ListWatch {
            api: self.api(place.as_ref()),
            group: self.of.kind.group.clone(),
            selectors: self.selectors.clone(),
            timeout: shared.settings.watch_timeout,
            refusals: shared.refusals.clone(),
            lists: shared.lists.clone(),
        };
        let (kind, members) = (self.of.kind.clone(), self.members.clone());
        let part = Part::new(shared, kind, place.clone(), members, self.reporter.clone());
        self.parts.insert(place, AbortOnDropHandle::new(tokio::spawn(part.run(source))));
    }

    fn api(&self, place: Option<&Text>) -> Api<RawObject> {
        let client = self.of.shared.client.clone();
        match place {
            Some(namespace) => Api::namespaced_with(client, namespace, &self.served.resource),
            None => Api::all_with(client, &self.served.resource),
        }
    }

    /// Lists beside the watches, those in `fresh` apart: they list for everyone.
    fn relist(&self, relist: &Relist, fresh: &BTreeSet<Place>) {
        let members = self.members.get();
        let targets: Vec<_> =
            members.iter().filter(|member| relist.targets.contains(&member.target)).cloned().collect();
        if targets.is_empty() {
            return;
        }
        for place in self.parts.keys().filter(|place| !fresh.contains(*place)) {
            let namespace = match (&relist.namespace, place) {
                (Some(wanted), Some(watched)) if wanted != watched => continue,
                (Some(namespace), _) | (None, Some(namespace)) => Some(namespace.clone()),
                (None, None) => None,
            };
            let list = SideList {
                shared: self.of.shared.clone(),
                kind: self.of.kind.clone(),
                api: self.api(namespace.as_ref()),
                selectors: self.selectors.clone(),
                targets: targets.clone(),
                namespace,
            };
            self.side.push(list.run().boxed());
        }
    }

    /// Asks about places, and keeps what is denied.
    async fn ask(&mut self, places: Vec<Place>) -> bool {
        let answers = self.of.shared.access.may(&self.served.resource, places).await;
        let mut gained = false;
        for (place, answer) in answers {
            match answer {
                Answer::Denied(said) => drop(self.denied.insert(place, said)),
                Answer::Allowed => gained |= self.denied.remove(&place).is_some(),
            }
        }
        gained
    }

    /// Asks whether what was denied is allowed by now: all namespaces at once, and some of them in turn.
    async fn ask_again(&mut self) {
        let mut turn: Vec<Place> = self.denied.keys().filter(|place| place.is_some()).cloned().collect();
        let next = turn.iter().position(|place| *place > self.asked).unwrap_or_default();
        turn.rotate_left(next);
        turn.truncate(ASKED_AT_ONCE);
        self.asked = turn.last().cloned().unwrap_or_default();
        turn.extend(self.denied.contains_key(&None).then_some(None));
        if self.ask(turn).await {
            self.settle().await;
        } else {
            self.ask_at = Some(Instant::now() + ASK_AGAIN);
        }
    }
}

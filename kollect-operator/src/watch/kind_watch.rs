//! The watch of one kind: discovery, list, events, and side lists for targets that join later. It does not
//! know why a target is interested.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{BoxStream, FuturesUnordered};
use futures::{FutureExt, StreamExt, future::BoxFuture};
use kollect_sink_core::Target;
use kollect_snapshot::knowledge::Why;
use kollect_snapshot::listing::{ListId, ListScope};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use super::backoff::Patience;
use super::discovery::{Resolved, ServedKind, resolve};
use super::page;
use super::side_list::{Relist, side_list};
use super::state::{WatchState, WatchStates, from_error, from_status};
use crate::engine::{Engine, Kind, RawObject, Via};

/// How long a kind that is missing or cannot be resolved waits before the next attempt.
const DISCOVERY_RETRY: Duration = Duration::from_secs(5);

/// How long a failed side list waits before it is repeated.
const SIDE_LIST_RETRY: Duration = Duration::from_secs(3);

/// After this time without another error an interrupted watch counts as resumed: a quiet kind has no event that
/// would tell. Longer than the longest back-off and the wait for an answer together.
const RESUMED_AFTER: Duration = Duration::from_secs(45);

/// What every watch shares.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) engine: Arc<Engine>,
    pub(super) client: Client,
    pub(super) states: Arc<WatchStates>,
    /// Bounds how many kinds are listed for the first time at once.
    pub(super) first_lists: Arc<Semaphore>,
    pub(super) watch_timeout: u32,
}

impl Shared {
    pub(super) fn new(engine: Arc<Engine>, client: Client, watch_timeout: u32) -> Self {
        Self {
            engine,
            client,
            states: Arc::default(),
            first_lists: Arc::new(Semaphore::new(4)),
            watch_timeout,
        }
    }
}

/// Runs until it is dropped.
pub(super) async fn run(shared: Shared, kind: Kind, mut relists: mpsc::UnboundedReceiver<Relist>) {
    let served = discover(&shared, &kind).await;
    let permit = shared.first_lists.clone().acquire_owned().await.ok();
    let api: Api<RawObject> = Api::all_with(shared.client.clone(), &served.resource);
    let config =
        watcher::Config::default().page_size(page::measure(&api).await).timeout(shared.watch_timeout);
    let mut events: BoxStream<'_, _> = watcher(api, config).backoff(Patience::default()).boxed();
    let mut side: FuturesUnordered<BoxFuture<'static, Option<Relist>>> = FuturesUnordered::new();
    let mut listing = Listing { shared: &shared, kind: &kind, open: None, permit, interrupted: None };
    loop {
        let resumed = listing.interrupted.map(|since| since + RESUMED_AFTER);
        tokio::select! {
            () = async { tokio::time::sleep_until(resumed.unwrap_or_else(Instant::now)).await },
                if resumed.is_some() => listing.resumed(),
            event = events.next() => match event {
                Some(event) => listing.handle(event),
                None => return,
            },
            Some(relist) = relists.recv() => side.push(attempt(&shared, &kind, &served, relist)),
            Some(again) = side.next(), if !side.is_empty() => {
                if let Some(relist) = again {
                    side.push(attempt(&shared, &kind, &served, relist));
                }
            }
        }
    }
}

/// Resolves the kind, however long it takes; meanwhile its partitions count as failed, so that nothing else
/// waits for them.
async fn discover(shared: &Shared, kind: &Kind) -> ServedKind {
    loop {
        let state = match resolve(&shared.client, kind).await {
            Ok(Resolved::Found(served)) => return served,
            Ok(Resolved::Missing) => WatchState::Missing,
            Err(error) => from_error(&error),
        };
        fail(shared, kind, state);
        tokio::time::sleep(DISCOVERY_RETRY).await;
    }
}

/// Marks the kind's partitions as failed, unless they have been listed.
fn fail(shared: &Shared, kind: &Kind, state: WatchState) {
    if shared.states.get(kind) != state {
        tracing::warn!(%kind, ?state, "watch failed");
    }
    if matches!(state, WatchState::Missing | WatchState::Forbidden(_)) {
        let store = shared.engine.store();
        for target in shared.engine.interests(kind).iter() {
            let failed = store.gaps(&target.target).into_iter().map(|(pattern, why)| {
                let of_kind = pattern.kind.as_ref() == Some(&kind.group_kind());
                (pattern, if of_kind { Why::Failed } else { why })
            });
            store.declare(&target.target, failed.collect::<Vec<_>>());
        }
    }
    shared.states.set(kind, state);
}

/// One side list; answers what has to be repeated.
fn attempt(
    shared: &Shared,
    kind: &Kind,
    served: &ServedKind,
    relist: Relist,
) -> BoxFuture<'static, Option<Relist>> {
    let work =
        side_list(shared.engine.clone(), shared.client.clone(), kind.clone(), served.clone(), relist.clone());
    let kind = kind.clone();
    async move {
        match work.await {
            Ok(()) => None,
            Err(error) => {
                tracing::warn!(%kind, error = crate::error::chain(&error), "list failed, will be repeated");
                tokio::time::sleep(SIDE_LIST_RETRY).await;
                Some(relist)
            }
        }
    }
    .boxed()
}

struct Listing<'a> {
    shared: &'a Shared,
    kind: &'a Kind,
    open: Option<(ListId, Vec<Target>)>,
    permit: Option<OwnedSemaphorePermit>,
    /// Since when the watch of a kind that was listed is interrupted.
    interrupted: Option<Instant>,
}

impl Listing<'_> {
    fn handle(&mut self, event: Result<Event<RawObject>, watcher::Error>) {
        let engine = &self.shared.engine;
        match event {
            Ok(Event::Init) => self.begin(),
            Ok(Event::InitApply(object)) => match &self.open {
                Some((list, targets)) => engine.observe(self.kind, &object, Via::List(list, targets)),
                None => engine.observe(self.kind, &object, Via::Watch),
            },
            Ok(Event::InitDone) => self.finish(),
            Ok(Event::Apply(object)) => {
                engine.observe(self.kind, &object, Via::Watch);
                self.resumed();
            }
            Ok(Event::Delete(object)) => {
                engine.delete(self.kind, &object);
                self.resumed();
            }
            Err(error) => self.failed(&error),
        }
    }

    fn begin(&mut self) {
        self.abort();
        let store = self.shared.engine.store();
        let kind = self.kind.group_kind();
        let targets: Vec<Target> =
            self.shared.engine.interests(self.kind).iter().map(|target| target.target.clone()).collect();
        let list = store.begin_list(ListScope { kind, targets: targets.clone(), namespace: None });
        self.open = Some((list, targets));
    }

    fn finish(&mut self) {
        if let Some((list, _)) = self.open.take() {
            let swept = self.shared.engine.store().end_list(list);
            tracing::info!(kind = %self.kind, removed = swept.removed, "listed");
        }
        self.permit = None;
        self.interrupted = None;
        self.shared.states.set(self.kind, WatchState::Live);
    }

    /// The watch goes on where it was.
    fn resumed(&mut self) {
        if self.interrupted.take().is_some() {
            self.shared.states.set(self.kind, WatchState::Live);
        }
    }

    fn failed(&mut self, error: &watcher::Error) {
        self.abort();
        let state = match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => from_error(error),
            // The API server forgot the version (410): a fresh list follows by itself.
            watcher::Error::WatchError(status) if status.code == 410 => return,
            watcher::Error::WatchError(status) => from_status(status),
            watcher::Error::NoResourceVersion => {
                WatchState::Failing("the resource cannot be watched: it has no resourceVersion".to_owned())
            }
        };
        let resumes = matches!(error, watcher::Error::WatchStartFailed(_) | watcher::Error::WatchFailed(_));
        self.interrupted = (resumes && matches!(state, WatchState::Failing(_))).then(Instant::now);
        if matches!(state, WatchState::Missing | WatchState::Forbidden(_)) {
            self.permit = None;
        }
        fail(self.shared, self.kind, state);
    }

    fn abort(&mut self) {
        if let Some((list, _)) = self.open.take() {
            self.shared.engine.store().abort_list(list);
        }
    }
}

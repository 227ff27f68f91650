//! One kind, from its discovery on: it waits for the kind, has it watched while it is served, and says what is known of it
//! when it is not. It does not know why a target is interested.

use std::sync::Arc;
use std::time::Duration;

use kollect_sink_core::Target;
use kube::Client;
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio::time::{Instant, sleep_until};

use super::access::Access;
use super::definitions::Changed;
use super::discovery::{Extent, Resolved, ServedKind, resolve};
use super::list_watch::Refusals;
use super::part::Members;
use super::partitions;
use super::side_list::Relist;
use super::state::{Refusal, WatchState, WatchStates};
use super::watching::Watching;
use crate::engine::{CompiledTarget, Engine, Kind};

/// How long a kind that is missing or cannot be resolved waits at first, and at most, before it is asked for again.
const SOON: Duration = Duration::from_millis(500);
const LATE: Duration = Duration::from_secs(10);

/// What cannot even be resolved does not hold up exports for longer.
const HOLDS_UP: Duration = Duration::from_secs(60);

/// How many changes of definitions may wait for a kind that is busy; more count as a change of all.
pub(super) const DEFINITIONS: usize = 64;

/// Lists that run at the same time.
const LISTS: usize = 4;

/// What all watches are started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seconds of a watch request.
    pub watch_timeout: u32,
    /// How long a kind that is not served any more keeps its rows.
    pub vanished_after: Duration,
    /// Whether namespaces are watched one by one, because the operator is limited to some.
    pub one_by_one: bool,
}

/// What every watch shares.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) engine: Arc<Engine>,
    pub(super) client: Client,
    pub(super) settings: Settings,
    pub(super) states: Arc<WatchStates>,
    /// Bounds how many lists run at once.
    pub(super) lists: Arc<Semaphore>,
    pub(super) access: Arc<Access>,
    pub(super) refusals: Arc<Refusals>,
    pub(super) definitions: broadcast::Sender<Changed>,
}

impl Shared {
    pub(super) fn new(engine: Arc<Engine>, client: Client, settings: Settings) -> Self {
        Self {
            engine,
            access: Arc::new(Access::new(client.clone())),
            client,
            settings,
            states: Arc::default(),
            lists: Arc::new(Semaphore::new(LISTS)),
            refusals: Arc::default(),
            definitions: broadcast::channel(DEFINITIONS).0,
        }
    }
}

/// What the hub wants of a kind's watch.
pub(super) enum Command {
    /// These targets need the kind now; those that joined are to be listed.
    Targets(Arc<[Arc<CompiledTarget>]>, Vec<Target>),
    /// A list beside the watch.
    Relist(Relist),
    /// A namespace came, changed or went.
    Namespaces,
}

/// The watch of one kind.
pub(super) struct KindWatch {
    pub(super) shared: Shared,
    pub(super) kind: Kind,
    pub(super) members: Members,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    pub(super) definitions: broadcast::Receiver<Changed>,
}

impl KindWatch {
    /// Runs until it is dropped, or nobody commands it.
    pub(super) async fn run(mut self) {
        while let Some(served) = self.find().await {
            if Watching::new(&mut self, served).run().await.is_none() {
                return;
            }
        }
    }

    /// Waits until the kind is served. Meanwhile its partitions count as failed, so that nothing else waits for them.
    async fn find(&mut self) -> Option<ServedKind> {
        let (mut missing_since, mut failing_since, mut wait) = (None, None, SOON);
        let mut standing = Standing::Sought;
        loop {
            match resolve(&self.shared.client, &self.kind).await {
                Ok(Resolved::Found(served)) if self.members.see(served.extent) => return Some(served),
                Ok(Resolved::Found(_)) => {
                    standing = Standing::Unseen;
                    self.shared.states.set(&self.kind, WatchState::ClusterScoped);
                }
                Ok(Resolved::Missing) => {
                    let since = *missing_since.get_or_insert_with(Instant::now);
                    let gone = since.elapsed() >= self.shared.settings.vanished_after;
                    standing = if gone { Standing::Gone } else { Standing::Doubted };
                    self.shared.states.set(&self.kind, WatchState::Missing);
                }
                Err(kube::Error::Api(status)) if status.code == 403 => {
                    standing = Standing::Doubted;
                    let resource = self.kind.kind.to_lowercase();
                    let refusal = Refusal { resource, said: status.message.clone() };
                    self.shared.states.set(&self.kind, WatchState::Forbidden(refusal));
                }
                Err(error) => {
                    let since = *failing_since.get_or_insert_with(Instant::now);
                    let state = WatchState::Failing(crate::error::chain(&error));
                    self.shared.states.set(&self.kind, state);
                    if standing == Standing::Sought && since.elapsed() > HOLDS_UP {
                        standing = Standing::GivenUp;
                    }
                }
            }
            self.stand(standing);
            let again = Instant::now() + wait;
            wait = (wait * 2).min(LATE);
            loop {
                tokio::select! {
                    () = sleep_until(again) => break,
                    command = self.commands.recv() => {
                        if let Command::Targets(members, _) = command? {
                            self.members.set(members);
                        }
                        // Whatever was just declared to be pending is not.
                        self.stand(standing);
                        if standing == Standing::Unseen && self.members.see(Extent::Cluster) {
                            wait = SOON;
                            break;
                        }
                    }
                    () = changed(&mut self.definitions, &self.kind) => {
                        wait = SOON;
                        break;
                    }
                }
            }
        }
    }

    fn stand(&self, standing: Standing) {
        let (engine, members) = (&self.shared.engine, self.members.get());
        match standing {
            Standing::Sought => {}
            Standing::GivenUp => partitions::give_up(engine, &members, &self.kind),
            Standing::Doubted | Standing::Unseen => partitions::doubt(engine, &members, &self.kind),
            Standing::Gone => partitions::vanish(engine, &members, &self.kind),
        }
    }
}

/// What is known of a kind that is not watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing yet.
    Sought,
    /// Nothing, and nobody shall wait for it.
    GivenUp,
    /// It cannot be watched now; its rows stay.
    Doubted,
    /// Its objects belong to no namespace, and every target to one.
    Unseen,
    /// It does not exist; neither do its rows.
    Gone,
}

/// Resolves when a definition changed that may be the kind's.
pub(super) async fn changed(definitions: &mut broadcast::Receiver<Changed>, kind: &Kind) {
    loop {
        match definitions.recv().await {
            Ok(Some(group)) if *group != *kind.group => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            // Nobody watches definitions.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

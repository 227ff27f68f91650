//! One watch of a kind: of all namespaces, or of one. It applies what it sees to the engine, and says where it stands; it
//! does not decide where to watch.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use kollect_sink_core::Text;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::discovery::Extent;
use super::kind_watch::Shared;
use super::list_watch::{Interruption, ListWatch, Listener, Verdict};
use super::open_list::OpenList;
use super::state::PartState;
use crate::engine::{CompiledTarget, Kind, RawObject, Via};

/// What was never listed, and has been failing for so long, does not hold up the exports of everything else.
const HOLDS_UP: Duration = Duration::from_secs(60);

/// The targets that a watch lists for; they change while it runs.
#[derive(Clone, Default)]
pub(super) struct Members(Arc<RwLock<Arc<[Arc<CompiledTarget>]>>>);

impl Members {
    pub(super) fn get(&self) -> Arc<[Arc<CompiledTarget>]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, members: Arc<[Arc<CompiledTarget>]>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = members;
    }

    /// Whether any of them may see objects of a kind.
    pub(super) fn see(&self, extent: Extent) -> bool {
        extent == Extent::Namespaced || self.get().iter().any(|member| member.sees_cluster_scoped())
    }
}

/// A watch, or a list beside it, that ended for good.
pub(super) struct Report {
    /// Its namespace; none = all of them.
    pub(super) place: Option<Text>,
    /// Why.
    pub(super) what: Ended,
}

/// Why a watch ended for good.
pub(super) enum Ended {
    /// The API server refuses; these are its words.
    Denied(String),
    /// The API server does not know the resource.
    Missing,
}

/// One watch.
pub(super) struct Part {
    shared: Shared,
    kind: Kind,
    namespace: Option<Text>,
    members: Members,
    reports: mpsc::UnboundedSender<Report>,
    open: Option<OpenList>,
    listed: bool,
    failing_since: Option<Instant>,
}

impl Part {
    pub(super) fn new(
        shared: Shared,
        kind: Kind,
        namespace: Option<Text>,
        members: Members,
        reports: mpsc::UnboundedSender<Report>,
    ) -> Self {
        shared.states.set_part(&kind, namespace.as_ref(), PartState::Starting);
        Self { shared, kind, namespace, members, reports, open: None, listed: false, failing_since: None }
    }

    /// Runs until it is dropped, or has to be reported.
    pub(super) async fn run(mut self, source: ListWatch) {
        source.follow(&mut self).await;
    }

    fn say(&self, state: PartState) {
        self.shared.states.set_part(&self.kind, self.namespace.as_ref(), state);
    }

    fn report(&self, what: Ended) -> Verdict {
        // Without a receiver nobody waits for this watch.
        let _ = self.reports.send(Report { place: self.namespace.clone(), what });
        Verdict::Stop
    }

    /// Whoever waits for the first list does not wait for this one any more.
    fn give_up(&self) {
        let kind = self.kind.group_kind();
        for member in self.members.get().iter() {
            self.shared
                .engine
                .store()
                .amend(&member.target, |gaps| gaps.give_up(&kind, self.namespace.as_ref()));
        }
    }
}

impl Listener for Part {
    fn begin(&mut self) {
        let members = self.members.get();
        self.open = None;
        self.open = Some(OpenList::begin(&self.shared.engine, &self.kind, &members, self.namespace.as_ref()));
    }

    fn listed(&mut self, object: &RawObject) {
        if let Some(list) = &self.open {
            list.observe(object);
        }
    }

    fn whole(&mut self) {
        if let Some(list) = self.open.take() {
            let swept = list.end();
            tracing::info!(kind = %self.kind, namespace = self.namespace.as_deref(), removed = swept.removed, "listed");
        }
        (self.listed, self.failing_since) = (true, None);
        self.say(PartState::Live);
    }

    fn applied(&mut self, object: &RawObject) {
        self.shared.engine.observe(&self.kind, object, Via::Watch);
    }

    fn deleted(&mut self, object: &RawObject) {
        self.shared.engine.delete(&self.kind, object);
    }

    fn resumed(&mut self) {
        self.failing_since = None;
        self.say(PartState::Live);
    }

    fn failed(&mut self, why: &Interruption) -> Verdict {
        self.open = None;
        if let Interruption::Api(kube::Error::Api(status)) = why {
            match status.code {
                403 => return self.report(Ended::Denied(status.message.clone())),
                404 => return self.report(Ended::Missing),
                _ => {}
            }
        }
        self.say(PartState::Failing(crate::error::chain(why)));
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if !self.listed && since.elapsed() > HOLDS_UP {
            self.give_up();
        }
        Verdict::Retry
    }
}

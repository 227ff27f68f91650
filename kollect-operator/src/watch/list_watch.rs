//! Lists a resource and follows it from there, for ever: as a stream where the API server has that, page by page where it
//! has not. It does not know what the objects are for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use kollect_sink_core::Text;
use kube::api::WatchEvent;
use kube::core::Status;
use kube::{Api, Resource};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::backoff::Patience;
use super::page;
use super::reach::Selectors;
use crate::engine::RawObject;

/// On the bookmark behind the last object of a streamed list.
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists>
const END: &str = "k8s.io/initial-events-end";

/// How long a streamed list may be silent: a server that does not know them never ends one.
const SILENCE: Duration = Duration::from_secs(30);

/// A watch that ends earlier, and said nothing, counts as failed.
const SHORT: Duration = Duration::from_secs(1);

/// Takes what a [`ListWatch`] sees, in order.
pub(super) trait Listener {
    /// A list begins. One that had begun before did not become whole.
    fn begin(&mut self);
    /// An object of the list.
    fn listed(&mut self, object: &RawObject);
    /// The list is whole.
    fn whole(&mut self);
    /// An object is there, or changed.
    fn applied(&mut self, object: &RawObject);
    /// An object is gone.
    fn deleted(&mut self, object: &RawObject);
    /// A watch goes on where it was interrupted.
    fn resumed(&mut self);
    /// Something failed.
    fn failed(&mut self, why: &Interruption) -> Verdict;
}

/// What a listener wants after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// That it is tried again, a little later.
    Retry,
    /// That it ends.
    Stop,
}

/// Why a list or a watch ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interruption {
    /// The API server refused, or could not be reached.
    #[error("the API server could not be asked")]
    Api(#[from] kube::Error),
    /// There is no place from which to follow.
    #[error("the resource cannot be watched: it has no resourceVersion")]
    NoVersion,
    /// A streamed list did not come to its end.
    #[error("a streamed list did not come to its end")]
    Cut,
    /// It ended as soon as it had begun.
    #[error("a watch ended as soon as it had begun")]
    Short,
}

impl From<Box<Status>> for Interruption {
    fn from(status: Box<Status>) -> Self {
        Self::Api(kube::Error::Api(status))
    }
}

/// The API groups whose server refused to stream a list. It is not asked again.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<BTreeSet<Text>>);

impl Refusals {
    fn has(&self, group: &Text) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(group)
    }

    fn add(&self, group: &Text) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(group.clone()) {
            tracing::info!(%group, "the API server streams no lists of this group: they are read page by page");
        }
    }
}

/// What is listed and followed.
pub(super) struct ListWatch {
    pub(super) api: Api<RawObject>,
    pub(super) group: Text,
    pub(super) selectors: Selectors,
    /// Seconds after which a watch is renewed.
    pub(super) timeout: u32,
    pub(super) refusals: Arc<Refusals>,
    /// Bounds how many lists run at once.
    pub(super) lists: Arc<Semaphore>,
}

type Events = BoxStream<'static, kube::Result<WatchEvent<RawObject>>>;

/// How far it is.
enum At {
    /// It has to list.
    Nowhere,
    /// It has seen everything up to this version.
    Version(String),
}

/// How the next list is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Streamed,
    Paged,
}

impl ListWatch {
    /// Runs until the listener has enough of it. Dropping it loses nothing but a list under way.
    pub(super) async fn follow(&self, listener: &mut impl Listener) {
        let (mut patience, mut at, mut how) = (Patience::default(), At::Nowhere, How::Streamed);
        loop {
            let ended = match at {
                At::Nowhere => self.list(listener, &mut how).await,
                At::Version(version) => self.resume(version, listener).await,
            };
            let why;
            (at, why) = ended;
            if let Some(why) = why {
                if listener.failed(&why) == Verdict::Stop {
                    return;
                }
                sleep(patience.next().unwrap_or(SHORT)).await;
            }
        }
    }

    async fn list(&self, listener: &mut impl Listener, how: &mut How) -> (At, Option<Interruption>) {
        let permit = self.lists.acquire().await.ok();
        listener.begin();
        let streamed = *how == How::Streamed && !self.refusals.has(&self.group);
        *how = How::Streamed;
        if streamed {
            match self.stream(listener).await {
                Ok(Some((version, events))) => {
                    drop(permit);
                    return self.consume(version, events, listener).await;
                }
                // Refused: page by page, at once.
                Ok(None) => {}
                Err(why) => {
                    if matches!(why, Interruption::Cut) {
                        *how = How::Paged;
                    }
                    return (At::Nowhere, Some(why));
                }
            }
        }
        match page::each(&self.api, self.selectors.list_params(), |object| listener.listed(object)).await {
            Ok(Some(version)) => {
                listener.whole();
                (At::Version(version), None)
            }
            Ok(None) => (At::Nowhere, Some(Interruption::NoVersion)),
            Err(error) => (At::Nowhere, Some(error.into())),
        }
    }

    /// A list by a watch that begins with all objects, as they are now; nothing where the server refuses that.
    async fn stream(&self, listener: &mut impl Listener) -> Result<Option<(String, Events)>, Interruption> {
        let mut params = self.selectors.watch_params(self.timeout);
        params.send_initial_events = true;
        // No version: the server answers with what is stored now, and not with what it remembers.
        let mut events: Events = match self.api.watch(&params, "").await {
            Ok(events) => events.boxed(),
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 422) => {
                self.refusals.add(&self.group);
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        loop {
            match timeout(SILENCE, events.next()).await {
                Err(_) | Ok(None) => return Err(Interruption::Cut),
                Ok(Some(Err(error))) => return Err(error.into()),
                Ok(Some(Ok(event))) => match event {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => listener.listed(&object),
                    WatchEvent::Deleted(object) => listener.deleted(&object),
                    WatchEvent::Error(status) => return Err(status.into()),
                    WatchEvent::Bookmark(bookmark) => {
                        if bookmark.metadata.annotations.contains_key(END) {
                            listener.whole();
                            return Ok(Some((bookmark.metadata.resource_version, events)));
                        }
                    }
                },
            }
        }
    }

    async fn resume(&self, version: String, listener: &mut impl Listener) -> (At, Option<Interruption>) {
        let begun = Instant::now();
        let events = match self.api.watch(&self.selectors.watch_params(self.timeout), &version).await {
            Ok(events) => events.boxed(),
            Err(error) => return lost(version, error.into()),
        };
        listener.resumed();
        let before = version.clone();
        match self.consume(version, events, listener).await {
            (At::Version(after), None) if after == before && begun.elapsed() < SHORT => {
                (At::Version(after), Some(Interruption::Short))
            }
            ended => ended,
        }
    }

    /// Follows a watch to its end.
    async fn consume(
        &self,
        mut version: String,
        mut events: Events,
        listener: &mut impl Listener,
    ) -> (At, Option<Interruption>) {
        while let Some(event) = events.next().await {
            match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    listener.applied(&object);
                    advance(&mut version, &object);
                }
                Ok(WatchEvent::Deleted(object)) => {
                    listener.deleted(&object);
                    advance(&mut version, &object);
                }
                Ok(WatchEvent::Bookmark(bookmark)) => version = bookmark.metadata.resource_version,
                Ok(WatchEvent::Error(status)) => return lost(version, status.into()),
                Err(error) => return lost(version, error.into()),
            }
        }
        (At::Version(version), None)
    }
}

fn advance(version: &mut String, object: &RawObject) {
    if let Some(newer) = object.meta().resource_version.as_deref().filter(|newer| !newer.is_empty()) {
        version.clear();
        version.push_str(newer);
    }
}

/// A watch at `version` was interrupted. Where the server does not remember that version, a list follows.
fn lost(version: String, why: Interruption) -> (At, Option<Interruption>) {
    match &why {
        Interruption::Api(kube::Error::Api(status)) if status.code == 410 => (At::Nowhere, None),
        _ => (At::Version(version), Some(why)),
    }
}

#[cfg(test)]
mod tests;

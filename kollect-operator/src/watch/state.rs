//! Where each watch stands, for statuses. It does not write statuses.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use kube::core::Status;
use tokio::sync::Notify;

use crate::engine::Kind;

/// Where the watch of one kind stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchState {
    /// Being resolved or listed for the first time.
    Starting,
    /// Listed to the end, and followed.
    Live,
    /// The API server does not serve the kind.
    Missing,
    /// List or watch is forbidden; the message is the API server's.
    Forbidden(String),
    /// The API server could not be reached or failed; the last state of the rows stays.
    Failing(String),
}

/// The states of all watches, and a signal when one changes.
#[derive(Debug, Default)]
pub struct WatchStates {
    states: RwLock<HashMap<Kind, WatchState>>,
    changed: Notify,
}

impl WatchStates {
    /// The state of one kind's watch; one that was not started is starting.
    pub fn get(&self, kind: &Kind) -> WatchState {
        let states = self.states.read().unwrap_or_else(PoisonError::into_inner);
        states.get(kind).cloned().unwrap_or(WatchState::Starting)
    }

    /// Resolves after the next change of any state.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn set(&self, kind: &Kind, state: WatchState) {
        let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
        if states.get(kind) != Some(&state) {
            states.insert(kind.clone(), state);
            self.changed.notify_one();
        }
    }

    pub(super) fn forget(&self, kind: &Kind) {
        self.states.write().unwrap_or_else(PoisonError::into_inner).remove(kind);
    }
}

/// What an API server's refusal means for a watch.
pub(super) fn from_status(status: &Status) -> WatchState {
    match status.code {
        401 | 403 => WatchState::Forbidden(status.message.clone()),
        404 => WatchState::Missing,
        _ => WatchState::Failing(status.message.clone()),
    }
}

/// What a client's error means for a watch.
pub(super) fn from_error(error: &kube::Error) -> WatchState {
    match error {
        kube::Error::Api(status) => from_status(status),
        other => WatchState::Failing(crate::error::chain(other)),
    }
}

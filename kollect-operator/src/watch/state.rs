//! Where each watch stands, for statuses. It does not write statuses.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use kollect_sink_core::{Target, Text};
use tokio::sync::Notify;

use super::discovery::{Extent, ServedKind};
use crate::engine::{Kind, is_cluster};

/// Where the watch of one kind stands, as far as it matters to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchState {
    /// Being resolved or listed for the first time.
    Starting,
    /// Listed to the end, and followed.
    Live,
    /// The API server does not serve the kind.
    Missing,
    /// Objects of the kind belong to no namespace.
    ClusterScoped,
    /// List or watch is forbidden wherever the target looks.
    Forbidden(Refusal),
    /// List or watch is forbidden in these namespaces; the others are followed.
    Partly(Refusal, Vec<Text>),
    /// The API server could not be reached or failed; the last state of the rows stays.
    Failing(String),
}

/// What the API server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The resource, in the plural.
    pub resource: String,
    /// Why.
    pub said: String,
}

/// Where one watch stands: that of all namespaces, or of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PartState {
    Starting,
    Live,
    Failing(String),
    Denied(String),
}

#[derive(Debug, Default)]
struct KindState {
    /// Before there is a watch.
    whole: Option<WatchState>,
    extent: Extent,
    resource: String,
    parts: BTreeMap<Option<Text>, PartState>,
}

/// The states of all watches, and a signal when one changes.
#[derive(Debug, Default)]
pub struct WatchStates {
    states: RwLock<HashMap<Kind, KindState>>,
    changed: Notify,
}

impl WatchStates {
    /// The state of one kind's watches for `target`, in the namespaces that `covers` names; one that was not started is
    /// starting.
    pub fn get(&self, kind: &Kind, target: &Target, covers: impl Fn(&Text) -> bool) -> WatchState {
        let states = self.states.read().unwrap_or_else(PoisonError::into_inner);
        match states.get(kind) {
            None => WatchState::Starting,
            Some(state) if state.extent == Extent::Cluster && !is_cluster(target) => {
                WatchState::ClusterScoped
            }
            Some(state) => state.of(covers),
        }
    }

    /// Resolves after the next change of any state.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The kind is not watched, for this reason.
    pub(super) fn set(&self, kind: &Kind, state: WatchState) {
        let mut states = self.lock();
        let known = states.entry(kind.clone()).or_default();
        if known.whole.as_ref() != Some(&state) {
            if !matches!(state, WatchState::Starting) {
                tracing::warn!(%kind, ?state, "kind is not watched");
            }
            *known = KindState { whole: Some(state), ..KindState::default() };
            self.changed.notify_one();
        }
    }

    /// The kind is watched, as it is served, in these places only.
    pub(super) fn keep(&self, kind: &Kind, served: &ServedKind, places: impl Fn(&Option<Text>) -> bool) {
        let mut states = self.lock();
        let known = states.entry(kind.clone()).or_default();
        known.whole = None;
        known.extent = served.extent;
        known.resource.clone_from(&served.resource.plural);
        known.parts.retain(|place, _| places(place));
        self.changed.notify_one();
    }

    pub(super) fn set_part(&self, kind: &Kind, place: Option<&Text>, state: PartState) {
        let mut states = self.lock();
        let parts = &mut states.entry(kind.clone()).or_default().parts;
        let place = place.cloned();
        if parts.get(&place) != Some(&state) {
            if let PartState::Failing(why) | PartState::Denied(why) = &state {
                tracing::warn!(%kind, namespace = place.as_deref(), why, "watch failed");
            }
            parts.insert(place, state);
            self.changed.notify_one();
        }
    }

    pub(super) fn forget(&self, kind: &Kind) {
        self.lock().remove(kind);
    }

    fn lock(&self) -> RwLockWriteGuard<'_, HashMap<Kind, KindState>> {
        self.states.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KindState {
    fn of(&self, covers: impl Fn(&Text) -> bool) -> WatchState {
        if let Some(whole) = &self.whole {
            return whole.clone();
        }
        let (mut denied, mut refusal, mut others) = (Vec::new(), None, WatchState::Live);
        let mut other = false;
        for (place, state) in &self.parts {
            if place.as_ref().is_some_and(|namespace| !covers(namespace)) {
                continue;
            }
            other |= !matches!(state, PartState::Denied(_));
            match state {
                PartState::Live => {}
                PartState::Denied(said) => {
                    denied.extend(place.clone());
                    refusal = Some(Refusal { resource: self.resource.clone(), said: said.clone() });
                }
                PartState::Failing(why) => others = WatchState::Failing(why.clone()),
                PartState::Starting if others == WatchState::Live => others = WatchState::Starting,
                PartState::Starting => {}
            }
        }
        match (refusal, others) {
            (Some(refusal), _) if !other => WatchState::Forbidden(refusal),
            (Some(refusal), WatchState::Live) => WatchState::Partly(refusal, denied),
            (_, others) => others,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(parts: &[(Option<&str>, PartState)]) -> KindState {
        let parts = parts.iter().map(|(place, state)| (place.map(Text::from), state.clone())).collect();
        KindState { resource: "pods".to_owned(), parts, ..KindState::default() }
    }

    #[test]
    fn a_target_hears_of_the_places_where_it_looks() {
        let denied = || PartState::Denied("no".to_owned());
        let refusal = || Refusal { resource: "pods".to_owned(), said: "no".to_owned() };
        let failing = || PartState::Failing("gone".to_owned());
        let partly = |names: &[&str]| {
            WatchState::Partly(refusal(), names.iter().map(|name| Text::from(*name)).collect())
        };
        let (a, b) = (Some("a"), Some("b"));
        let table = [
            (vec![], "ab", WatchState::Live),
            (vec![(None, PartState::Live)], "ab", WatchState::Live),
            (vec![(None, PartState::Starting)], "ab", WatchState::Starting),
            (vec![(a, PartState::Live), (b, PartState::Starting)], "ab", WatchState::Starting),
            (vec![(a, PartState::Live), (b, PartState::Starting)], "a", WatchState::Live),
            (vec![(a, denied()), (b, PartState::Live)], "ab", partly(&["a"])),
            (vec![(a, denied()), (b, PartState::Live)], "a", WatchState::Forbidden(refusal())),
            (vec![(a, denied()), (b, PartState::Live)], "b", WatchState::Live),
            (vec![(a, denied()), (b, denied())], "ab", WatchState::Forbidden(refusal())),
            (vec![(a, denied()), (b, failing())], "ab", WatchState::Failing("gone".to_owned())),
            (vec![(None, denied())], "", WatchState::Forbidden(refusal())),
        ];
        for (parts, covers, wanted) in table {
            let found = state(&parts).of(|namespace| covers.contains(&**namespace));
            assert_eq!(found, wanted, "{parts:?} as seen from {covers:?}");
        }
    }
}

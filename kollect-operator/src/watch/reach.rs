//! Where a kind has to be watched, and by which selectors: from the targets that need it. It asks nobody what is allowed.

use std::collections::BTreeSet;
use std::sync::Arc;

use kollect_sink_core::Text;
use kube::api::{ListParams, WatchParams};

use crate::engine::{CompiledTarget, Kind, Namespaces};

/// Up to this many namespaces are watched one by one instead of the whole cluster.
const FEW: usize = 10;

/// Where a kind is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// In all namespaces at once.
    Everywhere,
    /// In each of these.
    Namespaces(BTreeSet<Text>),
}

/// How the operator may reach namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// All at once, as far as is known.
    None,
    /// One by one: it is limited to some, or may not see all at once.
    OneByOne,
}

impl Reach {
    /// What these targets need.
    pub(super) fn of(targets: &[Arc<CompiledTarget>], limit: Limit, namespaces: &Namespaces) -> Self {
        let named: Option<BTreeSet<Text>> = targets
            .iter()
            .map(|target| target.selection.named_namespaces())
            .collect::<Option<Vec<BTreeSet<String>>>>()
            .map(|named| named.iter().flatten().map(|name| Text::from(name.as_str())).collect());
        match (named, limit) {
            (Some(named), Limit::OneByOne) => Self::Namespaces(named),
            (Some(named), Limit::None) if named.len() <= FEW => Self::Namespaces(named),
            (_, Limit::None) => Self::Everywhere,
            (None, Limit::OneByOne) => {
                let mut all = namespaces.names();
                all.retain(|name| {
                    let facts = namespaces.get(name);
                    targets.iter().any(|target| target.selection.selects_namespace(name, &facts))
                });
                Self::Namespaces(all.iter().map(|name| Text::from(name.as_str())).collect())
            }
        }
    }
}

/// What the API server may leave out already, because no target wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selectors {
    labels: Option<String>,
    fields: Option<String>,
}

impl Selectors {
    /// What all of these targets select objects of `kind` by. Nothing, where two of them differ.
    pub(super) fn of(targets: &[Arc<CompiledTarget>], kind: &Kind) -> Self {
        let mut all = targets.iter().map(|target| target.selection.narrows(kind));
        let Some((labels, name)) = all.next() else { return Self::default() };
        let (mut labels, mut name) = (labels, name);
        for (other_labels, other_name) in all {
            labels = labels.filter(|labels| other_labels.as_ref() == Some(labels));
            name = name.filter(|name| other_name.as_ref() == Some(name));
        }
        Self { labels, fields: name.map(|name| format!("metadata.name={name}")) }
    }

    pub(super) fn list_params(&self) -> ListParams {
        ListParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            ..ListParams::default()
        }
    }

    /// For a watch of so many seconds, with bookmarks.
    pub(super) fn watch_params(&self, timeout: u32) -> WatchParams {
        WatchParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            timeout: Some(timeout),
            bookmarks: true,
            send_initial_events: false,
        }
    }
}

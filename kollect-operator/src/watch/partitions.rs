//! What is known of a kind's partitions, as its watches come and go. It lists nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use kollect_sink_core::Text;
use kollect_snapshot::Why;

use crate::engine::{CompiledTarget, Engine, Kind};

/// Nothing is known of the kind any more, and nothing is under way: rows stay as they were observed.
pub(super) fn doubt(engine: &Engine, members: &[Arc<CompiledTarget>], kind: &Kind) {
    let group_kind = kind.group_kind();
    for member in members {
        engine.store().amend(&member.target, |gaps| {
            gaps.retain(&group_kind, |namespace| namespace.is_none());
            gaps.open(&group_kind, None, Why::Failed);
        });
    }
}

/// Objects of the kind belong to no namespace: nothing is to be known of one.
pub(super) fn unite(engine: &Engine, members: &[Arc<CompiledTarget>], kind: &Kind) {
    for member in members {
        engine
            .store()
            .amend(&member.target, |gaps| gaps.retain(&kind.group_kind(), |namespace| namespace.is_none()));
    }
}

/// Nobody waits for the kind any more; what is under way may still end well.
pub(super) fn give_up(engine: &Engine, members: &[Arc<CompiledTarget>], kind: &Kind) {
    for member in members {
        engine.store().amend(&member.target, |gaps| gaps.give_up(&kind.group_kind(), None));
    }
}

/// The kind does not exist: it is known to be empty.
pub(super) fn vanish(engine: &Engine, members: &[Arc<CompiledTarget>], kind: &Kind) {
    let group_kind = kind.group_kind();
    for member in members {
        engine
            .store()
            .retain(&member.target, |row| *row.kind() != group_kind.kind || *row.group() != group_kind.group);
        engine.store().amend(&member.target, |gaps| gaps.retain(&group_kind, |_| false));
    }
}

/// The kind is watched namespace by namespace, in those of `watched` that are not `denied`. What was not known of the
/// kind as a whole is not known of each of them, until it is listed there; a namespace that a target does not look into
/// is known to be empty.
pub(super) fn divide(
    engine: &Engine,
    members: &[Arc<CompiledTarget>],
    kind: &Kind,
    watched: &BTreeSet<Text>,
    denied: impl Fn(&Text) -> bool,
) {
    let group_kind = kind.group_kind();
    for member in members {
        let selected: BTreeSet<&Text> = watched
            .iter()
            .filter(|name| member.selection.selects_namespace(name, &engine.namespaces.get(name)))
            .collect();
        let nowhere = !selected.is_empty() && selected.iter().all(|name| denied(name));
        engine.store().amend(&member.target, |gaps| {
            let whole = gaps.has(&group_kind, None);
            if nowhere {
                gaps.retain(&group_kind, |namespace| namespace.is_none());
                gaps.open(&group_kind, None, Why::Failed);
                return;
            }
            for name in &selected {
                if denied(name) {
                    gaps.open(&group_kind, Some(name), Why::Failed);
                } else if whole && !gaps.has(&group_kind, Some(name)) {
                    gaps.open(&group_kind, Some(name), Why::Pending);
                }
            }
            gaps.retain(&group_kind, |namespace| namespace.is_some_and(|name| selected.contains(name)));
        });
    }
}

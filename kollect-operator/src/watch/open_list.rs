//! One list under way, as the store knows it: for whom it answers, and that it is ended or aborted. It reads no pages.

use std::sync::Arc;

use kollect_sink_core::{Target, Text};
use kollect_snapshot::listing::{ListId, ListScope, Swept};

use crate::engine::{CompiledTarget, Engine, Kind, RawObject, Via};

/// A list that answers for some targets. Dropping it aborts it: it removes nothing then.
pub(super) struct OpenList {
    engine: Arc<Engine>,
    kind: Kind,
    id: Option<ListId>,
    targets: Vec<Target>,
}

impl OpenList {
    /// Begins a list for those of `members` that are still collected in this form.
    pub(super) fn begin(
        engine: &Arc<Engine>,
        kind: &Kind,
        members: &[Arc<CompiledTarget>],
        namespace: Option<&Text>,
    ) -> Self {
        let store = engine.store();
        loop {
            let targets = current(engine, kind, members);
            let scope = ListScope {
                kind: kind.group_kind(),
                targets: targets.clone(),
                namespace: namespace.cloned(),
            };
            let id = store.begin_list(scope);
            // A target's new form is published before lists are withdrawn from it: whoever changed between the two
            // looks has another form now, and would not be withdrawn from a list that began after.
            if current(engine, kind, members) == targets {
                return Self { engine: engine.clone(), kind: kind.clone(), id: Some(id), targets };
            }
            store.abort_list(id);
        }
    }

    /// Applies an item.
    pub(super) fn observe(&self, object: &RawObject) {
        if let Some(id) = &self.id {
            self.engine.observe(&self.kind, object, Via::List(id, &self.targets));
        }
    }

    /// It was whole: what it did not contain is gone.
    pub(super) fn end(mut self) -> Swept {
        self.id.take().map(|id| self.engine.store().end_list(id)).unwrap_or_default()
    }
}

impl Drop for OpenList {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.engine.store().abort_list(id);
        }
    }
}

fn current(engine: &Engine, kind: &Kind, members: &[Arc<CompiledTarget>]) -> Vec<Target> {
    let interests = engine.interests(kind);
    let collected =
        members.iter().filter(|member| interests.iter().any(|interest| Arc::ptr_eq(interest, member)));
    collected.map(|member| member.target.clone()).collect()
}

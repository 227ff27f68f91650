//! What an inventory shows: whose rows, of which namespaces, and of several rows of one object which. It holds
//! no rows, and does not resolve selectors.

use std::collections::BTreeSet;

use kollect_sink_core::{Identity, Target, Text};

/// What an inventory shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The targets whose rows it shows.
    pub members: BTreeSet<Target>,
    /// Rows of these namespaces only, and none of cluster-scoped objects; `None` = all rows.
    pub namespaces: Option<BTreeSet<Text>>,
    /// What becomes of several rows of one object.
    pub dedupe: Dedupe,
    /// Whether its rows are counted by namespace.
    pub sharding: Sharding,
}

/// What becomes of the rows that several targets make of one object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dedupe {
    /// All are shown.
    #[default]
    KeepAll,
    /// One is shown for each uid: that of the member that sorts first, among those that have a row of it in the
    /// namespaces shown. When it leaves, the next one's comes in the same step.
    ///
    /// A row counts as long as the store has it, whether or not its partition is known. After a restart a target that
    /// cannot be listed has no row, and the next one's is shown meanwhile: a target that stays broken must not hide what
    /// others see. A destination keeps what it holds of that target, so it may hold both rows until then.
    ByUid,
}

/// Whether rows are counted by namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sharding {
    /// They are not.
    #[default]
    Off,
    /// They are, at every change.
    ByNamespace,
}

impl Contents {
    /// All rows of some targets, as they are. Such an inventory shows what the targets hold and costs nothing of its
    /// own per row.
    pub fn of(members: impl IntoIterator<Item = Target>) -> Self {
        Self { members: members.into_iter().collect(), ..Self::default() }
    }

    /// Whether rows are left out, so that the inventory needs rows of its own.
    pub(crate) fn is_derived(&self) -> bool {
        self.namespaces.is_some() || self.dedupe == Dedupe::ByUid
    }

    /// Whether the row's namespace is shown.
    pub(crate) fn admits(&self, identity: &Identity) -> bool {
        self.namespaces.as_ref().is_none_or(|namespaces| namespaces.contains(identity.namespace()))
    }
}

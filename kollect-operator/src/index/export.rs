//! What one inventory exports to one sink. It does not export.

use std::fmt;
use std::time::Duration;

use kollect_api::reference::{Cadence, Family};

use super::name::ObjectName;

/// A sink object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SinkId {
    /// Its family, which is its kind.
    pub family: Family,
    /// Namespace and name.
    pub name: ObjectName,
}

impl SinkId {
    /// The name in `status.sinkExports` of an inventory that finds its sinks in `home`, where it names no namespace.
    pub fn entry(&self, home: &str) -> String {
        let Self { family, name: ObjectName { namespace, name } } = self;
        if namespace == home { format!("{family}/{name}") } else { format!("{family}/{namespace}/{name}") }
    }
}

impl fmt::Display for SinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family.kind(), self.name)
    }
}

/// One inventory and one of its sinks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExportId {
    /// The inventory.
    pub inventory: ObjectName,
    /// The sink.
    pub sink: SinkId,
}

impl fmt::Display for ExportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.inventory, self.sink)
    }
}

/// What an inventory says about one of its sinks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportSpec {
    /// The entry's name in `status.sinkExports`.
    pub entry: String,
    /// The sink.
    pub sink: SinkId,
    /// When to write.
    pub cadence: Cadence,
    /// The interval that the reference or the inventory states; a sink's own stands between them.
    pub interval: Interval,
}

/// The intervals in the order in which they win: reference, sink, inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Stated in the reference.
    pub reference: Option<Duration>,
    /// Stated in the inventory, or its default.
    pub inventory: Duration,
    /// The least that scopes allow; zero where they state none.
    pub least: Duration,
}

impl Interval {
    /// The interval that holds for a sink that states `sink`, under `cadence`. An unchanged payload that is never confirmed
    /// is not confirmed too often: zero stays zero there.
    pub fn effective(self, sink: Option<Duration>, cadence: Cadence) -> Duration {
        let stated = self.reference.or(sink).unwrap_or(self.inventory);
        match cadence {
            Cadence::OnChange if stated.is_zero() => stated,
            Cadence::OnChange | Cadence::Interval => stated.max(self.least),
        }
    }
}

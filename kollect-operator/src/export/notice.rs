//! What a worker says once, beside where it stands: each becomes an Event on its inventory. It publishes nothing.

use crate::index::{ObjectName, SinkId};

/// Something that a person should know at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whose export.
    pub inventory: ObjectName,
    /// Into which sink.
    pub sink: SinkId,
    /// What it is.
    pub news: News,
}

/// What there is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The sink holds far more rows than were found after the start: nothing is removed before another list
    /// of the targets confirms it.
    Braked {
        /// Rows that the sink holds.
        stored: u64,
        /// Rows that were found.
        found: u64,
    },
    /// Retirement was given up; the text names what remains.
    Abandoned(String),
}

impl Notice {
    /// The Event's reason.
    pub fn reason(&self) -> &'static str {
        match self.news {
            News::Braked { .. } => "MassDeletionHeld",
            News::Abandoned(_) => "CleanupTerminal",
        }
    }

    /// The Event's text.
    pub fn message(&self) -> String {
        match &self.news {
            News::Braked { stored, found } => format!(
                "{} holds {stored} rows and only {found} were found after the start; nothing is removed \
                 before the targets have been listed once more",
                self.sink
            ),
            News::Abandoned(left) => format!("not removed from its sink: {left}"),
        }
    }
}

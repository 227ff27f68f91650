//! Connection tests: named steps with their outcome. They carry no secrets.

use std::time::Duration;

/// How far a connection test goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeDepth {
    /// Reads only.
    Read,
    /// Also proves that a write would be allowed, and takes it back.
    Write,
}

/// One step of a connection test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeStep {
    /// A fixed name, such as `resolve address`, `connect`, `tls`, `authenticate`, `authorise`, `target`.
    pub name: &'static str,
    /// Whether it went well.
    pub ok: bool,
    /// What was found, or what to do.
    pub message: String,
    /// How long it took.
    pub duration: Duration,
}

/// The steps in order; the first failed one is the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeReport {
    /// The steps that ran.
    pub steps: Vec<ProbeStep>,
}

impl ProbeReport {
    /// Whether every step went well.
    pub fn ok(&self) -> bool {
        self.steps.iter().all(|step| step.ok)
    }

    /// The step that failed.
    pub fn failure(&self) -> Option<&ProbeStep> {
        self.steps.iter().find(|step| !step.ok)
    }
}

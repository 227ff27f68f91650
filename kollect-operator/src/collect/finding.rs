//! What a pass has to tell beside its rows: what was skipped or failed, why, and what to do. It does not print.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Good to know; the result is whole without it.
    Note,
    /// Something that was asked for is not in the result.
    Skipped,
    /// Something went wrong.
    Failed,
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        })
    }
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it weighs.
    pub weight: Weight,
    /// What it is about: a file with its line, a kind, a target.
    pub what: String,
    /// Why, and what to do about it.
    pub why: String,
}

/// Findings of one pass, from several tasks.
#[derive(Debug, Default)]
pub struct Findings(Mutex<Vec<Finding>>);

impl Findings {
    /// Adds a finding.
    pub fn add(&self, weight: Weight, what: impl Into<String>, why: impl Into<String>) {
        let finding = Finding { weight, what: what.into(), why: why.into() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
    }

    /// All findings, in the order in which they came.
    pub fn into_vec(self) -> Vec<Finding> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

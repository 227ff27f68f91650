//! What a run tells at its end: what was read, what was written, what is missing and why. It decides the exit
//! code from the same facts.

use std::fmt::Write as _;

use indicatif::HumanBytes;

use super::Done;
use super::finding::Weight;
use super::output::Document;
use super::printable::{counted, printable};

/// Findings of one weight that are told in full.
const TOLD: usize = 40;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All that was asked for is there.
    Complete,
    /// Something was skipped or failed; the rest is there.
    Partial,
    /// Nothing could be read.
    Useless,
}

impl Verdict {
    /// Of all sources together.
    pub fn of(done: &[Done]) -> Self {
        let weights = || done.iter().flat_map(|done| &done.gathered.findings).map(|finding| finding.weight);
        if !done.iter().any(Done::is_useful) {
            Self::Useless
        } else if done.iter().all(Done::is_useful) && weights().all(|weight| weight == Weight::Note) {
            Self::Complete
        } else {
            Self::Partial
        }
    }

    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Partial => 1,
            Self::Useless => 2,
        }
    }
}

/// How much of the summary is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// All of it.
    Full,
    /// What is missing, and nothing else.
    Problems,
}

/// The summary of one source.
pub fn text(done: &Done, documents: &[Document], detail: Detail) -> String {
    let gathered = &done.gathered;
    let mut text = String::new();
    if detail == Detail::Full {
        let (objects, rows) = (counted(gathered.objects, "object"), counted(gathered.rows(), "row"));
        let cluster = &gathered.cluster;
        let seconds = gathered.took.as_secs_f64();
        let _ = writeln!(text, "{cluster}: {objects} read, {rows}, in {seconds:.2} s");
        for document in documents {
            let (rows, size) = (counted(document.rows, "row"), HumanBytes(document.bytes));
            let _ = writeln!(text, "  wrote    {} ({rows}, {size})", printable(&document.place));
        }
    }
    for weight in [Weight::Failed, Weight::Skipped, Weight::Note] {
        if weight == Weight::Note && detail == Detail::Problems {
            continue;
        }
        let found = || gathered.findings.iter().filter(|finding| finding.weight == weight);
        for finding in found().take(TOLD) {
            let _ = writeln!(text, "  {weight:<8} {}: {}", printable(&finding.what), printable(&finding.why));
        }
        let untold = found().count().saturating_sub(TOLD);
        if untold > 0 {
            let _ = writeln!(text, "  {weight:<8} and {untold} more");
        }
    }
    text
}

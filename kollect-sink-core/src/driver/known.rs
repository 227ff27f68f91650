//! What this process knows of a destination's checkpoint, and which revision of the source it stands for. It
//! does no I/O.

use crate::digest::ScopeDigest;
use crate::error::{Error, ErrorKind, Result};
use crate::header::{Checkpoint, Writer};
use crate::plan::Trust;

/// A checkpoint that this process wrote, claimed or found equal, and the source's revision that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    epoch: u64,
    revision: u64,
    digest: Option<ScopeDigest>,
    source: u64,
}

impl Mark {
    fn new(checkpoint: &Checkpoint, source: u64) -> Self {
        let Checkpoint { epoch, revision, digest, .. } = *checkpoint;
        Self { epoch, revision, digest, source }
    }

    fn names(&self, checkpoint: &Checkpoint) -> bool {
        *self == Self::new(checkpoint, self.source)
    }
}

/// What is known. Every write forgets `stored` first, so that a dropped future leaves doubt and no error.
#[derive(Debug)]
pub(crate) struct Known {
    writer: Writer,
    /// The last answer; `None` where the destination is to be asked.
    stored: Option<Option<Checkpoint>>,
    /// The highest epoch seen or made by this process; `None` before the first answer.
    epoch: Option<u64>,
    /// The epoch that this process claimed.
    owned: Option<u64>,
    /// A claim that got no answer, by the epoch it had seen.
    claiming: Option<u64>,
    /// Few: the base, its claim, and the target of a write without an answer.
    marks: Vec<Mark>,
    /// The target of a write without an answer.
    writing: Option<Mark>,
    trust: Trust,
}

impl Known {
    pub(crate) fn new(writer: Writer) -> Self {
        Self {
            writer,
            stored: None,
            epoch: None,
            owned: None,
            claiming: None,
            marks: Vec::new(),
            writing: None,
            trust: Trust::Whole,
        }
    }

    /// The destination's checkpoint; `None` where it is to be asked.
    pub(crate) fn stored(&self) -> Option<Option<&Checkpoint>> {
        self.stored.as_ref().map(Option::as_ref)
    }

    /// The stored checkpoint, if this process owns it.
    pub(crate) fn owned(&self) -> Option<&Checkpoint> {
        let stored = self.stored.as_ref()?.as_ref()?;
        (stored.writer == self.writer && self.owned == Some(stored.epoch)).then_some(stored)
    }

    /// The epoch to claim from.
    pub(crate) fn seen_epoch(&self) -> u64 {
        self.epoch.unwrap_or(0)
    }

    /// The source's revision that the stored checkpoint stands for.
    pub(crate) fn synced(&self) -> Option<u64> {
        let stored = self.stored.as_ref()?.as_ref()?;
        self.marks.iter().find(|mark| mark.names(stored)).map(|mark| mark.source)
    }

    pub(crate) fn trust(&self) -> Trust {
        self.trust
    }

    /// The destination is to be asked again.
    pub(crate) fn doubt(&mut self) {
        self.stored = None;
    }

    /// No base is known any more.
    pub(crate) fn forget(&mut self) {
        self.stored = None;
        self.marks.clear();
    }

    /// Takes the destination's answer.
    ///
    /// # Errors
    /// `Fenced` where a higher epoch of our writer appeared that this process did not make. A claim of ours
    /// whose answer was lost looks the same as another's claim of that moment; it is taken for ours, and claimed
    /// once more by compare-and-set, so that at most one of the two goes on.
    ///
    /// Where writes are not atomic, `unfinished` says what a claim without a write after it is worth: somebody may
    /// have stopped in the middle of that write.
    pub(crate) fn read(&mut self, answer: Option<Checkpoint>, unfinished: Trust) -> Result<()> {
        if let Some(found) = &answer {
            let ours = found.writer == self.writer;
            let vacant = found.writer.as_str().is_empty();
            let higher = self.epoch.is_some_and(|epoch| found.epoch > epoch);
            let lost =
                ours && found.revision == 0 && self.claiming.is_some_and(|seen| found.epoch == seen + 1);
            if higher && !lost && (ours || vacant && self.owned.is_some()) {
                let message = format!("a later instance of this writer holds epoch {}", found.epoch);
                return Err(Error::new(ErrorKind::Fenced, message));
            }
            let same = |mark: &Mark| mark.names(found) || lost && mark.digest == found.digest;
            self.marks = self
                .marks
                .iter()
                .find(|mark| same(mark))
                .map(|mark| Mark::new(found, mark.source))
                .into_iter()
                .collect();
            if self.writing.take().is_some_and(|target| target.names(found)) {
                self.trust = Trust::Whole;
            }
            if found.revision == 0 && unfinished == Trust::Interrupted {
                self.trust = Trust::Interrupted;
            }
        } else {
            self.marks.clear();
        }
        let epoch = answer.as_ref().map_or(0, |found| found.epoch);
        self.epoch = self.epoch.max(Some(epoch));
        self.stored = Some(answer);
        Ok(())
    }

    /// The destination was found to hold the rows of the source's revision `source`.
    pub(crate) fn equal_to(&mut self, source: u64) {
        let Some(Some(stored)) = &self.stored else { return };
        self.marks = vec![Mark::new(stored, source)];
    }

    /// Whether a claim of ours got no answer: it may have landed, or land yet.
    pub(crate) fn unanswered_claim(&self) -> bool {
        self.claiming.is_some()
    }

    /// A claim starts; it may land without an answer.
    pub(crate) fn claim_starts(&mut self) {
        self.claiming = Some(self.seen_epoch());
        self.stored = None;
    }

    /// A claim was granted. Where the contents are those read before, the base stays known.
    pub(crate) fn claimed(&mut self, before: Option<&Checkpoint>, now: Checkpoint) -> Result<()> {
        if now.writer != self.writer || now.epoch <= self.seen_epoch() {
            let message = "the destination granted a claim with another writer or an old epoch";
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        self.claiming = None;
        self.epoch = Some(now.epoch);
        self.owned = Some(now.epoch);
        let base = self.marks.iter().find(|mark| before.is_some_and(|before| mark.names(before)));
        let same = before.map(|before| (before.digest, before.rows)) == Some((now.digest, now.rows));
        match base.map(|mark| mark.source) {
            Some(source) if same => self.marks.push(Mark::new(&now, source)),
            _ => self.marks.clear(),
        }
        self.stored = Some(Some(now));
        Ok(())
    }

    /// A write to `target` starts; it may land without an answer.
    pub(crate) fn write_starts(&mut self, target: &Checkpoint, source: u64, while_unfinished: Trust) {
        self.marks.push(Mark::new(target, source));
        self.writing = Some(Mark::new(target, source));
        self.trust = while_unfinished;
        self.stored = None;
    }

    /// A write ended well.
    pub(crate) fn wrote(&mut self, reached: Checkpoint, source: u64) {
        self.marks = vec![Mark::new(&reached, source)];
        self.writing = None;
        self.trust = Trust::Whole;
        self.stored = Some(Some(reached));
    }
}

//! kubectl's templates: text, paths and ranges that become one text. It does not find where the paths begin.

use super::{Hit, Step, Treatment, Work};
use crate::extract::scrub::{Scrubber, replace};
use crate::extract::tree::Tree;

/// A part of a template.
#[derive(Clone, Debug)]
pub(in crate::extract) enum Piece {
    /// Text as it stands.
    Text(String),
    /// What a path leads to.
    Path(Vec<Step>),
    /// The pieces once for each value that the path leads to, and from there.
    Range(Vec<Step>, Vec<Piece>),
}

/// What a template has become so far.
#[derive(Debug, Default)]
pub(in crate::extract) struct Writing {
    out: String,
    paths: bool,
    some: bool,
    hidden: bool,
}

impl Writing {
    /// Adds text.
    ///
    /// # Errors
    /// The work is too much.
    pub(in crate::extract) fn text(&mut self, text: &str, work: &mut Work<'_>) -> Result<(), String> {
        work.spend(text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    /// Adds values as kubectl prints them: apart by a space, strings bare, all else as JSON.
    ///
    /// # Errors
    /// A value is no JSON, or the work is too much.
    pub(in crate::extract) fn values(
        &mut self,
        hits: Vec<Hit<'_>>,
        work: &mut Work<'_>,
        scrubber: &Scrubber,
    ) -> Result<(), String> {
        self.paths = true;
        for (index, hit) in hits.into_iter().enumerate() {
            work.spend(hit.text.len())?;
            self.some = true;
            self.hidden |= hit.treatment == Treatment::Hidden;
            if index > 0 {
                self.out.push(' ');
            }
            match hit.show(scrubber).map_err(|error| error.to_string())? {
                Tree::String(text) => self.out.push_str(&text),
                other => other.write(&mut self.out),
            }
        }
        Ok(())
    }

    /// Adds the pieces of a range, once for each of `hits`.
    ///
    /// # Errors
    /// As [`Writing::values`].
    pub(in crate::extract) fn range(
        &mut self,
        pieces: &[Piece],
        hits: Vec<Hit<'_>>,
        work: &mut Work<'_>,
        scrubber: &Scrubber,
    ) -> Result<(), String> {
        self.paths = true;
        for hit in hits {
            self.some = true;
            self.pieces(pieces, hit, work, scrubber)?;
        }
        Ok(())
    }

    /// Adds pieces whose paths begin at `hit`.
    ///
    /// # Errors
    /// As [`Writing::values`].
    pub(in crate::extract) fn pieces(
        &mut self,
        pieces: &[Piece],
        hit: Hit<'_>,
        work: &mut Work<'_>,
        scrubber: &Scrubber,
    ) -> Result<(), String> {
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.text(text, work)?,
                Piece::Path(steps) => {
                    let hits = work.select(steps, hit)?;
                    self.values(hits, work, scrubber)?;
                }
                Piece::Range(steps, inner) => {
                    let hits = work.select(steps, hit)?;
                    self.range(inner, hits, work, scrubber)?;
                }
            }
        }
        Ok(())
    }

    /// The text. Nothing where no path led anywhere; hidden as a whole where a part is.
    pub(in crate::extract) fn finish<'a>(self) -> Option<Tree<'a>> {
        if self.paths && !self.some {
            return None;
        }
        let mut text = Tree::String(self.out.into());
        if self.hidden {
            replace(&mut text);
        }
        Some(text)
    }
}

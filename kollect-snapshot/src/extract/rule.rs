//! How one attribute is made of what was found. It neither coerces nor names it.

use super::cel::{Expression, Fault, Place};
use super::jsonpath::{self, Hit, Parsed, Piece, Step, Treatment, Work};
use super::scrub::{Scrubber, replace};
use super::secrets::SecretGuard;
use super::tree::Tree;
use super::trie::{Found, NodeId, Trie};

/// A compiled path or expression.
#[derive(Debug)]
pub(super) enum Rule {
    /// A path.
    Path(Route),
    /// Text and such values.
    Template(Vec<Part>),
    /// An expression, and where it finds what it reads.
    Cel(Expression, Vec<Place>),
}

/// What the pass finds of a path, and the steps that remain from there.
#[derive(Debug)]
pub(super) struct Route {
    node: NodeId,
    treatment: Treatment,
    steps: Vec<Step>,
    singular: bool,
}

/// A part of a template.
#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    Path(Route),
}

/// What rules are compiled with.
pub(super) struct Compiler<'c> {
    pub(super) trie: &'c mut Trie,
    pub(super) scrubber: &'c Scrubber,
    /// Refuses paths.
    pub(super) guard: SecretGuard,
}

impl Compiler<'_> {
    /// Compiles an attribute's path.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub(super) fn rule(&mut self, path: &str) -> Result<Rule, String> {
        if let Some(source) = path.strip_prefix("cel:") {
            let (expression, places) = self.expression(source.trim())?;
            return Ok(Rule::Cel(expression, places));
        }
        if path.starts_with("helm:") {
            return Err("helm: paths are not supported by this version".to_owned());
        }
        match jsonpath::parse(path)? {
            Parsed::Path(steps) => self.route(&steps).map(Rule::Path),
            Parsed::Template(pieces) => {
                let part = |piece: Piece| match piece {
                    Piece::Text(text) => Ok(Part::Text(text)),
                    Piece::Path(steps) => self.route(&steps).map(Part::Path),
                };
                pieces.into_iter().map(part).collect::<Result<_, String>>().map(Rule::Template)
            }
        }
    }

    /// Compiles an expression.
    ///
    /// # Errors
    /// As [`Compiler::rule`].
    pub(super) fn expression(&mut self, source: &str) -> Result<(Expression, Vec<Place>), String> {
        let expression = Expression::compile(source)?;
        let mut places = Vec::new();
        for slot in expression.slots() {
            self.guard.check(&slot.path)?;
            places.push(Place::new(slot, self.trie, self.scrubber));
        }
        Ok((expression, places))
    }

    fn route(&mut self, steps: &[Step]) -> Result<Route, String> {
        let (names, rest) = jsonpath::split(steps);
        self.guard.check(&names)?;
        // An alternative such as ['data','type'] reads it as well.
        for name in jsonpath::first_names(steps) {
            self.guard.check(&[name])?;
        }
        let root = Hit { text: "", treatment: Treatment::Plain };
        let start = names.iter().fold(root, |hit, key| hit.member(self.scrubber, key, false, ""));
        Ok(Route {
            node: self.trie.capture(names.iter().map(String::as_str)),
            treatment: start.treatment,
            steps: rest.to_vec(),
            singular: jsonpath::singular(steps),
        })
    }
}

impl Rule {
    /// Whether it may lead to several values.
    pub(super) fn is_plural(&self) -> bool {
        matches!(self, Self::Path(route) if !route.singular)
    }

    /// The value; none where there is nothing. `listed` asks for a list where there may be several.
    ///
    /// # Errors
    /// The reason, without any value.
    pub(super) fn evaluate<'a>(
        &self,
        found: &Found<'a>,
        work: &mut Work<'_>,
        scrubber: &Scrubber,
        listed: bool,
    ) -> Result<Option<Tree<'a>>, Fault> {
        match self {
            Self::Path(route) => {
                let mut shown = route.follow(found, work, scrubber).map_err(Fault::Failed)?;
                Ok(match shown.len() {
                    0 => None,
                    1 if !listed => shown.pop(),
                    _ => Some(Tree::List(shown)),
                })
            }
            Self::Template(parts) => template(parts, found, work, scrubber).map_err(Fault::Failed),
            Self::Cel(expression, places) => {
                let mut value = expression.evaluate(places, found, scrubber)?;
                value.iter_mut().for_each(|value| scrubber.scrub(value));
                Ok(value)
            }
        }
    }
}

impl Route {
    fn hits<'a>(&self, found: &Found<'a>, work: &mut Work<'_>) -> Result<Vec<Hit<'a>>, String> {
        match found.text(self.node) {
            Some(text) => work.select(&self.steps, Hit { text, treatment: self.treatment }),
            None => Ok(Vec::new()),
        }
    }

    fn follow<'a>(
        &self,
        found: &Found<'a>,
        work: &mut Work<'_>,
        scrubber: &Scrubber,
    ) -> Result<Vec<Tree<'a>>, String> {
        let hits = self.hits(found, work)?;
        let mut shown = Vec::with_capacity(hits.len());
        for hit in hits {
            work.spend(hit.text.len())?;
            shown.push(hit.show(scrubber).map_err(|error| error.to_string())?);
        }
        Ok(shown)
    }
}

/// As kubectl prints: results apart by a space, strings bare, all else as JSON. Nothing where no path led
/// anywhere; hidden as a whole where a part is.
fn template<'a>(
    parts: &[Part],
    found: &Found<'a>,
    work: &mut Work<'_>,
    scrubber: &Scrubber,
) -> Result<Option<Tree<'a>>, String> {
    let mut out = String::new();
    let (mut some, mut paths, mut hidden) = (false, false, false);
    for part in parts {
        let route = match part {
            Part::Text(text) => {
                out.push_str(text);
                continue;
            }
            Part::Path(route) => route,
        };
        paths = true;
        for (index, hit) in route.hits(found, work)?.into_iter().enumerate() {
            work.spend(hit.text.len())?;
            some = true;
            hidden |= hit.treatment == Treatment::Hidden;
            if index > 0 {
                out.push(' ');
            }
            match hit.show(scrubber).map_err(|error| error.to_string())? {
                Tree::String(text) => out.push_str(&text),
                other => other.write(&mut out),
            }
        }
    }
    if paths && !some {
        return Ok(None);
    }
    let mut text = Tree::String(out.into());
    if hidden {
        replace(&mut text);
    }
    Ok(Some(text))
}

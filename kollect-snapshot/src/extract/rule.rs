//! How one attribute is made of what was found. It neither coerces nor names it.

use super::cel::{Expression, Fault, Place};
use super::jsonpath::{self, Hit, Parsed, Piece, Selector, Step, Treatment, Work, Writing};
use super::scrub::Scrubber;
use super::secrets::SecretGuard;
use super::tree::Tree;
use super::trie::{Found, ListId, NodeId, Trie};

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
    each: Option<Each>,
    singular: bool,
}

/// The steps `[*].name` are taken by the pass itself where it meets a list; the steps of the route are for all else.
#[derive(Debug)]
struct Each {
    list: ListId,
    treatment: Treatment,
    steps: Vec<Step>,
}

/// A part of a template.
#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    Path(Route),
    /// Pieces for each value.
    Range(Route, Vec<Piece>),
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
        match jsonpath::parse(path)? {
            Parsed::Path(steps) => self.route(&steps).map(Rule::Path),
            Parsed::Template(pieces) => {
                let part = |piece: Piece| match piece {
                    Piece::Text(text) => Ok(Part::Text(text)),
                    Piece::Path(steps) => self.route(&steps).map(Part::Path),
                    Piece::Range(steps, inner) => Ok(Part::Range(self.route(&steps)?, inner)),
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

    /// Compiles a parsed path.
    ///
    /// # Errors
    /// As [`Compiler::rule`].
    pub(super) fn route(&mut self, steps: &[Step]) -> Result<Route, String> {
        let (names, rest) = jsonpath::split(steps);
        self.guard.check(&names)?;
        if let Some(Step::Dotted(more, key)) = rest.first() {
            for tail in [more.as_slice(), std::slice::from_ref(key)] {
                self.guard.check(&[names.as_slice(), tail].concat())?;
            }
        }
        // An alternative such as ['data','type'] reads it as well.
        for name in jsonpath::first_names(steps) {
            self.guard.check(&[name])?;
        }
        let start = self.treatment(Treatment::Plain, &names);
        let node = self.trie.capture(names.iter().map(String::as_str));
        Ok(Route {
            node,
            treatment: start,
            steps: rest.to_vec(),
            each: self.each(node, start, rest),
            singular: jsonpath::singular(steps),
        })
    }

    fn each(&mut self, node: NodeId, start: Treatment, steps: &[Step]) -> Option<Each> {
        let (Step::Pick(selectors), after) = steps.split_first()? else { return None };
        let (names, rest) = jsonpath::split(after);
        let every = matches!(selectors.as_slice(), [Selector::All | Selector::Slice(None, None, 1)]);
        if !every || names.is_empty() {
            return None;
        }
        let treatment = self.treatment(start, &names);
        let list = self.trie.capture_each(node, names.iter().map(String::as_str));
        Some(Each { list, treatment, steps: rest.to_vec() })
    }

    /// How what names lead to may be shown.
    fn treatment(&self, start: Treatment, names: &[String]) -> Treatment {
        let start = Hit { text: "", treatment: start };
        names.iter().fold(start, |hit, key| hit.member(self.scrubber, key, false, "")).treatment
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
    /// Where the path leads.
    ///
    /// # Errors
    /// The reason, without any value.
    pub(super) fn hits<'a>(&self, found: &Found<'a>, work: &mut Work<'_>) -> Result<Vec<Hit<'a>>, String> {
        let Some(text) = found.text(self.node) else { return Ok(Vec::new()) };
        let Some(each) = self.each.as_ref().filter(|_| text.starts_with('[')) else {
            return work.select(&self.steps, Hit { text, treatment: self.treatment });
        };
        work.spend(text.len())?;
        let items = found.list(each.list).iter().map(|text| Hit { text, treatment: each.treatment });
        if each.steps.is_empty() {
            return Ok(items.collect());
        }
        work.select_from(&each.steps, items.collect())
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

/// As kubectl prints.
fn template<'a>(
    parts: &[Part],
    found: &Found<'a>,
    work: &mut Work<'_>,
    scrubber: &Scrubber,
) -> Result<Option<Tree<'a>>, String> {
    let mut writing = Writing::default();
    for part in parts {
        match part {
            Part::Text(text) => writing.text(text, work)?,
            Part::Path(route) => writing.values(route.hits(found, work)?, work, scrubber)?,
            Part::Range(route, pieces) => writing.range(pieces, route.hits(found, work)?, work, scrubber)?,
        }
    }
    Ok(writing.finish())
}

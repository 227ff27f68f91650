//! Whether a child fulfils a condition. It selects nothing itself.

use super::condition::{Comparison, Condition, Expected, Extent, From, Query, Term};
use super::eval::{Hit, Work};
use super::iregexp::Pattern;
use crate::extract::tree::{Number, Tree};

/// Bytes of work that compiling a regular expression found in an object counts as, and how many of it are looked at.
const COMPILE: usize = 1 << 17;
const SOURCE: usize = 1 << 10;

/// What a term has come to.
enum Found<'o> {
    Literal(&'o Tree<'static>),
    Shown(Tree<'o>),
}

impl<'o> std::ops::Deref for Found<'o> {
    type Target = Tree<'o>;

    fn deref(&self) -> &Tree<'o> {
        match self {
            Self::Literal(tree) => tree,
            Self::Shown(tree) => tree,
        }
    }
}

impl Work<'_> {
    /// Whether `child` fulfils a condition; paths from `$` start at `root`.
    pub(super) fn holds<'a>(
        &mut self,
        condition: &Condition,
        child: Hit<'a>,
        root: Hit<'a>,
    ) -> Result<bool, String> {
        Ok(match condition {
            Condition::Or(parts) => {
                for part in parts {
                    if self.holds(part, child, root)? {
                        return Ok(true);
                    }
                }
                false
            }
            Condition::And(parts) => {
                for part in parts {
                    if !self.holds(part, child, root)? {
                        return Ok(false);
                    }
                }
                true
            }
            Condition::Not(inner) => !self.holds(inner, child, root)?,
            Condition::Exists(query) => !self.query(query, child, root)?.is_empty(),
            Condition::Compare(left, how, right) => {
                let (left, right) = (self.term(left, child, root)?, self.term(right, child, root)?);
                compare(*how, left.as_deref(), right.as_deref())
            }
            Condition::Scalars(left, how, right) => {
                let (left, right) = (self.term(left, child, root)?, self.term(right, child, root)?);
                match (left.as_deref(), right.as_deref()) {
                    (Some(left), Some(right)) if are_comparable(left, right, *how) => {
                        compare(*how, Some(left), Some(right))
                    }
                    _ => false,
                }
            }
            Condition::Matches(subject, expected, extent) => {
                let subject = self.term(subject, child, root)?;
                let Some(Tree::String(text)) = subject.as_deref() else { return Ok(false) };
                match &**expected {
                    Expected::Fixed(pattern) => self.matches(pattern, text)?,
                    Expected::Found(term) => match self.term(term, child, root)?.as_deref() {
                        Some(Tree::String(source)) => match self.compiled(source, *extent)? {
                            Some(pattern) => self.matches(&pattern, text)?,
                            None => false,
                        },
                        _ => false,
                    },
                }
            }
        })
    }

    fn query<'a>(&mut self, query: &Query, child: Hit<'a>, root: Hit<'a>) -> Result<Vec<Hit<'a>>, String> {
        let start = match query.from {
            From::Current => child,
            From::Root => root,
        };
        self.walk(&query.steps, vec![start], root)
    }

    /// The one value of a term, as it may be shown; none where there is none, or several.
    fn term<'o>(
        &mut self,
        term: &'o Term,
        child: Hit<'o>,
        root: Hit<'o>,
    ) -> Result<Option<Found<'o>>, String> {
        let number = |count: usize| {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            Some(Found::Shown(Tree::Number(Number::from_integer(count))))
        };
        match term {
            Term::Literal(value) => Ok(Some(Found::Literal(value))),
            Term::Query(query) | Term::Value(query) => match self.query(query, child, root)?.as_slice() {
                [one] => {
                    self.spend(one.text.len())?;
                    let shown = one.show(self.scrubber()).map_err(|error| error.to_string())?;
                    Ok(Some(Found::Shown(shown)))
                }
                _ => Ok(None),
            },
            Term::Count(query) => Ok(number(self.query(query, child, root)?.len())),
            Term::Length(inner) => Ok(match self.term(inner, child, root)?.as_deref() {
                Some(Tree::String(text)) => number(text.chars().count()),
                Some(Tree::List(items)) => number(items.len()),
                Some(Tree::Map(members)) => number(members.len()),
                _ => None,
            }),
        }
    }

    fn matches(&mut self, pattern: &Pattern, text: &str) -> Result<bool, String> {
        self.spend(text.len().saturating_mul(4))?;
        Ok(pattern.matches(text))
    }

    /// Compiles what was found in an object; none where it is no I-Regexp.
    fn compiled(&mut self, source: &str, extent: Extent) -> Result<Option<Pattern>, String> {
        if let Some(known) = self.patterns().get(&(source.to_owned(), extent == Extent::Whole)) {
            return Ok(known.clone());
        }
        if source.len() > SOURCE {
            return Err(format!("a regular expression in an object has at most {SOURCE} bytes"));
        }
        self.spend(COMPILE)?;
        let pattern = Pattern::compile(source, extent).ok();
        self.patterns().insert((source.to_owned(), extent == Extent::Whole), pattern.clone());
        Ok(pattern)
    }
}

/// Whether kubectl compares two values: it fails where their types differ, and here nothing is selected then.
fn are_comparable(left: &Tree<'_>, right: &Tree<'_>, how: Comparison) -> bool {
    match (left, right) {
        (Tree::Number(_), Tree::Number(_)) | (Tree::String(_), Tree::String(_)) => true,
        (Tree::Bool(_), Tree::Bool(_)) => matches!(how, Comparison::Equal | Comparison::NotEqual),
        _ => false,
    }
}

/// RFC 9535, section 2.3.5.2.2: nothing equals nothing, and order exists among numbers and among strings.
fn compare(how: Comparison, left: Option<&Tree<'_>>, right: Option<&Tree<'_>>) -> bool {
    let equal = || match (left, right) {
        (Some(left), Some(right)) => left.equals(right),
        (left, right) => left.is_none() && right.is_none(),
    };
    let less = |left: Option<&Tree<'_>>, right: Option<&Tree<'_>>| match (left, right) {
        (Some(Tree::Number(left)), Some(Tree::Number(right))) => is_less(left, right),
        (Some(Tree::String(left)), Some(Tree::String(right))) => left < right,
        _ => false,
    };
    match how {
        Comparison::Equal => equal(),
        Comparison::NotEqual => !equal(),
        Comparison::Less => less(left, right),
        Comparison::LessOrEqual => less(left, right) || equal(),
        Comparison::Greater => less(right, left),
        Comparison::GreaterOrEqual => less(right, left) || equal(),
    }
}

/// Integers are compared digit for digit, all else as floats.
fn is_less(left: &Number<'_>, right: &Number<'_>) -> bool {
    match (left.as_str().parse::<i128>(), right.as_str().parse::<i128>()) {
        (Ok(left), Ok(right)) => left < right,
        _ => left.as_float() < right.as_float(),
    }
}

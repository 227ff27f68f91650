//! The conditions of filters as a tree. It neither parses nor judges them.

use super::Step;
use super::iregexp::Pattern;
use crate::extract::tree::Tree;

/// A condition of a filter.
#[derive(Clone, Debug)]
pub(in crate::extract) enum Condition {
    /// Either.
    Or(Vec<Condition>),
    /// All.
    And(Vec<Condition>),
    /// Not.
    Not(Box<Condition>),
    /// A path leads to something.
    Exists(Query),
    /// A comparison by the rules of RFC 9535.
    Compare(Term, Comparison, Term),
    /// A comparison by kubectl's rules: of one scalar with one scalar of the same type.
    Scalars(Term, Comparison, Term),
    /// A text matches a regular expression, as a whole or somewhere.
    Matches(Box<Term>, Box<Expected>, Extent),
}

/// How two operands compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::extract) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What has one value, or none.
#[derive(Clone, Debug)]
pub(in crate::extract) enum Term {
    /// A constant.
    Literal(Tree<'static>),
    /// Where a path leads. RFC 9535 has only such as lead to one value here.
    Query(Query),
    /// `length()`: characters, elements or members.
    Length(Box<Term>),
    /// `count()`: how many values a path leads to.
    Count(Query),
    /// `value()`: the one value that a path leads to.
    Value(Query),
}

/// A path within a condition.
#[derive(Clone, Debug)]
pub(in crate::extract) struct Query {
    pub(super) from: From,
    pub(super) steps: Vec<Step>,
}

/// Where a path starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::extract) enum From {
    /// At the child that is judged.
    Current,
    /// At the object.
    Root,
}

/// How much of a text has to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::extract) enum Extent {
    Whole,
    Part,
}

/// A regular expression.
#[derive(Clone, Debug)]
pub(in crate::extract) enum Expected {
    /// Compiled with the path.
    Fixed(Pattern),
    /// Found in the object.
    Found(Term),
}

impl Condition {
    /// Whether it looks at the object itself.
    pub(super) fn needs_root(&self) -> bool {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter().any(Self::needs_root),
            Self::Not(inner) => inner.needs_root(),
            Self::Exists(query) => query.needs_root(),
            Self::Compare(left, _, right) | Self::Scalars(left, _, right) => {
                left.needs_root() || right.needs_root()
            }
            Self::Matches(subject, expected, _) => {
                subject.needs_root() || matches!(&**expected, Expected::Found(term) if term.needs_root())
            }
        }
    }
}

impl Term {
    fn needs_root(&self) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Query(query) | Self::Count(query) | Self::Value(query) => query.needs_root(),
            Self::Length(inner) => inner.needs_root(),
        }
    }
}

impl Query {
    fn needs_root(&self) -> bool {
        self.from == From::Root || self.steps.iter().any(Step::needs_root)
    }
}

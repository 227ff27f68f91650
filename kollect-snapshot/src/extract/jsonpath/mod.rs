//! JSONPath in two dialects with one syntax tree: kubectl's and RFC 9535's. It selects stretches of JSON text and
//! decodes none but those that a condition compares.

mod eval;
mod filter;
mod lex;
mod parse;

pub(super) use eval::{Hit, Treatment, Work};

use super::tree::Tree;

/// Leading names of a path that are found in the pass; it goes as deep on the stack.
const NAMES: usize = 64;

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Members and elements that a selector picks.
    Pick(Vec<Selector>),
    /// The same, from the value itself and everything below it.
    Below(Vec<Selector>),
}

/// Picks children of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Selector {
    /// A member by name.
    Name(String),
    /// An element; negative counts from the end.
    Index(i64),
    /// Elements from, to (exclusive) and by step.
    Slice(Option<i64>, Option<i64>, i64),
    /// All children.
    All,
    /// Children for which the condition holds.
    Where(Condition),
}

/// A condition of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// Either.
    Or(Vec<Condition>),
    /// All.
    And(Vec<Condition>),
    /// Not.
    Not(Box<Condition>),
    /// A path leads to something.
    Exists(Operand),
    /// A comparison.
    Compare(Operand, Comparison, Operand),
}

/// How two operands compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    /// A constant.
    Literal(Tree<'static>),
    /// A path from the child that is judged.
    Current(Vec<Step>),
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Text as it stands.
    Text(String),
    /// What a path leads to.
    Path(Vec<Step>),
}

/// A parsed path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parsed {
    /// One path: its value.
    Path(Vec<Step>),
    /// Text and paths: a string.
    Template(Vec<Piece>),
}

/// Parses either dialect: `$..` is RFC 9535, all else is kubectl's.
///
/// # Errors
/// What is wrong, and what to write instead.
pub(super) fn parse(text: &str) -> Result<Parsed, String> {
    parse::parse(text)
}

/// The leading names of a path, which one pass over the object finds, and the steps that remain.
///
/// A step to `value` is not among them: whether that may be shown depends on its siblings.
pub(super) fn split(steps: &[Step]) -> (Vec<String>, &[Step]) {
    let mut names = Vec::new();
    let mut rest = steps;
    while let Some((Step::Pick(selectors), after)) = rest.split_first()
        && let [Selector::Name(name)] = selectors.as_slice()
        && name != "value"
        && names.len() < NAMES
    {
        names.push(name.clone());
        rest = after;
    }
    (names, rest)
}

/// The names among the first step's selectors.
pub(super) fn first_names(steps: &[Step]) -> Vec<String> {
    let (Some(Step::Pick(selectors)) | Some(Step::Below(selectors))) = steps.first() else {
        return Vec::new();
    };
    let name = |selector: &Selector| match selector {
        Selector::Name(name) => Some(name.clone()),
        _ => None,
    };
    selectors.iter().filter_map(name).collect()
}

/// Whether a path leads to one value at most, whatever the object.
pub(super) fn singular(steps: &[Step]) -> bool {
    steps.iter().all(|step| match step {
        Step::Pick(selectors) => matches!(selectors.as_slice(), [Selector::Name(_) | Selector::Index(_)]),
        Step::Below(_) => false,
    })
}

//! JSONPath in two dialects with one syntax tree: kubectl's and RFC 9535's. It selects stretches of JSON text and
//! decodes none but those that a condition compares.

mod condition;
mod eval;
mod filter;
mod iregexp;
mod judge;
mod kubectl;
mod lex;
mod rfc9535;
mod template;

pub(super) use eval::{Hit, Treatment, Work};
pub(super) use template::{Piece, Writing};

use condition::Condition;

#[cfg(test)]
mod tests;

/// Leading names of a path that are found in the pass; it goes as deep on the stack.
const NAMES: usize = 64;

/// Steps of one path at most.
const STEPS: usize = 256;

/// One step of a path.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Members and elements that a selector picks, of each value in turn.
    Pick(Vec<Selector>),
    /// The same, from the value itself and everything below it.
    Below(Vec<Selector>),
    /// kubectl's `..` alone: the value and what is below it, as far as these are maps, lists and texts that hold
    /// something.
    Deep,
    /// kubectl's union: where each path leads from all values, one path after the other.
    Union(Vec<Vec<Step>>),
    /// kubectl's `['a.b']`: where the names lead, or else the member with the dotted name.
    Dotted(Vec<String>, String),
}

/// Picks children of a value.
#[derive(Clone, Debug)]
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
    /// Elements for which the condition holds; of a map none.
    Elements(Condition),
}

/// A parsed path.
#[derive(Clone, Debug)]
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
    if let Some(rest) = text.strip_prefix('$') {
        return rfc9535::parse(rest).map(Parsed::Path);
    }
    kubectl::parse(text)
}

/// The leading names of a path, which one pass over the object finds, and the steps that remain.
///
/// A step to `value` is not among them: whether that may be shown depends on its siblings. None are where a
/// condition starts at the object itself.
pub(super) fn split(steps: &[Step]) -> (Vec<String>, &[Step]) {
    let mut names = Vec::new();
    let mut rest = steps;
    if steps.iter().any(Step::needs_root) {
        return (names, rest);
    }
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
    let name = |selector: &Selector| match selector {
        Selector::Name(name) => Some(name.clone()),
        _ => None,
    };
    match steps.first() {
        Some(Step::Pick(selectors) | Step::Below(selectors)) => selectors.iter().filter_map(name).collect(),
        Some(Step::Union(paths)) => paths.iter().flat_map(|path| first_names(path)).collect(),
        Some(Step::Dotted(names, key)) => names.iter().take(1).chain([key]).cloned().collect(),
        Some(Step::Deep) | None => Vec::new(),
    }
}

/// Whether a path leads to one value at most, whatever the object.
pub(super) fn singular(steps: &[Step]) -> bool {
    steps.iter().all(|step| match step {
        Step::Pick(selectors) => matches!(selectors.as_slice(), [Selector::Name(_) | Selector::Index(_)]),
        Step::Dotted(..) => true,
        Step::Below(_) | Step::Deep | Step::Union(_) => false,
    })
}

impl Step {
    fn needs_root(&self) -> bool {
        match self {
            Self::Pick(selectors) | Self::Below(selectors) => {
                selectors.iter().any(|selector| match selector {
                    Selector::Where(condition) | Selector::Elements(condition) => condition.needs_root(),
                    _ => false,
                })
            }
            Self::Union(paths) => paths.iter().flatten().any(Self::needs_root),
            Self::Deep | Self::Dotted(..) => false,
        }
    }
}

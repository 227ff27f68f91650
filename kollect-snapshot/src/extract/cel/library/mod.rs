//! The functions that Kubernetes adds to CEL, and those that are bounded here and not in the library. Which of them
//! an expression may call is said elsewhere.

mod address;
mod format;
mod formatting;
mod lists;
mod opaque;
mod pattern;
mod quantity;
mod reading;
mod semver;
mod spelling;
mod text;
mod url;

use cel::common::types::{CelBool, CelInt, CelString, DYN_TYPE, STRING_TYPE, Type};
use cel::common::value::CowVal;
use cel::{DeclarationError, Env, ExecutionError};

pub(super) use pattern::Pattern;

/// What a function is given, and what it gives.
type Args<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;
type Function = for<'b, 'v> fn(Args<'b, 'v>) -> Answer<'b, 'v>;

/// Functions that are called with the meter as their first argument: namespace, name, and ours. No source can
/// spell ours.
const METERED: [(Option<&str>, &str, &str); 20] = [
    (None, "matches", pattern::MATCHES),
    (None, "find", pattern::FIND),
    (None, "findAll", pattern::FIND_ALL),
    (None, "replace", text::REPLACE),
    (None, "join", text::JOIN),
    (None, "indexOf", text::INDEX_OF),
    (None, "lastIndexOf", text::LAST_INDEX_OF),
    (None, "getQuery", url::GET_QUERY),
    (None, "format", formatting::FORMAT),
    (None, "string", spelling::STRING),
    (None, "duration", reading::DURATION),
    (None, "timestamp", reading::TIMESTAMP),
    (None, "uint", reading::UINT),
    (None, "bool", reading::BOOL),
    (None, "sum", lists::SUM),
    (Some("sets"), "contains", lists::CONTAINS),
    (Some("sets"), "equivalent", lists::EQUIVALENT),
    (Some("sets"), "intersects", lists::INTERSECTS),
    (None, lists::PAIRS, lists::PAIRS),
    (None, lists::MERGE, lists::MERGE),
];

/// The function that is called in place of another one, with the meter as its first argument.
pub(super) fn metered(namespace: Option<&str>, name: &str) -> Option<&'static str> {
    METERED.iter().find(|known| known.0 == namespace && known.1 == name).map(|known| known.2)
}

/// Functions whose first argument after the text is a regular expression.
pub(super) fn takes_pattern(name: &str) -> bool {
    matches!(name, "matches" | "find" | "findAll")
}

/// Names of our own functions that macros call.
pub(super) use lists::{MERGE, PAIRS};
pub(super) use spelling::{UTC, timestamp_utc};

/// Declares them all.
pub(super) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    let mut declared = Declarations { env, count: 0 };
    pattern::declare(&mut declared)?;
    text::declare(&mut declared)?;
    reading::declare(&mut declared)?;
    spelling::declare(&mut declared)?;
    formatting::declare(&mut declared)?;
    lists::declare(&mut declared)?;
    quantity::declare(&mut declared)?;
    url::declare(&mut declared)?;
    address::declare(&mut declared)?;
    semver::declare(&mut declared)?;
    format::declare(&mut declared)
}

/// Gives each overload an id.
struct Declarations<'e> {
    env: &'e mut Env,
    count: usize,
}

impl Declarations<'_> {
    fn id(&mut self) -> String {
        self.count += 1;
        format!("kollect_{}", self.count)
    }

    /// `name(args)`.
    fn global<const N: usize>(
        &mut self,
        name: &str,
        args: [Type; N],
        function: Function,
    ) -> Result<(), DeclarationError> {
        let id = self.id();
        self.env.add_overload(name, &id, args.into(), function)
    }

    /// `name(args)` with this many arguments of any type, the meter included.
    fn metered(&mut self, name: &str, count: usize, function: Function) -> Result<(), DeclarationError> {
        let args = std::iter::repeat_with(|| DYN_TYPE).take(count).collect();
        let id = self.id();
        self.env.add_overload(name, &id, args, function)
    }

    /// `of.name(args)`.
    fn member<const N: usize>(
        &mut self,
        name: &str,
        of: Type,
        args: [Type; N],
        function: Function,
    ) -> Result<(), DeclarationError> {
        let id = self.id();
        self.env.add_member_overload(name, &id, of, args.into(), function)
    }

    /// `name(text)`.
    fn text(&mut self, name: &str, function: Function) -> Result<(), DeclarationError> {
        self.global(name, [STRING_TYPE], function)
    }
}

/// That a function is not defined for such values.
fn undefined(name: &str, values: &[&CowVal<'_, '_>]) -> ExecutionError {
    let types = values.iter().map(|value| value.get_type().name().to_owned()).collect();
    ExecutionError::no_such_member_overload(name.trim_start_matches('@'), types)
}

/// That a function has no value for what it is given.
fn failed(name: &str) -> ExecutionError {
    ExecutionError::function_error(name.trim_start_matches('@'), "failed")
}

fn string<'s>(value: &'s CowVal<'_, '_>) -> Option<&'s str> {
    value.downcast_ref::<CelString<'_>>().map(CelString::inner)
}

fn int(value: &CowVal<'_, '_>) -> Option<i64> {
    value.downcast_ref::<CelInt>().map(|int| *int.inner())
}

fn truth<'b, 'v>(value: bool) -> CowVal<'b, 'v> {
    CowVal::owned(CelBool::from(value))
}

fn number<'b, 'v>(value: i64) -> CowVal<'b, 'v> {
    CowVal::owned(CelInt::from(value))
}

fn words<'b, 'v>(value: impl Into<String>) -> CowVal<'b, 'v> {
    CowVal::owned(CelString::from(value.into()))
}

/// What copying a text costs.
fn bytes(length: usize) -> u64 {
    1 + (length / 64) as u64
}

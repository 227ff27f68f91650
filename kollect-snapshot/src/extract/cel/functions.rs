//! The functions that expressions may call: which of the library's, and our own in place of those whose work
//! has no bound there. It evaluates no expression.

use std::any::Any;

use cel::common::types::{CelBool, CelInt, CelString, DYN_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{DeclarationError, Env, ExecutionError};
use regex::{Regex, RegexBuilder};

use super::budget::{arguments, meter};

/// Called as `f(x)`.
const GLOBAL: [&str; 12] = [
    "size",
    "type",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "dyn",
    "duration",
    "timestamp",
    "matches",
];

/// Called as `x.f()`.
const MEMBER: [&str; 35] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "charAt",
    "indexOf",
    "lastIndexOf",
    "lowerAscii",
    "upperAscii",
    "split",
    "substring",
    "trim",
    "join",
    "replace",
    "reverse",
    "format",
    "slice",
    "flatten",
    "distinct",
    "sort",
    "hasValue",
    "value",
    "orValue",
    "or",
];

/// Called as `math.f(x)`.
const QUALIFIED: [(&str, &[&str]); 5] = [
    (
        "math",
        &[
            "greatest",
            "least",
            "ceil",
            "floor",
            "round",
            "trunc",
            "abs",
            "sign",
            "isInf",
            "isNaN",
            "isFinite",
            "sqrt",
            "bitAnd",
            "bitOr",
            "bitXor",
            "bitNot",
            "bitShiftLeft",
            "bitShiftRight",
        ],
    ),
    ("optional", &["of", "none", "ofNonZeroValue"]),
    ("strings", &["quote"]),
    ("lists", &["range"]),
    ("base64", &["encode", "decode"]),
];

/// Functions of Kubernetes that are missing, and what stands in for them.
const HINTS: [(&str, &str); 6] = [
    ("find", "; use matches() or split()"),
    ("findAll", "; use matches() or split()"),
    ("isSorted", "; compare with sort()"),
    ("sum", ""),
    ("min", "; use math.least()"),
    ("max", "; use math.greatest()"),
];

/// Names of our own functions; no source can spell them.
pub(super) const MATCHES: &str = "@matches";
pub(super) const REPLACE: &str = "@replace";
pub(super) const JOIN: &str = "@join";

/// Bytes that a compiled regular expression may take.
const REGEX: usize = 1 << 18;

/// Units that compiling a regular expression costs while an expression runs.
const COMPILE: u64 = 50_000;

static PATTERN: Type = Type::new_unspecified_type("pattern");

/// A regular expression, compiled with the expression that holds it.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Regex);

impl Pattern {
    /// Compiles a regular expression; matching takes time linear in the text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn compile(source: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(source).size_limit(REGEX).dfa_size_limit(REGEX).build();
        regex.map(Self).map_err(|error| {
            let text = error.to_string();
            format!("the regular expression is not valid: {}", text.lines().last().unwrap_or_default().trim())
        })
    }
}

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN
    }

    fn cel_type() -> &'static Type {
        &PATTERN
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

/// Whether an expression may call a function, and if not, why.
///
/// # Errors
/// A message that names the function.
pub(super) fn known(namespace: Option<&str>, name: &str, member: bool) -> Result<(), String> {
    let known = match namespace {
        Some(namespace) => {
            QUALIFIED.iter().any(|(space, names)| *space == namespace && names.contains(&name))
        }
        None if member => MEMBER.contains(&name),
        None => GLOBAL.contains(&name),
    };
    if known {
        return Ok(());
    }
    let qualifier = namespace.map(|namespace| format!("{namespace}.")).unwrap_or_default();
    let hint = HINTS.iter().find(|(missing, _)| *missing == name).map_or("", |(_, hint)| hint);
    Err(format!("the function {qualifier}{name}() is not supported by this version{hint}"))
}

/// Whether a name qualifies functions.
pub(super) fn is_namespace(name: &str) -> bool {
    QUALIFIED.iter().any(|(space, _)| *space == name)
}

/// Declares our own functions.
pub(super) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    let any = |count: usize| std::iter::repeat_with(|| DYN_TYPE).take(count).collect::<Vec<_>>();
    env.add_overload(MATCHES, "@matches3", any(3), matches)?;
    env.add_overload(REPLACE, "@replace4", any(4), replace)?;
    env.add_overload(REPLACE, "@replace5", any(5), replace_some)?;
    env.add_overload(JOIN, "@join2", any(2), join)?;
    env.add_overload(JOIN, "@join3", any(3), join_with)
}

fn undefined(name: &str, values: &[&CowVal<'_, '_>]) -> ExecutionError {
    ExecutionError::no_such_member_overload(
        name,
        values.iter().map(|value| value.get_type().name().to_owned()).collect(),
    )
}

fn string<'s>(value: &'s CowVal<'_, '_>) -> Option<&'s str> {
    value.downcast_ref::<CelString<'_>>().map(CelString::inner)
}

fn bytes(length: usize) -> u64 {
    1 + (length / 64) as u64
}

fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [purse, text, pattern] = arguments(args)?;
    let meter = meter(&purse)?;
    let undefined = || undefined("matches", &[&text, &pattern]);
    let subject = string(&text).ok_or_else(undefined)?;
    meter.pay(bytes(subject.len()).saturating_mul(4))?;
    let found = if let Some(Pattern(regex)) = pattern.downcast_ref::<Pattern>() {
        regex.is_match(subject)
    } else {
        let source = string(&pattern).ok_or_else(undefined)?;
        meter.pay(COMPILE)?;
        let pattern =
            Pattern::compile(source).map_err(|_| ExecutionError::function_error("matches", "pattern"))?;
        pattern.0.is_match(subject)
    };
    Ok(CowVal::owned(CelBool::from(found)))
}

fn replace<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [purse, text, old, new] = arguments(args)?;
    replaced(&purse, [&text, &old, &new], usize::MAX)
}

fn replace_some<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [purse, text, old, new, limit] = arguments(args)?;
    let Some(limit) = limit.downcast_ref::<CelInt>() else {
        return Err(undefined("replace", &[&text, &old, &new, &limit]));
    };
    // A negative limit is none, as in Kubernetes.
    let limit = usize::try_from(*limit.inner()).unwrap_or(usize::MAX);
    replaced(&purse, [&text, &old, &new], limit)
}

fn replaced<'b, 'v>(
    purse: &CowVal<'_, '_>,
    values: [&CowVal<'_, '_>; 3],
    limit: usize,
) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let meter = meter(purse)?;
    let [Some(text), Some(old), Some(new)] = values.map(string) else {
        return Err(undefined("replace", &values));
    };
    meter.pay(bytes(text.len()))?;
    let places = text.matches(old).take(limit).count();
    meter.pay(bytes(places.saturating_mul(new.len())))?;
    Ok(CowVal::owned(CelString::from(text.replacen(old, new, limit))))
}

fn join<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [purse, list] = arguments(args)?;
    joined(&purse, &list, "")
}

fn join_with<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [purse, list, separator] = arguments(args)?;
    let Some(between) = string(&separator) else { return Err(undefined("join", &[&list, &separator])) };
    joined(&purse, &list, between)
}

fn joined<'b, 'v>(
    purse: &CowVal<'_, '_>,
    list: &CowVal<'_, '_>,
    separator: &str,
) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let meter = meter(purse)?;
    let undefined = || undefined("join", &[list]);
    let mut items = list.as_iterable().ok_or_else(undefined)?.iter();
    let mut out = String::new();
    let mut first = true;
    while let Some(item) = items.next() {
        let text = item.downcast_ref::<CelString<'_>>().ok_or_else(undefined)?;
        meter.pay(bytes(separator.len()) + bytes(text.inner().len()))?;
        if !first {
            out.push_str(separator);
        }
        first = false;
        out.push_str(text.inner());
    }
    Ok(CowVal::owned(CelString::from(out)))
}

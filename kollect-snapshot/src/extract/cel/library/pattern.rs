//! Regular expressions as Go reads them, matched in time linear in the text: matches, find and findAll. It knows
//! no other functions of texts.

mod translation;

use std::any::Any;

use cel::common::types::{CelList, CelString, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{DeclarationError, ExecutionError};
use regex::{Regex, RegexBuilder};

use super::super::budget::{Meter, arguments, meter};
use super::{Answer, Args, Declarations, bytes, failed, int, string, truth, undefined, words};

pub(super) const MATCHES: &str = "@matches";
pub(super) const FIND: &str = "@find";
pub(super) const FIND_ALL: &str = "@findAll";

/// Bytes that a compiled regular expression may take.
const REGEX: usize = 1 << 18;

/// Units that compiling a regular expression costs while an expression runs.
const COMPILE: u64 = 50_000;

static PATTERN: Type = Type::new_unspecified_type("pattern");

/// A regular expression, compiled with the expression that holds it.
#[derive(Clone, Debug)]
pub(in super::super) struct Pattern(Regex);

impl Pattern {
    /// Compiles a regular expression; matching takes time linear in the text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in super::super) fn compile(source: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("the regular expression is not valid: {what}");
        let translated = translation::translate(source).map_err(|what| wrong(&what))?;
        let regex = RegexBuilder::new(&translated).size_limit(REGEX).dfa_size_limit(REGEX).build();
        regex.map(Self).map_err(|error| wrong(error.to_string().lines().last().unwrap_or_default().trim()))
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

pub(super) fn declare(declared: &mut Declarations<'_>) -> Result<(), DeclarationError> {
    declared.metered(MATCHES, 3, matches)?;
    declared.metered(FIND, 3, find)?;
    declared.metered(FIND_ALL, 3, find_all)?;
    declared.metered(FIND_ALL, 4, find_some)
}

/// The text and the expression, after paying for a match.
fn prepared<'s>(
    name: &str,
    meter: &Meter,
    text: &'s CowVal<'_, '_>,
    pattern: &CowVal<'_, '_>,
) -> Result<(&'s str, Regex), ExecutionError> {
    let undefined = || undefined(name, &[text, pattern]);
    let subject = string(text).ok_or_else(undefined)?;
    meter.pay(bytes(subject.len()).saturating_mul(4))?;
    if let Some(Pattern(regex)) = pattern.downcast_ref::<Pattern>() {
        return Ok((subject, regex.clone()));
    }
    let source = string(pattern).ok_or_else(undefined)?;
    meter.pay(COMPILE)?;
    match Pattern::compile(source) {
        Ok(Pattern(regex)) => Ok((subject, regex)),
        Err(_) => Err(failed(name)),
    }
}

fn matches<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, text, pattern] = arguments(args)?;
    let (subject, regex) = prepared("matches", meter(&purse)?, &text, &pattern)?;
    Ok(truth(regex.is_match(subject)))
}

fn find<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, text, pattern] = arguments(args)?;
    let (subject, regex) = prepared("find", meter(&purse)?, &text, &pattern)?;
    Ok(words(regex.find(subject).map_or("", |found| found.as_str())))
}

fn find_all<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, text, pattern] = arguments(args)?;
    found(&purse, &text, &pattern, usize::MAX)
}

fn find_some<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, text, pattern, limit] = arguments(args)?;
    let limit = int(&limit).ok_or_else(|| undefined("findAll", &[&text, &pattern, &limit]))?;
    // A negative limit is none, as in Kubernetes.
    found(&purse, &text, &pattern, usize::try_from(limit).unwrap_or(usize::MAX))
}

fn found<'b, 'v>(
    purse: &CowVal<'_, '_>,
    text: &CowVal<'_, '_>,
    pattern: &CowVal<'_, '_>,
    limit: usize,
) -> Answer<'b, 'v> {
    let meter = meter(purse)?;
    let (subject, regex) = prepared("findAll", meter, text, pattern)?;
    let mut all: Vec<Box<dyn Val + 'v>> = Vec::new();
    let mut last = None;
    let mut at = 0;
    while all.len() < limit
        && let Some(found) = regex.find_at(subject, at)
    {
        // Each search may look at all that is left.
        meter.pay(bytes(subject.len().saturating_sub(at)).saturating_mul(2))?;
        // Go passes over an empty match that touches the match before it.
        if !(found.is_empty() && last == Some(found.start())) {
            all.push(Box::new(CelString::from(found.as_str().to_owned())));
        }
        last = Some(found.end());
        at = found.end();
        if found.is_empty() {
            let Some(next) = subject.get(at..).and_then(|rest| rest.chars().next()) else { break };
            at += next.len_utf8();
        }
    }
    Ok(CowVal::owned(CelList::from(all)))
}

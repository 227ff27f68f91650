//! Functions of texts whose work has no bound in the library: replace, join, indexOf and lastIndexOf, which lists
//! have too. It knows no regular expressions.

use cel::DeclarationError;
use cel::ExecutionError;
use cel::common::types::{CelList, CelString};
use cel::common::value::CowVal;

use super::super::budget::{Meter, arguments, meter, weight};
use super::{Answer, Args, Declarations, bytes, failed, int, number, string, undefined, words};

pub(super) const REPLACE: &str = "@replace";
pub(super) const JOIN: &str = "@join";
pub(super) const INDEX_OF: &str = "@indexOf";
pub(super) const LAST_INDEX_OF: &str = "@lastIndexOf";

pub(super) fn declare(declared: &mut Declarations<'_>) -> Result<(), DeclarationError> {
    declared.metered(REPLACE, 4, replace)?;
    declared.metered(REPLACE, 5, replace_some)?;
    declared.metered(JOIN, 2, join)?;
    declared.metered(JOIN, 3, join_with)?;
    declared.metered(INDEX_OF, 3, index_of)?;
    declared.metered(INDEX_OF, 4, index_of_from)?;
    declared.metered(LAST_INDEX_OF, 3, last_index_of)?;
    declared.metered(LAST_INDEX_OF, 4, last_index_of_from)
}

fn replace<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, text, old, new] = arguments(args)?;
    replaced(&purse, [&text, &old, &new], usize::MAX)
}

fn replace_some<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, text, old, new, limit] = arguments(args)?;
    let limit = int(&limit).ok_or_else(|| undefined("replace", &[&text, &old, &new, &limit]))?;
    // A negative limit is none, as in Kubernetes.
    replaced(&purse, [&text, &old, &new], usize::try_from(limit).unwrap_or(usize::MAX))
}

fn replaced<'b, 'v>(purse: &CowVal<'_, '_>, values: [&CowVal<'_, '_>; 3], limit: usize) -> Answer<'b, 'v> {
    let meter = meter(purse)?;
    let [Some(text), Some(old), Some(new)] = values.map(string) else {
        return Err(undefined("replace", &values));
    };
    meter.pay(bytes(text.len()))?;
    let places = text.matches(old).take(limit).count();
    meter.pay(bytes(places.saturating_mul(new.len())))?;
    Ok(words(text.replacen(old, new, limit)))
}

fn join<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, list] = arguments(args)?;
    joined(&purse, &list, "")
}

fn join_with<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, list, separator] = arguments(args)?;
    let Some(between) = string(&separator) else { return Err(undefined("join", &[&list, &separator])) };
    joined(&purse, &list, between)
}

fn joined<'b, 'v>(purse: &CowVal<'_, '_>, list: &CowVal<'_, '_>, separator: &str) -> Answer<'b, 'v> {
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
    Ok(words(out))
}

fn index_of<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, within, what] = arguments(args)?;
    let meter = meter(&purse)?;
    match within.downcast_ref::<CelList<'_>>() {
        Some(list) => {
            meter.pay(sought(list, &what, meter))?;
            position(list.inner().iter().position(|item| item.equals(what.as_ref())))
        }
        None => forward(meter, &within, &what, 0),
    }
}

fn last_index_of<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, within, what] = arguments(args)?;
    let meter = meter(&purse)?;
    match within.downcast_ref::<CelList<'_>>() {
        Some(list) => {
            meter.pay(sought(list, &what, meter))?;
            position(list.inner().iter().rposition(|item| item.equals(what.as_ref())))
        }
        None => backward(meter, &within, &what, None),
    }
}

/// What comparing each element with a value may cost.
fn sought(list: &CelList<'_>, what: &CowVal<'_, '_>, meter: &Meter) -> u64 {
    weight(what.as_ref(), meter.left()).saturating_mul(1 + list.inner().len() as u64)
}

fn index_of_from<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, within, what, from] = arguments(args)?;
    let Some(from) = int(&from) else { return Err(undefined("indexOf", &[&within, &what, &from])) };
    forward(meter(&purse)?, &within, &what, from)
}

fn last_index_of_from<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, within, what, from] = arguments(args)?;
    let Some(from) = int(&from) else { return Err(undefined("lastIndexOf", &[&within, &what, &from])) };
    backward(meter(&purse)?, &within, &what, Some(from))
}

/// Places are counted in characters.
fn forward<'b, 'v>(
    meter: &Meter,
    within: &CowVal<'_, '_>,
    what: &CowVal<'_, '_>,
    from: i64,
) -> Answer<'b, 'v> {
    let (text, sought) = texts("indexOf", meter, within, what)?;
    if sought.is_empty() {
        return Ok(number(from));
    }
    let from = usize::try_from(from).map_err(|_| failed("indexOf"))?;
    let found = byte(text, from).and_then(|start| {
        let at = text.get(start..)?.find(sought)?;
        text.get(..start + at)
    });
    position(found.map(|before| before.chars().count()))
}

fn backward<'b, 'v>(
    meter: &Meter,
    within: &CowVal<'_, '_>,
    what: &CowVal<'_, '_>,
    from: Option<i64>,
) -> Answer<'b, 'v> {
    let (text, sought) = texts("lastIndexOf", meter, within, what)?;
    if sought.is_empty() {
        return match from {
            Some(from) => Ok(number(from)),
            None => position(Some(text.chars().count())),
        };
    }
    let end = match from {
        None => Some(text.len()),
        // It may begin there, and ends as many characters later.
        Some(from) => {
            let from = usize::try_from(from).map_err(|_| failed("lastIndexOf"))?;
            let length = sought.chars().count();
            byte(text, from).map(|_| byte(text, from.saturating_add(length)).unwrap_or(text.len()))
        }
    };
    let found = end.and_then(|end| {
        let part = text.get(..end)?;
        part.get(..part.rfind(sought)?)
    });
    position(found.map(|before| before.chars().count()))
}

fn texts<'s>(
    name: &str,
    meter: &Meter,
    within: &'s CowVal<'_, '_>,
    what: &'s CowVal<'_, '_>,
) -> Result<(&'s str, &'s str), ExecutionError> {
    let (Some(text), Some(sought)) = (string(within), string(what)) else {
        return Err(undefined(name, &[within, what]));
    };
    meter.pay(bytes(text.len()).saturating_mul(8) + bytes(sought.len()).saturating_mul(8))?;
    Ok((text, sought))
}

/// The byte at which a character begins; none from the end on.
fn byte(text: &str, character: usize) -> Option<usize> {
    text.char_indices().map(|(at, _)| at).nth(character)
}

fn position<'b, 'v>(at: Option<usize>) -> Answer<'b, 'v> {
    Ok(number(at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)))
}

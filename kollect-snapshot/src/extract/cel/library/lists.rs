//! Functions of lists and sets that Kubernetes has, and what comprehensions over two variables are made of. It
//! expands no macro.

use std::cmp::Ordering;
use std::collections::HashMap;

use cel::common::types::{
    CelDuration, CelInt, CelList, CelMap, CelMapKey, CelOptional, LIST_TYPE, OPTIONAL_TYPE,
};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, ExecutionError};

use super::super::budget::{Meter, arguments, meter, weight};
use super::{Answer, Args, Declarations, failed, number, truth, undefined};

pub(super) const SUM: &str = "@sum";
pub(super) const CONTAINS: &str = "@setContains";
pub(super) const EQUIVALENT: &str = "@setEquivalent";
pub(super) const INTERSECTS: &str = "@setIntersects";
/// `[key, value]` of each member, or `[index, value]` of each element.
pub(in super::super) const PAIRS: &str = "@pairs";
/// One map of many; the same key twice is an error.
pub(in super::super) const MERGE: &str = "@merge";

pub(super) fn declare(declared: &mut Declarations<'_>) -> Result<(), DeclarationError> {
    declared.member("isSorted", LIST_TYPE, [], is_sorted)?;
    declared.member("min", LIST_TYPE, [], min)?;
    declared.member("max", LIST_TYPE, [], max)?;
    declared.member("first", LIST_TYPE, [], first)?;
    declared.member("last", LIST_TYPE, [], last)?;
    declared.member("unwrapOpt", LIST_TYPE, [], unwrap)?;
    declared.global("optional.unwrap", [LIST_TYPE], unwrap)?;
    declared.metered(SUM, 2, sum)?;
    declared.metered(CONTAINS, 3, contains)?;
    declared.metered(EQUIVALENT, 3, equivalent)?;
    declared.metered(INTERSECTS, 3, intersects)?;
    declared.metered(PAIRS, 2, pairs)?;
    declared.metered(MERGE, 2, merge)
}

fn items<'s, 'v>(value: &'s CowVal<'_, 'v>, name: &str) -> Result<&'s [Box<dyn Val + 'v>], ExecutionError> {
    value.downcast_ref::<CelList<'v>>().map(CelList::inner).ok_or_else(|| undefined(name, &[value]))
}

fn compare(name: &str, left: &dyn Val, right: &dyn Val) -> Result<Ordering, ExecutionError> {
    let unordered = || {
        let types = [left, right].map(|side| side.get_type().name().to_owned());
        ExecutionError::no_such_member_overload(name, types.to_vec())
    };
    left.as_comparer().ok_or_else(unordered)?.compare(right).map_err(|_| unordered())
}

fn is_sorted<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [list] = arguments(args)?;
    let mut previous: Option<&dyn Val> = None;
    for item in items(&list, "isSorted")? {
        if let Some(previous) = previous
            && compare("isSorted", previous, item.as_ref())? == Ordering::Greater
        {
            return Ok(truth(false));
        }
        item.as_comparer().ok_or_else(|| undefined("isSorted", &[&list]))?;
        previous = Some(item.as_ref());
    }
    Ok(truth(true))
}

fn min<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    extreme("min", args, Ordering::Greater)
}

fn max<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    extreme("max", args, Ordering::Less)
}

/// The first element of those that no other one beats.
fn extreme<'b, 'v>(name: &str, args: Args<'b, 'v>, beaten: Ordering) -> Answer<'b, 'v> {
    let [list] = arguments(args)?;
    let mut best: Option<&(dyn Val + 'v)> = None;
    for item in items(&list, name)? {
        item.as_comparer().ok_or_else(|| undefined(name, &[&list]))?;
        best = match best {
            Some(best) if compare(name, best, item.as_ref())? != beaten => Some(best),
            _ => Some(item.as_ref()),
        };
    }
    best.map(|best| CowVal::Owned(best.clone_as_boxed())).ok_or_else(|| failed(name))
}

fn first<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [list] = arguments(args)?;
    Ok(CowVal::owned(optional(items(&list, "first")?.first().map(|item| &**item))))
}

fn last<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [list] = arguments(args)?;
    Ok(CowVal::owned(optional(items(&list, "last")?.last().map(|item| &**item))))
}

fn optional<'v>(item: Option<&(dyn Val + 'v)>) -> CelOptional<'v> {
    item.map_or_else(CelOptional::none, |item| CelOptional::of(item.clone_as_boxed()))
}

/// The values of those optionals that have one.
fn unwrap<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [list] = arguments(args)?;
    let mut found: Vec<Box<dyn Val + 'v>> = Vec::new();
    for item in items(&list, "unwrap")? {
        if *item.get_type() != OPTIONAL_TYPE {
            return Err(undefined("unwrap", &[&list]));
        }
        let inner = item.downcast_ref::<CelOptional<'v>>().and_then(CelOptional::inner);
        found.extend(inner.map(Val::clone_as_boxed));
    }
    Ok(CowVal::owned(CelList::from(found)))
}

fn sum<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, list] = arguments(args)?;
    let items = items(&list, "sum")?;
    meter(&purse)?.pay(items.len() as u64)?;
    let Some((first, rest)) = items.split_first() else { return Ok(number(0)) };
    let undefined = || undefined("sum", &[&list]);
    let is_summed = |item: &dyn Val| {
        matches!(item.get_type().name(), "int" | "uint" | "double")
            || item.downcast_ref::<CelDuration>().is_some()
    };
    if !is_summed(first.as_ref()) {
        return Err(undefined());
    }
    let mut total = first.clone_as_boxed();
    for item in rest {
        let next = total.as_adder().ok_or_else(undefined)?.add(item.as_ref());
        total = match next {
            Ok(next) => next.into_owned(),
            Err(ExecutionError::Overflow(..)) => return Err(failed("sum")),
            Err(_) => return Err(undefined()),
        };
    }
    Ok(CowVal::Owned(total))
}

/// Two lists, after paying for comparing each element with each.
fn both<'s, 'v>(
    name: &str,
    purse: &CowVal<'_, '_>,
    left: &'s CowVal<'_, 'v>,
    right: &'s CowVal<'_, 'v>,
) -> Result<[&'s [Box<dyn Val + 'v>]; 2], ExecutionError> {
    let meter: &Meter = meter(purse)?;
    let weight = weight(left.as_ref(), meter.left()).saturating_mul(weight(right.as_ref(), meter.left()));
    meter.pay(weight)?;
    Ok([items(left, name)?, items(right, name)?])
}

fn has(list: &[Box<dyn Val + '_>], item: &dyn Val) -> bool {
    list.iter().any(|other| other.equals(item))
}

fn contains<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, left, right] = arguments(args)?;
    let [whole, part] = both("sets.contains", &purse, &left, &right)?;
    Ok(truth(part.iter().all(|item| has(whole, item.as_ref()))))
}

fn equivalent<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, left, right] = arguments(args)?;
    let [one, other] = both("sets.equivalent", &purse, &left, &right)?;
    let within = |part: &[Box<dyn Val + 'v>], whole| part.iter().all(|item| has(whole, item.as_ref()));
    Ok(truth(within(one, other) && within(other, one)))
}

fn intersects<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, left, right] = arguments(args)?;
    let [one, other] = both("sets.intersects", &purse, &left, &right)?;
    Ok(truth(one.iter().any(|item| has(other, item.as_ref()))))
}

fn pairs<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, range] = arguments(args)?;
    let meter = meter(&purse)?;
    meter.pay(weight(range.as_ref(), meter.left()).saturating_mul(3))?;
    let pair = |key: Box<dyn Val + 'v>, value: &(dyn Val + 'v)| -> Box<dyn Val + 'v> {
        Box::new(CelList::from(vec![key, value.clone_as_boxed()]))
    };
    if let Some(map) = range.downcast_ref::<CelMap<'v>>() {
        let mut members: Vec<_> = map.inner().iter().collect();
        // In order, so that the result is the same each time.
        members.sort_unstable_by_key(|member| member.0);
        let pairs =
            members.into_iter().map(|(key, value)| pair(key.inner().clone_as_boxed(), value.as_ref()));
        return Ok(CowVal::owned(CelList::from(pairs.collect::<Vec<_>>())));
    }
    let elements = items(&range, "a loop over two variables")?.iter().zip(0_i64..);
    let pairs = elements.map(|(value, index)| pair(Box::new(CelInt::from(index)), value.as_ref()));
    Ok(CowVal::owned(CelList::from(pairs.collect::<Vec<_>>())))
}

fn merge<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, maps] = arguments(args)?;
    let meter = meter(&purse)?;
    meter.pay(weight(maps.as_ref(), meter.left()))?;
    let mut merged: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::new();
    for map in items(&maps, "transformMapEntry")? {
        let map = map.downcast_ref::<CelMap<'v>>().ok_or_else(|| undefined("transformMapEntry", &[&maps]))?;
        for (key, value) in map.inner() {
            let key = CelMapKey::try_from(key.inner().clone_as_boxed())?;
            if merged.insert(key, value.clone_as_boxed()).is_some() {
                return Err(ExecutionError::function_error("transformMapEntry", "the same key twice"));
            }
        }
    }
    Ok(CowVal::owned(CelMap::from(merged)))
}

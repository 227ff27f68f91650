//! Bounds the work and the memory of one evaluation. It does not measure time.
//!
//! The library evaluates without limits, so the expressions that run are rewritten (see `lower`) to call the
//! functions here at each point where work can grow: what a loop goes over, what is put into a list, what a
//! function takes. Each pays from one meter, which travels as a value of its own.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};

use cel::common::traits::Sizer;
use cel::common::types::{CelBytes, CelInt, CelList, CelMap, CelOptional, CelString, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

/// Names of the functions; no source can spell them.
pub(super) const EACH: &str = "@each";
pub(super) const PAY: &str = "@pay";
pub(super) const PAY_COUNT: &str = "@payCount";
pub(super) const SHORT: &str = "@short";
pub(super) const PAY_SQUARE: &str = "@paySquare";
pub(super) const ADD: &str = "@add";

/// What fails when the meter is empty.
pub(super) const EMPTY: &str = "@meter";

/// What one evaluation may spend. A node of a value, 64 bytes of a string, and a node of an expression that
/// a loop evaluates cost one each.
const UNITS: u64 = 1_000_000;

/// Bytes of a string that is looked for in another one, where the library compares at each place.
const NEEDLE: usize = 256;

static METER: Type = Type::new_unspecified_type("meter");

/// What is left to spend.
#[derive(Debug)]
pub(super) struct Meter(AtomicU64);

impl Default for Meter {
    fn default() -> Self {
        Self(AtomicU64::new(UNITS))
    }
}

impl Meter {
    pub(super) fn pay(&self, units: u64) -> Result<(), ExecutionError> {
        let paid = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(units));
        paid.map(|_| ()).map_err(|_| empty())
    }

    pub(super) fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) fn empty() -> ExecutionError {
    ExecutionError::function_error(EMPTY, "empty")
}

impl Val for Meter {
    fn get_type(&self) -> &Type {
        &METER
    }

    fn cel_type() -> &'static Type {
        &METER
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(Self(AtomicU64::new(self.left())))
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Meter {}

/// Declares the functions.
pub(super) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    let any = || cel::common::types::DYN_TYPE;
    env.add_overload(EACH, EACH, vec![any(), any(), any()], each)?;
    env.add_overload(PAY, PAY, vec![any(), any(), any()], pay)?;
    env.add_overload(SHORT, SHORT, vec![any()], short)?;
    env.add_overload(PAY_COUNT, PAY_COUNT, vec![any(), any()], pay_count)?;
    env.add_overload(PAY_SQUARE, PAY_SQUARE, vec![any(), any()], pay_square)?;
    env.add_overload(ADD, ADD, vec![any(), any(), any()], add)
}

/// Takes the arguments apart: the meter, and as many more as asked for.
pub(super) fn arguments<'b, 'v, const N: usize>(
    args: Vec<CowVal<'b, 'v>>,
) -> Result<[CowVal<'b, 'v>; N], ExecutionError> {
    let actual = args.len();
    args.try_into().map_err(|_| ExecutionError::invalid_argument_count(N, actual))
}

pub(super) fn meter<'m>(value: &'m CowVal<'_, '_>) -> Result<&'m Meter, ExecutionError> {
    value.downcast_ref::<Meter>().ok_or_else(empty)
}

/// How much there is of a value: what copying it costs. Stops counting above `limit`.
pub(super) fn weight(value: &dyn Val, limit: u64) -> u64 {
    let mut total = 1_u64;
    let mut add = |more: u64| {
        total = total.saturating_add(more);
        total > limit
    };
    let text = |bytes: usize| (bytes / 64) as u64;
    if let Some(string) = value.downcast_ref::<CelString<'_>>() {
        add(text(string.inner().len()));
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        add(text(bytes.inner().len()));
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        let _ = list.inner().iter().any(|item| add(weight(item.as_ref(), limit)));
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let _ = map
            .inner()
            .iter()
            .any(|(key, item)| add(weight(key.inner(), limit)) || add(weight(item.as_ref(), limit)));
    } else if let Some(inner) = value.downcast_ref::<CelOptional<'_>>().and_then(CelOptional::inner) {
        add(weight(inner, limit));
    }
    total
}

fn size(value: &dyn Val) -> u64 {
    let size = value.as_sizer().map_or(0, |sized: &dyn Sizer| *sized.size().inner());
    u64::try_from(size).unwrap_or(0)
}

/// What a loop goes over: pays for its elements, which the library copies, and for the loop's body. A map's
/// keys come in order, so that the result is the same each time.
fn each<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [purse, body, range] = arguments(args)?;
    let meter = meter(&purse)?;
    meter.pay(size(range.as_ref()).saturating_mul(count(&body).unwrap_or(1)))?;
    meter.pay(weight(range.as_ref(), meter.left()))?;
    let Some(map) = range.downcast_ref::<CelMap<'_>>() else { return Ok(range) };
    let mut keys: Vec<_> = map.inner().keys().collect();
    keys.sort_unstable();
    let keys: Vec<Box<dyn Val + 'v>> = keys.into_iter().map(|key| key.inner().clone_as_boxed()).collect();
    Ok(CowVal::owned(CelList::from(keys)))
}

/// Pays for some copies of a value.
fn pay<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [purse, copies, value] = arguments(args)?;
    let meter = meter(&purse)?;
    let copies = count(&copies).unwrap_or(1);
    meter.pay(weight(value.as_ref(), meter.left()).saturating_mul(copies))?;
    Ok(value)
}

/// Refuses a string that would be looked for at each place of another one, if it is long.
fn short<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [value] = arguments(args)?;
    match value.downcast_ref::<CelString<'_>>() {
        Some(text) if text.inner().len() > NEEDLE => Err(empty()),
        _ => Ok(value),
    }
}

fn count(value: &CowVal<'_, '_>) -> Option<u64> {
    value.downcast_ref::<CelInt>().and_then(|count| u64::try_from(*count.inner()).ok())
}

/// Pays as many units as the value says.
fn pay_count<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [purse, value] = arguments(args)?;
    meter(&purse)?.pay(count(&value).unwrap_or(0))?;
    Ok(value)
}

/// Pays for comparing each element with each other.
fn pay_square<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [purse, value] = arguments(args)?;
    let meter = meter(&purse)?;
    let weight = weight(value.as_ref(), meter.left());
    meter.pay(weight.saturating_mul(size(value.as_ref()).max(1)))?;
    Ok(value)
}

/// `a + b`, which copies both.
fn add<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [purse, left, right] = arguments(args)?;
    let meter = meter(&purse)?;
    meter.pay(weight(left.as_ref(), meter.left()))?;
    meter.pay(weight(right.as_ref(), meter.left()))?;
    let undefined = || {
        let types = [left.as_ref(), right.as_ref()].map(|side| side.get_type().name().to_owned());
        ExecutionError::no_such_overload("_+_", types.to_vec())
    };
    let adder = left.as_adder().ok_or_else(undefined)?;
    match adder.add(right.as_ref()) {
        Ok(sum) => Ok(CowVal::Owned(sum.into_owned())),
        Err(ExecutionError::Overflow(..)) => Err(ExecutionError::function_error("_+_", "overflow")),
        Err(_) => Err(undefined()),
    }
}

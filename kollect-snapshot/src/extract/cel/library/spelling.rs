//! How Go writes numbers, timestamps and durations, which is how CEL's string() does in Kubernetes. It reads none.

use cel::DeclarationError;
use cel::common::types::{CelDouble, CelDuration, CelTimestamp};
use cel::common::value::CowVal;

use super::super::budget::{arguments, meter, weight};
use super::reading::delegate;
use super::{Answer, Args, Declarations, words};

pub(super) const STRING: &str = "@string";
/// A timestamp in UTC; all else as it is.
pub(in super::super) const UTC: &str = "@utc";

pub(super) fn declare(declared: &mut Declarations<'_>) -> Result<(), DeclarationError> {
    declared.metered(STRING, 2, string)?;
    declared.metered(UTC, 1, utc)
}

fn string<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, value] = arguments(args)?;
    let meter = meter(&purse)?;
    meter.pay(weight(value.as_ref(), meter.left()))?;
    if let Some(double) = value.downcast_ref::<CelDouble>() {
        return Ok(words(float(*double.inner())));
    }
    if let Some(time) = value.downcast_ref::<CelTimestamp>() {
        return Ok(words(timestamp(time)));
    }
    delegate("string", value)
}

/// The parts of a timestamp are those in UTC where no zone is named, whatever the offset it was written with.
fn utc<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [value] = arguments(args)?;
    match value.downcast_ref::<CelTimestamp>() {
        Some(time) => Ok(CowVal::owned(CelTimestamp::from(time.inner().to_utc().fixed_offset()))),
        None => Ok(value),
    }
}

/// The shortest text, with an exponent where there would be more than six digits before the point.
pub(super) fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent @ -4..=5) if value != 0.0 || exponent == 0 => format!("{value}"),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        Err(_) => scientific,
    }
}

/// RFC 3339 with the offset it was written with.
pub(super) fn timestamp(time: &CelTimestamp) -> String {
    tidy(&time.inner().to_rfc3339())
}

/// RFC 3339 in UTC.
pub(in super::super) fn timestamp_utc(time: &CelTimestamp) -> String {
    tidy(&time.inner().to_utc().to_rfc3339())
}

/// Without zeros at the fraction's end, and `Z` for UTC.
fn tidy(text: &str) -> String {
    let zone = text.rfind(['+', '-']).unwrap_or(text.len());
    let (time, offset) = text.split_at_checked(zone).unwrap_or((text, ""));
    let time = if time.contains('.') { time.trim_end_matches('0').trim_end_matches('.') } else { time };
    format!("{time}{}", if offset == "+00:00" { "Z" } else { offset })
}

/// Seconds, as in `5400s`.
pub(super) fn duration(duration: &CelDuration) -> Option<String> {
    let nanos = duration.inner().num_nanoseconds()?;
    let seconds = (nanos / 1_000_000_000) as f64 + (nanos % 1_000_000_000) as f64 / 1e9;
    Some(format!("{seconds}s"))
}

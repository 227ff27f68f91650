//! Which texts are durations, timestamps and numbers: those that Go reads. The library, which takes more, then
//! makes the values.

use cel::DeclarationError;
use cel::common::types::{CelBool, CelString};
use cel::common::value::CowVal;

use super::super::ENGINE;
use super::super::budget::{arguments, meter, weight};
use super::{Answer, Args, Declarations, failed, string, truth, undefined};

pub(super) const DURATION: &str = "@duration";
pub(super) const TIMESTAMP: &str = "@timestamp";
pub(super) const UINT: &str = "@uint";
pub(super) const BOOL: &str = "@bool";

pub(super) fn declare(declared: &mut Declarations<'_>) -> Result<(), DeclarationError> {
    declared.metered(DURATION, 2, duration)?;
    declared.metered(TIMESTAMP, 2, timestamp)?;
    declared.metered(UINT, 2, uint)?;
    declared.metered(BOOL, 2, bool)
}

/// What the library makes of a value.
pub(super) fn delegate<'b, 'v>(name: &str, value: CowVal<'b, 'v>) -> Answer<'b, 'v> {
    let Ok(engine) = &*ENGINE else { return Err(failed(name)) };
    let args = vec![value];
    match engine.env.find_overload(name, &args) {
        Some(function) => function(args),
        None => Err(undefined(name, &args.iter().collect::<Vec<_>>())),
    }
}

/// The argument, after paying for it.
fn paid<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, value] = arguments(args)?;
    let meter = meter(&purse)?;
    meter.pay(weight(value.as_ref(), meter.left()))?;
    Ok(value)
}

fn duration<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let value = paid(args)?;
    let Some(text) = string(&value) else { return delegate("duration", value) };
    let exact = exact(text).ok_or_else(|| failed("duration"))?;
    delegate("duration", CowVal::owned(CelString::from(exact)))
}

fn timestamp<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let value = paid(args)?;
    if string(&value).is_some_and(|text| !is_timestamp(text)) {
        return Err(failed("timestamp"));
    }
    delegate("timestamp", value)
}

fn uint<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let value = paid(args)?;
    if string(&value).is_some_and(|text| text.starts_with('+')) {
        return Err(failed("uint"));
    }
    delegate("uint", value)
}

fn bool<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let value = paid(args)?;
    if let Some(flag) = value.downcast_ref::<CelBool>() {
        return Ok(truth(*flag.inner()));
    }
    match string(&value) {
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(truth(true)),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(truth(false)),
        Some(_) => Err(failed("bool")),
        None => Err(undefined("bool", &[&value])),
    }
}

/// The same duration in units that the library, which counts in floats, reads without loss.
fn exact(text: &str) -> Option<String> {
    let nanos = nanoseconds(text)?;
    let (sign, rest) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let (seconds, nanos) = (rest / 1_000_000_000, rest % 1_000_000_000);
    Some(format!("{sign}{}h{}m{}s{nanos}ns", seconds / 3600, seconds / 60 % 60, seconds % 60))
}

/// As Go's time.ParseDuration.
fn nanoseconds(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if unsigned == "0" {
        return Some(0);
    }
    let mut total: i128 = 0;
    let mut rest = unsigned;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, after) = rest.split_at_checked(digits(rest))?;
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at_checked(digits(after))?,
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        // More digits than these are less than a nanosecond of any unit.
        let fraction = fraction.get(..fraction.len().min(18))?;
        let part = match fraction.parse::<i128>() {
            Ok(part) => part * unit / 10_i128.pow(u32::try_from(fraction.len()).ok()?),
            Err(_) => 0,
        };
        total = total.checked_add(whole.checked_mul(unit)?.checked_add(part)?)?;
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// RFC 3339 as Go reads it: upper case, no leap second.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = |range: std::ops::Range<usize>, pattern: &[u8]| {
        bytes.get(range).is_some_and(|part| {
            part.iter().zip(pattern).all(|(byte, want)| match want {
                b'0' => byte.is_ascii_digit(),
                want => byte == want,
            })
        })
    };
    if !shape(0..19, b"0000-00-00T00:00:00") || text.get(17..19).is_none_or(|seconds| seconds > "59") {
        return false;
    }
    let rest = text.get(19..).unwrap_or_default();
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if after.len() == fraction.len() {
                return false;
            }
            after
        }
        None => rest,
    };
    let at = text.len() - zone.len();
    zone == "Z" || (zone.len() == 6 && zone.starts_with(['+', '-']) && shape(at + 1..at + 6, b"00:00"))
}

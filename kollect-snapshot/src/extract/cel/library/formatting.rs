//! `'%s'.format([..])` as in Kubernetes, where `%f` groups by thousands and `%e` writes a power of ten. It knows no
//! other locale.

use std::fmt::Write;

use cel::DeclarationError;
use cel::common::types::{
    CelBool, CelBytes, CelDouble, CelDuration, CelInt, CelList, CelMap, CelNull, CelString, CelTimestamp,
    CelType, CelUInt,
};
use cel::common::value::Val;

use super::super::budget::{arguments, meter, weight};
use super::{Answer, Args, Declarations, failed, spelling, string, undefined, words};

pub(super) const FORMAT: &str = "@format";

/// Digits behind the point at most; Kubernetes' own answers are wrong with more.
const PRECISION: usize = 15;

pub(super) fn declare(declared: &mut Declarations<'_>) -> Result<(), DeclarationError> {
    declared.metered(FORMAT, 3, format)
}

fn format<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, template, list] = arguments(args)?;
    let meter = meter(&purse)?;
    let undefined = || undefined("format", &[&template, &list]);
    let text = string(&template).ok_or_else(undefined)?;
    let values = list.downcast_ref::<CelList<'v>>().ok_or_else(undefined)?.inner();
    // Each character of a value may take several, and each clause some.
    meter.pay(weight(list.as_ref(), meter.left()).saturating_mul(8))?;
    meter.pay(1 + text.len() as u64)?;
    made(text, values).map(words).ok_or_else(|| failed("format"))
}

fn made(text: &str, values: &[Box<dyn Val + '_>]) -> Option<String> {
    let mut out = String::new();
    let mut values = values.iter();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (precision, after) = match after.strip_prefix('.') {
            Some(spelled) => {
                let digits = spelled.bytes().take_while(u8::is_ascii_digit).count();
                let (digits, after) = spelled.split_at_checked(digits)?;
                (Some(digits.parse::<usize>().ok()?), after)
            }
            None => (None, after),
        };
        let mut clause = after.chars();
        let kind = clause.next()?;
        rest = clause.as_str();
        let value = values.next()?.as_ref();
        match kind {
            's' => plain(value, &mut out)?,
            'd' => out.push_str(&integer(value)?.to_string()),
            'f' => fixed(value, precision.unwrap_or(6), &mut out)?,
            'e' => scientific(value, &mut out)?,
            'b' => match value.downcast_ref::<CelBool>() {
                Some(flag) => out.push(if *flag.inner() { '1' } else { '0' }),
                None => based(integer(value)?, |n| format!("{n:b}"), &mut out),
            },
            'o' => based(integer(value)?, |n| format!("{n:o}"), &mut out),
            'x' => hexadecimal(value, |n| format!("{n:x}"), |byte| format!("{byte:02x}"), &mut out)?,
            'X' => hexadecimal(value, |n| format!("{n:X}"), |byte| format!("{byte:02X}"), &mut out)?,
            _ => return None,
        }
    }
    out.push_str(rest);
    Some(out)
}

fn integer(value: &dyn Val) -> Option<i128> {
    let int = value.downcast_ref::<CelInt>().map(|int| i128::from(*int.inner()));
    int.or_else(|| value.downcast_ref::<CelUInt>().map(|uint| i128::from(*uint.inner())))
}

fn based(value: i128, digits: fn(u128) -> String, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    out.push_str(&digits(value.unsigned_abs()));
}

fn hexadecimal(
    value: &dyn Val,
    digits: fn(u128) -> String,
    pair: fn(u8) -> String,
    out: &mut String,
) -> Option<()> {
    let text = value.downcast_ref::<CelString<'_>>().map(|text| text.inner().as_bytes());
    match text.or_else(|| value.downcast_ref::<CelBytes<'_>>().map(CelBytes::inner)) {
        Some(bytes) => out.extend(bytes.iter().map(|byte| pair(*byte))),
        None => based(integer(value)?, digits, out),
    }
    Some(())
}

/// A double, or the name of one that has no digits; and how the latter is written.
fn double(value: &dyn Val) -> Option<Result<f64, &'static str>> {
    let named = value.downcast_ref::<CelString<'_>>().map(CelString::inner);
    let value = match named {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        Some(_) => return None,
        None => *value.downcast_ref::<CelDouble>()?.inner(),
    };
    Some(match value {
        nan if nan.is_nan() => Err("NaN"),
        f64::INFINITY => Err("∞"),
        f64::NEG_INFINITY => Err("-∞"),
        // Without its sign.
        0.0 => Ok(0.0),
        value => Ok(value),
    })
}

/// With a comma before each three digits.
fn fixed(value: &dyn Val, precision: usize, out: &mut String) -> Option<()> {
    if precision > PRECISION {
        return None;
    }
    let value = match double(value)? {
        Ok(value) => value,
        Err(name) => {
            out.push_str(name);
            return Some(());
        }
    };
    let spelled = format!("{value:.precision$}");
    let digits = spelled.strip_prefix('-').unwrap_or(&spelled);
    if digits.len() < spelled.len() {
        out.push('-');
    }
    let (whole, fraction) = digits.split_at_checked(digits.find('.').unwrap_or(digits.len()))?;
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(fraction);
    Some(())
}

/// Kubernetes takes any precision, and writes six digits.
fn scientific(value: &dyn Val, out: &mut String) -> Option<()> {
    let value = match double(value)? {
        Ok(value) => value,
        Err(name) => {
            out.push_str(name);
            return Some(());
        }
    };
    let spelled = format!("{value:.6e}");
    let (digits, exponent) = spelled.split_once('e')?;
    out.push_str(digits);
    out.push_str("×10");
    if exponent.starts_with('-') {
        out.push('⁻');
    }
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let power = format!("{:0>2}", exponent.trim_start_matches('-'));
    out.extend(power.chars().filter_map(|digit| RAISED.get(digit.to_digit(10)? as usize)));
    Some(())
}

/// A value as `%s` writes it.
fn plain(value: &dyn Val, out: &mut String) -> Option<()> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        out.push_str(text.inner());
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        out.push_str(std::str::from_utf8(bytes.inner()).ok()?);
    } else if let Some(double) = value.downcast_ref::<CelDouble>() {
        out.push_str(&spelling::float(*double.inner()));
    } else if let Some(duration) = value.downcast_ref::<CelDuration>() {
        out.push_str(&spelling::duration(duration)?);
    } else if let Some(time) = value.downcast_ref::<CelTimestamp>() {
        out.push_str(&spelling::timestamp(time));
    } else {
        nested(value, out)?;
    }
    Some(())
}

/// A value within a list or a map.
fn nested(value: &dyn Val, out: &mut String) -> Option<()> {
    if let Some(integer) = integer(value) {
        out.push_str(&integer.to_string());
    } else if let Some(flag) = value.downcast_ref::<CelBool>() {
        out.push_str(if *flag.inner() { "true" } else { "false" });
    } else if value.downcast_ref::<CelNull>().is_some() {
        out.push_str("null");
    } else if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        quoted(text.inner(), out);
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        out.push('b');
        quoted(std::str::from_utf8(bytes.inner()).ok()?, out);
    } else if let Some(double) = value.downcast_ref::<CelDouble>() {
        out.push_str(&match *double.inner() {
            value if value.is_finite() => format!("{value:.6}"),
            value => spelling::float(value),
        });
    } else if let Some(duration) = value.downcast_ref::<CelDuration>() {
        out.push_str(&format!("duration(\"{}\")", spelling::duration(duration)?));
    } else if let Some(time) = value.downcast_ref::<CelTimestamp>() {
        out.push_str(&format!("timestamp(\"{}\")", spelling::timestamp(time)));
    } else if let Some(kind) = value.downcast_ref::<CelType>() {
        out.push_str(kind.name());
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        out.push('[');
        for (index, item) in list.inner().iter().enumerate() {
            out.push_str(if index > 0 { ", " } else { "" });
            nested(item.as_ref(), out)?;
        }
        out.push(']');
    } else {
        members(value.downcast_ref::<CelMap<'_>>()?, out)?;
    }
    Some(())
}

/// In the order of the keys as they are written.
fn members(map: &CelMap<'_>, out: &mut String) -> Option<()> {
    let mut members = Vec::new();
    for (key, value) in map.inner() {
        let mut name = String::new();
        nested(key.inner(), &mut name)?;
        members.push((name, value));
    }
    members.sort_by(|left, right| left.0.cmp(&right.0));
    out.push('{');
    for (index, (name, value)) in members.into_iter().enumerate() {
        out.push_str(if index > 0 { ", " } else { "" });
        out.push_str(&name);
        out.push(':');
        nested(value.as_ref(), out)?;
    }
    out.push('}');
    Some(())
}

/// As Go quotes.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            // Writing to a string does not fail.
            c if c.is_ascii_control() => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

//! Durations in the notation of Go's `time.ParseDuration`, bounded when they are read. Clocks and timers are not here.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A span between zero and `MAX_HOURS` hours, a string such as `30s`, `1h30m` or `500ms` in JSON.
///
/// Signs other than `+` are refused. A fraction of a nanosecond is cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration<const MAX_HOURS: u64 = 24>(std::time::Duration);

/// A [`Duration`] for ages of stored data: up to ten years.
pub type Age = Duration<87_600>;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// The text does not follow the notation.
    #[error(
        "invalid duration {0:?}: write a number and a unit (ns, us, ms, s, m, h), such as \"30s\" or \"1h30m\""
    )]
    Syntax(String),
    /// The value lies outside the bounds.
    #[error("duration {0:?} is out of range: write a value from 0s to {1}h")]
    Range(String, u64),
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
];

impl<const MAX_HOURS: u64> Duration<MAX_HOURS> {
    /// A whole number of seconds; more than the bound is cut to it.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        let most = MAX_HOURS * 3_600;
        Self(std::time::Duration::from_secs(if seconds < most { seconds } else { most }))
    }

    /// The span as the standard library has it.
    #[must_use]
    pub const fn get(self) -> std::time::Duration {
        self.0
    }

    /// True for `0s`.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl<const MAX_HOURS: u64> From<Duration<MAX_HOURS>> for std::time::Duration {
    fn from(duration: Duration<MAX_HOURS>) -> Self {
        duration.0
    }
}

impl<const MAX_HOURS: u64> FromStr for Duration<MAX_HOURS> {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        let nanos = match unsigned {
            "0" => Some(0),
            _ => nanoseconds(unsigned),
        }
        .ok_or_else(|| DurationError::Syntax(text.to_owned()))?;
        let most = u128::from(MAX_HOURS * 3_600) * u128::from(NANOS_PER_SECOND);
        match u64::try_from(nanos) {
            Ok(within) if nanos <= most => Ok(Self(std::time::Duration::from_nanos(within))),
            _ => Err(DurationError::Range(text.to_owned(), MAX_HOURS)),
        }
    }
}

/// The sum of all components; `None` where the notation is broken, saturated where the number is absurd.
fn nanoseconds(text: &str) -> Option<u128> {
    let mut rest = text;
    let mut sum = 0_u128;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (name, remaining) = after.split_at(end);
        let unit = UNITS.iter().find_map(|(unit, nanos)| (*unit == name).then_some(u128::from(*nanos)))?;
        sum = sum.saturating_add(number(whole).saturating_mul(unit)).saturating_add(part(fraction, unit));
        rest = remaining;
    }
    Some(sum)
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn number(digits: &str) -> u128 {
    digits.bytes().fold(0, |sum: u128, digit| sum.saturating_mul(10).saturating_add(u128::from(digit - b'0')))
}

/// `0.<digits>` of a unit. The units have at most thirteen decimal digits, so that sixteen of the fraction are exact.
fn part(digits: &str, unit: u128) -> u128 {
    let digits = digits.get(..16).unwrap_or(digits);
    let scale = digits.bytes().fold(1_u128, |scale, _| scale * 10);
    number(digits) * unit / scale
}

impl<const MAX_HOURS: u64> fmt::Display for Duration<MAX_HOURS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        if seconds == 0 && nanos > 0 {
            return match nanos {
                1_000_000.. => fraction(f, nanos / 1_000_000, nanos % 1_000_000, 6, "ms"),
                1_000.. => fraction(f, nanos / 1_000, nanos % 1_000, 3, "us"),
                _ => write!(f, "{nanos}ns"),
            };
        }
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        fraction(f, u32::try_from(seconds % 60).unwrap_or_default(), nanos, 9, "s")
    }
}

fn fraction(f: &mut fmt::Formatter<'_>, whole: u32, part: u32, width: usize, unit: &str) -> fmt::Result {
    if part == 0 {
        return write!(f, "{whole}{unit}");
    }
    let digits = format!("{part:0width$}");
    write!(f, "{whole}.{}{unit}", digits.trim_end_matches('0'))
}

impl<const MAX_HOURS: u64> Serialize for Duration<MAX_HOURS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const MAX_HOURS: u64> Deserialize<'de> for Duration<MAX_HOURS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// What the API server checks; it cannot add components up, so the bound is checked on reading.
pub(crate) const PATTERN: &str = r"^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$";

impl<const MAX_HOURS: u64> JsonSchema for Duration<MAX_HOURS> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Duration{MAX_HOURS}h").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let most = format!("{MAX_HOURS}h");
        json_schema!({
            "type": "string", "pattern": PATTERN, "maxLength": 64,
            "x-kubernetes-validations": [{
                "rule": format!("duration(self) <= duration('{most}')"),
                "messageExpression": format!("'duration \"' + self + '\" is out of range: write a value from 0s to {most}'"),
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        let table: [(&str, u64); 19] = [
            ("0", 0),
            ("+0", 0),
            ("0s", 0),
            ("5s", 5_000_000_000),
            ("+5s", 5_000_000_000),
            ("30s", 30_000_000_000),
            ("1478s", 1_478_000_000_000),
            ("5.0s", 5_000_000_000),
            ("5.s", 5_000_000_000),
            (".5s", 500_000_000),
            ("1.004s", 1_004_000_000),
            ("10ns", 10),
            ("11us", 11_000),
            ("12\u{b5}s12\u{3bc}s", 24_000),
            ("13ms", 13_000_000),
            ("1h30m", 5_400_000_000_000),
            ("10.5s4m", 250_500_000_000),
            ("0.3333333333333333333h", 1_200_000_000_000 - 1),
            ("24h", 86_400_000_000_000),
        ];
        for (text, nanos) in table {
            assert_eq!(
                text.parse::<Duration>(),
                Ok(Duration(std::time::Duration::from_nanos(nanos))),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_go_refuses_and_what_is_out_of_bounds() {
        for text in [
            "", "3", "-", "s", ".", "-.", ".s", "+.s", "1d", "-5s", "1h ", " 1h", "1.2.3s", "1S", "1h-2m",
            "٣s",
        ] {
            assert_eq!(text.parse::<Duration>(), Err(DurationError::Syntax(text.into())), "{text}");
        }
        for text in ["24h1ns", "25h", "1441m", "99999999999999999999999999999999999999999999h"] {
            assert_eq!(text.parse::<Duration>(), Err(DurationError::Range(text.into(), 24)), "{text}");
        }
        assert_eq!("720h".parse::<Age>().map(|age| age.get().as_secs()), Ok(2_592_000));
    }

    #[test]
    fn writes_as_go_writes_and_reads_that_again() {
        for text in
            ["0s", "30s", "1m0s", "1h30m0s", "24h0m0s", "500ms", "1.5s", "1.004s", "10ns", "1.1us", "2.2ms"]
        {
            let duration: Duration = text.parse().unwrap();
            assert_eq!(duration.to_string(), text);
            assert_eq!(serde_json::from_value::<Duration>(serde_json::json!(text)).unwrap(), duration);
        }
    }
}

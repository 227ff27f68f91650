//! Amounts such as `500m` and `2Gi`, as k8s.io/apimachinery's resource.Quantity reads them. It writes none.

use std::cmp::Ordering;

use cel::common::types::{CelDouble, INT_TYPE};
use cel::common::value::CowVal;
use cel::{DeclarationError, ExecutionError};

use super::super::budget::arguments;
use super::opaque::opaque;
use super::{Answer, Args, Declarations, failed, int, number, string, truth, undefined};

/// Digits that Kubernetes keeps in an int64.
const FAST: i64 = 18;

/// The smallest fraction is a billionth.
const NANO: i32 = -9;

/// `unscaled * 10^exponent`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantity {
    unscaled: i128,
    exponent: i32,
    /// Kubernetes keeps it in an int64, and only then takes it for an integer.
    fast: bool,
}

opaque!(Quantity, "kubernetes.Quantity");

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

pub(super) fn declare(declared: &mut Declarations<'_>) -> Result<(), DeclarationError> {
    let kind = Quantity::kind;
    declared.text("quantity", quantity)?;
    declared.text("isQuantity", is_quantity)?;
    declared.global("sign", [kind()], sign)?;
    declared.member("isGreaterThan", kind(), [kind()], is_greater)?;
    declared.member("isLessThan", kind(), [kind()], is_less)?;
    declared.member("compareTo", kind(), [kind()], compare_to)?;
    declared.member("asApproximateFloat", kind(), [], as_float)?;
    declared.member("asInteger", kind(), [], as_integer)?;
    declared.member("isInteger", kind(), [], is_integer)?;
    declared.member("add", kind(), [kind()], add)?;
    declared.member("add", kind(), [INT_TYPE], add)?;
    declared.member("sub", kind(), [kind()], sub)?;
    declared.member("sub", kind(), [INT_TYPE], sub)
}

fn quantity<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [text] = arguments(args)?;
    let text = string(&text).ok_or_else(|| undefined("quantity", &[&text]))?;
    Spelling::read(text).and_then(Spelling::amount).map(CowVal::owned).ok_or_else(|| failed("quantity"))
}

fn is_quantity<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [text] = arguments(args)?;
    let text = string(&text).ok_or_else(|| undefined("isQuantity", &[&text]))?;
    Ok(truth(Spelling::read(text).is_some()))
}

fn sign<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [amount] = arguments(args)?;
    Ok(number(i64::try_from(Quantity::of(&amount, "sign")?.unscaled.signum()).unwrap_or(0)))
}

fn ordering(name: &str, args: Args<'_, '_>) -> Result<Ordering, ExecutionError> {
    let [left, right] = arguments(args)?;
    Ok(Quantity::of(&left, name)?.compare(Quantity::of(&right, name)?))
}

fn is_greater<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    Ok(truth(ordering("isGreaterThan", args)? == Ordering::Greater))
}

fn is_less<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    Ok(truth(ordering("isLessThan", args)? == Ordering::Less))
}

fn compare_to<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    Ok(number(ordering("compareTo", args)? as i64))
}

fn as_float<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [amount] = arguments(args)?;
    let amount = Quantity::of(&amount, "asApproximateFloat")?;
    let base = amount.unscaled as f64;
    let float = if amount.exponent == 0 { base } else { base * power(amount.exponent) };
    Ok(CowVal::owned(CelDouble::from(float)))
}

/// The nearest float to a power of ten.
fn power(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().unwrap_or(f64::INFINITY)
}

fn as_integer<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [amount] = arguments(args)?;
    Quantity::of(&amount, "asInteger")?.integer().map(number).ok_or_else(|| failed("asInteger"))
}

fn is_integer<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [amount] = arguments(args)?;
    Ok(truth(Quantity::of(&amount, "isInteger")?.integer().is_some()))
}

fn add<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    summed("add", args, Some)
}

fn sub<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    summed("sub", args, i128::checked_neg)
}

fn summed<'b, 'v>(name: &str, args: Args<'b, 'v>, turn: fn(i128) -> Option<i128>) -> Answer<'b, 'v> {
    let [left, right] = arguments(args)?;
    let left = Quantity::of(&left, name)?;
    let right = match int(&right) {
        Some(whole) => Quantity { unscaled: i128::from(whole), exponent: 0, fast: true },
        None => *Quantity::of(&right, name)?,
    };
    let right = turn(right.unscaled).map(|unscaled| Quantity { unscaled, ..right });
    let sum = right.and_then(|right| left.plus(&right));
    sum.map(CowVal::owned).ok_or_else(|| failed(name))
}

impl Quantity {
    /// In billionths, where what is left counts as one; as it is where that would be too many digits.
    fn rounded(self) -> Self {
        let in_billionths = |unscaled| Self { unscaled, exponent: NANO, fast: false };
        match self.exponent - NANO {
            _ if self.unscaled == 0 => self,
            up @ 0.. => {
                let more = 10_i128.checked_pow(up.unsigned_abs());
                more.and_then(|by| self.unscaled.checked_mul(by)).map_or(self, in_billionths)
            }
            down => in_billionths(match 10_i128.checked_pow(down.unsigned_abs()) {
                Some(by) => self.unscaled / by + i128::from(self.unscaled % by != 0),
                None => 1,
            }),
        }
    }

    fn integer(&self) -> Option<i64> {
        if !self.fast || self.exponent < 0 {
            return None;
        }
        let by = 10_i64.checked_pow(self.exponent.unsigned_abs());
        i64::try_from(self.unscaled).ok()?.checked_mul(by?)
    }

    fn compare(&self, other: &Self) -> Ordering {
        let (left, right) = (self.unscaled.signum(), other.unscaled.signum());
        if left != right || left == 0 {
            return left.cmp(&right);
        }
        // How many digits stand before the point decides, or they can be brought to one exponent.
        let digits = |q: &Self| i64::from(q.unscaled.unsigned_abs().ilog10()) + i64::from(q.exponent);
        let magnitudes = digits(self).cmp(&digits(other));
        let absolute = if magnitudes == Ordering::Equal {
            let least = self.exponent.min(other.exponent);
            let scaled = |q: &Self| {
                let by = 10_u128.checked_pow(q.exponent.abs_diff(least));
                by.and_then(|by| q.unscaled.unsigned_abs().checked_mul(by)).unwrap_or(u128::MAX)
            };
            scaled(self).cmp(&scaled(other))
        } else {
            magnitudes
        };
        if left < 0 { absolute.reverse() } else { absolute }
    }

    fn plus(&self, other: &Self) -> Option<Self> {
        let fast = self.fast && other.fast;
        if other.unscaled == 0 && fast {
            return Some(*self);
        }
        if self.unscaled == 0 && fast {
            return Some(*other);
        }
        let exponent = self.exponent.min(other.exponent);
        let scaled = |q: &Self| {
            let by = 10_i128.checked_pow(q.exponent.abs_diff(exponent))?;
            q.unscaled.checked_mul(by)
        };
        let (left, right) = (scaled(self)?, scaled(other)?);
        let unscaled = left.checked_add(right)?;
        let fits = |value: i128| i64::try_from(value).is_ok();
        Some(Self { unscaled, exponent, fast: fast && fits(left) && fits(right) && fits(unscaled) })
    }
}

/// The parts of an amount as it is written.
struct Spelling<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
    base: Base,
    power: i32,
    fast: bool,
}

impl<'t> Spelling<'t> {
    /// None where it is no amount.
    fn read(text: &'t str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if text.is_empty() {
            return None;
        }
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, rest) = unsigned.split_at_checked(digits(unsigned))?;
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at_checked(digits(rest))?,
            None => ("", rest),
        };
        let (base, power) = exponent(suffix)?;
        let spelled = !(whole.is_empty() && fraction.is_empty());
        let whole = whole.trim_start_matches('0');
        // A number without digits is 0 to Kubernetes, if it is not too large otherwise.
        let length = i64::try_from(whole.len().max(1)).ok()?;
        let places = i32::try_from(fraction.len()).ok()?;
        let fast = match base {
            Base::Ten => {
                FAST - length - i64::from(places) >= 0 && power.checked_sub(places).is_some_and(|e| e >= NANO)
            }
            Base::Two => places == 0 && 15 - length - i64::from(power * 3 / 10) > 0,
        };
        (spelled || fast || text.len() == 1).then_some(Self { negative, whole, fraction, base, power, fast })
    }

    /// None where it has more digits than 128 bits hold.
    fn amount(self) -> Option<Quantity> {
        let digits = format!("0{}{}", self.whole, self.fraction);
        let places = i32::try_from(self.fraction.len()).ok()?;
        let sign = if self.negative { -1 } else { 1 };
        // More than an int64 is its maximum.
        let most = Quantity { unscaled: sign * i128::from(i64::MAX), exponent: 0, fast: false };
        let (unscaled, exponent) = match (self.base, digits.parse::<i128>()) {
            (Base::Ten, Ok(digits)) => (digits, self.power.checked_sub(places)?),
            (Base::Ten, Err(_)) => return None,
            (Base::Two, digits) => {
                let factor = 1_i128.checked_shl(u32::try_from(self.power).ok()?)?;
                match digits.ok().and_then(|digits| digits.checked_mul(factor)) {
                    Some(unscaled) => (unscaled, 0_i32.checked_sub(places)?),
                    // So many digits before the point; behind it they are not worth a failure.
                    None if self.whole.len() > 18 => return Some(most),
                    None => return None,
                }
            }
        };
        if self.fast && i64::try_from(unscaled).is_ok() {
            return Some(Quantity { unscaled: sign * unscaled, exponent, fast: true });
        }
        let rounded = Quantity { unscaled, exponent, fast: false }.rounded();
        let greatest = Quantity { unscaled: i128::from(i64::MAX), ..most };
        if self.base == Base::Two && rounded.compare(&greatest) == Ordering::Greater {
            return Some(most);
        }
        Some(Quantity { unscaled: sign * rounded.unscaled, ..rounded })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Two,
    Ten,
}

/// What a suffix multiplies with: a power of a base.
fn exponent(suffix: &str) -> Option<(Base, i32)> {
    let decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    if let Some(at) = decimal.iter().position(|known| *known == suffix) {
        return Some((Base::Ten, i32::try_from(at).ok()? * 3 - 9));
    }
    let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if let Some(at) = binary.iter().position(|known| *known == suffix) {
        return Some((Base::Two, i32::try_from(at).ok()? * 10 + 10));
    }
    let power = suffix.strip_prefix(['e', 'E'])?;
    let digits = power.strip_prefix(['-', '+']).unwrap_or(power);
    let spelled = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    spelled.then(|| power.parse().ok()).flatten().map(|power| (Base::Ten, power))
}

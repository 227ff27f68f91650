//! Named formats such as `format.dns1123Label()`, with the messages of Kubernetes. It parses no values.

use std::borrow::Cow;

use cel::common::types::{CelList, CelOptional, CelString, STRING_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, ExecutionError};

use super::super::budget::arguments;
use super::opaque::opaque;
use super::{Answer, Args, Declarations, string, undefined, url};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format(usize);

opaque!(Format, "kubernetes.NamedFormat");

/// What is wrong with a text.
type Check = fn(&str) -> Vec<String>;

/// Their names, what makes them, and how they judge.
const FORMATS: [(&str, super::Function, Check); 13] = [
    ("dns1123Label", made::<0>, label),
    ("dns1123Subdomain", made::<1>, subdomain),
    ("dns1035Label", made::<2>, old_label),
    ("qualifiedName", made::<3>, qualified_name),
    ("dns1123LabelPrefix", made::<4>, |text| label(&unmasked(text))),
    ("dns1123SubdomainPrefix", made::<5>, |text| subdomain(&unmasked(text))),
    ("dns1035LabelPrefix", made::<6>, |text| old_label(&unmasked(text))),
    ("labelValue", made::<7>, label_value),
    ("uri", made::<8>, |text| unless(url::is_valid(text), "invalid URI for request")),
    ("uuid", made::<9>, |text| unless(is_uuid(text), "does not match the UUID format")),
    ("byte", made::<10>, |text| unless(is_base64(text), "invalid base64")),
    ("date", made::<11>, |text| unless(is_date(text), "invalid date")),
    ("datetime", made::<12>, |text| unless(is_datetime(text), "invalid datetime")),
];

pub(super) fn declare(declared: &mut Declarations<'_>) -> Result<(), DeclarationError> {
    for (name, make, _) in FORMATS {
        declared.global(&format!("format.{name}"), [], make)?;
    }
    declared.text("format.named", named)?;
    declared.member("validate", Format::kind(), [STRING_TYPE], validate)
}

fn made<'b, 'v, const N: usize>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [] = arguments(args)?;
    Ok(CowVal::owned(Format(N)))
}

fn named<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [name] = arguments(args)?;
    let name = string(&name).ok_or_else(|| undefined("format.named", &[&name]))?;
    let known = FORMATS.iter().position(|(known, ..)| *known == name);
    Ok(CowVal::owned(known.map_or_else(CelOptional::none, |at| CelOptional::of(Box::new(Format(at))))))
}

fn validate<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [format, text] = arguments(args)?;
    let undefined: fn() -> ExecutionError = || super::failed("validate");
    let (_, _, check) = FORMATS.get(Format::of(&format, "validate")?.0).ok_or_else(undefined)?;
    let wrong = check(string(&text).ok_or_else(undefined)?);
    if wrong.is_empty() {
        return Ok(CowVal::owned(CelOptional::none()));
    }
    let wrong = wrong.into_iter().map(|wrong| -> Box<dyn Val + 'v> { Box::new(CelString::from(wrong)) });
    Ok(CowVal::owned(CelOptional::of(Box::new(CelList::from(wrong.collect::<Vec<_>>())))))
}

fn unless(valid: bool, wrong: &str) -> Vec<String> {
    if valid { Vec::new() } else { vec![wrong.to_owned()] }
}

fn too_long(most: usize) -> String {
    format!("must be no more than {most} characters")
}

fn expected(what: &str, examples: &[&str], pattern: &str) -> String {
    let examples: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!("{what} (e.g. {}regex used for validation is '{pattern}')", examples.join(" or "))
}

/// A prefix may end with a dash, for something follows it.
fn unmasked(text: &str) -> Cow<'_, str> {
    match text.strip_suffix('-').filter(|rest| !rest.is_empty()) {
        // Kubernetes cuts a byte before the dash as well.
        Some(rest) => {
            let kept = rest.as_bytes().split_last().map_or(&[][..], |(_, kept)| kept);
            Cow::Owned(format!("{}a", String::from_utf8_lossy(kept)))
        }
        None => Cow::Borrowed(text),
    }
}

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

fn is_label(text: &str) -> bool {
    let ends = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    ends(text.bytes().next()) && ends(text.bytes().next_back()) && text.bytes().all(inner)
}

fn label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push(too_long(63));
    }
    if !is_label(text) {
        wrong.push(if text.split('.').all(is_label) {
            "must not contain dots".to_owned()
        } else {
            let what = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
            expected(what, &["my-name", "123-abc"], LABEL)
        });
    }
    wrong
}

fn subdomain(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 253 {
        wrong.push(too_long(253));
    }
    if !text.split('.').all(is_label) {
        let what = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
        wrong.push(expected(what, &["example.com"], &format!(r"{LABEL}(\.{LABEL})*")));
    }
    wrong
}

fn old_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push(too_long(63));
    }
    if !(is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase())) {
        let what = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
        wrong.push(expected(what, &["my-name", "abc-123"], "[a-z]([-a-z0-9]*[a-z0-9])?"));
    }
    wrong
}

const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

fn is_qualified(text: &str) -> bool {
    let ends = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    ends(text.bytes().next()) && ends(text.bytes().next_back()) && text.bytes().all(inner)
}

fn qualified_name(text: &str) -> Vec<String> {
    let what = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    let shape = || expected(what, &["MyName", "my.name", "123-abc"], QUALIFIED);
    let mut wrong = Vec::new();
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => {
            return vec![format!(
                "a qualified name {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                shape()
            )];
        }
        Some(("", name)) => {
            wrong.push("prefix part must be non-empty".to_owned());
            name
        }
        Some((prefix, name)) => {
            wrong.extend(subdomain(prefix).into_iter().map(|wrong| format!("prefix part {wrong}")));
            name
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push(format!("name part {}", too_long(63)));
    }
    if !is_qualified(name) {
        wrong.push(format!("name part {}", shape()));
    }
    wrong
}

fn label_value(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push(too_long(63));
    }
    if !text.is_empty() && !is_qualified(text) {
        let what = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
        wrong.push(expected(what, &["MyValue", "my_value", "12345"], &format!("({QUALIFIED})?")));
    }
    wrong
}

/// Five groups of hexadecimal digits; each dash may be left out.
fn is_uuid(text: &str) -> bool {
    let mut rest = text;
    for (index, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        match rest.split_at_checked(length) {
            Some((group, after)) if group.bytes().all(|digit| digit.is_ascii_hexdigit()) => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let known = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(known)
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.is_ascii() && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_datetime(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else { return false };
    is_date(date) && is_time(time)
}

/// `hh:mm:ss`, a fraction after any character, and `z` or an offset of any size.
fn is_time(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let Some((clock, rest)) = text.split_at_checked(8) else { return false };
    let pairs: Vec<&str> = clock.split(':').collect();
    let within = |pair: &&str, most: &str| pair.len() == 2 && is_digits(pair) && **pair <= *most;
    let [hour, minute, second] = pairs.as_slice() else { return false };
    if !(within(hour, "23") && within(minute, "59") && within(second, "59")) {
        return false;
    }
    let is_zone = |zone: &str| {
        let offset = zone.strip_prefix(['+', '-']).and_then(|offset| offset.split_once(':'));
        zone == "z"
            || offset.is_some_and(|(h, m)| h.len() == 2 && m.len() == 2 && is_digits(h) && is_digits(m))
    };
    let mut fraction = rest.chars();
    fraction.next();
    let after = fraction.as_str().trim_start_matches(|c: char| c.is_ascii_digit());
    is_zone(rest) || (after.len() < fraction.as_str().len() && is_zone(after))
}

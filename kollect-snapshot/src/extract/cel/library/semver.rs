//! Versions by the rules of Semantic Versioning, as Kubernetes' semver library reads them. It writes none.

use std::cmp::Ordering;
use std::sync::Arc;

use cel::common::types::{BOOL_TYPE, CelBool, STRING_TYPE};
use cel::common::value::CowVal;
use cel::{DeclarationError, ExecutionError};

use super::super::budget::arguments;
use super::opaque::opaque;
use super::{Answer, Args, Declarations, failed, number, string, truth, undefined};

/// A version; what was built of it does not count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    numbers: [u64; 3],
    release: Release,
}

/// A release comes after what precedes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Release {
    Before(Arc<[Part]>),
    Final,
}

/// Numbers come before words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Word(String),
}

opaque!(Version, "kubernetes.Semver");

pub(super) fn declare(declared: &mut Declarations<'_>) -> Result<(), DeclarationError> {
    let kind = Version::kind;
    declared.text("semver", semver)?;
    declared.global("semver", [STRING_TYPE, BOOL_TYPE], semver_normalized)?;
    declared.text("isSemver", is_semver)?;
    declared.global("isSemver", [STRING_TYPE, BOOL_TYPE], is_semver_normalized)?;
    declared.member("isGreaterThan", kind(), [kind()], is_greater)?;
    declared.member("isLessThan", kind(), [kind()], is_less)?;
    declared.member("compareTo", kind(), [kind()], compare_to)?;
    declared.member("major", kind(), [], major)?;
    declared.member("minor", kind(), [], minor)?;
    declared.member("patch", kind(), [], patch)
}

fn semver<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [text] = arguments(args)?;
    let version = Version::parse(string(&text).ok_or_else(|| undefined("semver", &[&text]))?);
    version.map(CowVal::owned).ok_or_else(|| failed("semver"))
}

fn semver_normalized<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let version = normalized("semver", args)?;
    version.map(CowVal::owned).ok_or_else(|| failed("semver"))
}

fn is_semver<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [text] = arguments(args)?;
    let version = Version::parse(string(&text).ok_or_else(|| undefined("isSemver", &[&text]))?);
    Ok(truth(version.is_some()))
}

fn is_semver_normalized<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    Ok(truth(normalized("isSemver", args)?.is_some()))
}

fn normalized(name: &str, args: Args<'_, '_>) -> Result<Option<Version>, ExecutionError> {
    let [text, normalize] = arguments(args)?;
    let (Some(source), Some(normalize)) = (string(&text), normalize.downcast_ref::<CelBool>()) else {
        return Err(undefined(name, &[&text, &normalize]));
    };
    if *normalize.inner() { Ok(Version::normalize(source)) } else { Ok(Version::parse(source)) }
}

fn ordering(name: &str, args: Args<'_, '_>) -> Result<Ordering, ExecutionError> {
    let [left, right] = arguments(args)?;
    Ok(Version::of(&left, name)?.cmp(Version::of(&right, name)?))
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

fn major<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [version] = arguments(args)?;
    part("major", Version::of(&version, "major")?.numbers[0])
}

fn minor<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [version] = arguments(args)?;
    part("minor", Version::of(&version, "minor")?.numbers[1])
}

fn patch<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [version] = arguments(args)?;
    part("patch", Version::of(&version, "patch")?.numbers[2])
}

fn part<'b, 'v>(name: &str, value: u64) -> Answer<'b, 'v> {
    i64::try_from(value).map(number).map_err(|_| failed(name))
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (major, rest) = text.split_once('.')?;
        let (minor, rest) = rest.split_once('.')?;
        let (rest, build) = rest.split_once('+').map_or((rest, None), |(rest, build)| (rest, Some(build)));
        let (patch, before) = rest.split_once('-').map_or((rest, None), |(patch, pre)| (patch, Some(pre)));
        if build.is_some_and(|build| !build.split('.').all(is_word)) {
            return None;
        }
        let release = match before {
            None => Release::Final,
            Some(before) => Release::Before(before.split('.').map(Part::parse).collect::<Option<_>>()?),
        };
        Some(Self { numbers: [count(major)?, count(minor)?, count(patch)?], release })
    }

    /// Without a leading `v` and leading zeros, and with what is missing of three numbers.
    fn normalize(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts: Vec<String> = Vec::with_capacity(3);
        for part in text.splitn(3, '.') {
            let trimmed = part.trim_start_matches('0');
            parts.push(if part.len() > 1 && !trimmed.starts_with(|c: char| c.is_ascii_digit()) {
                format!("0{trimmed}")
            } else if part.len() > 1 {
                trimmed.to_owned()
            } else {
                part.to_owned()
            });
        }
        if parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['+', '-'])) {
            return None;
        }
        parts.resize(3, "0".to_owned());
        Self::parse(&parts.join("."))
    }
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        if !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()) {
            return count(text).map(Self::Number);
        }
        is_word(text).then(|| Self::Word(text.to_owned()))
    }
}

/// A number without leading zeros.
fn count(text: &str) -> Option<u64> {
    let spelled = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    (spelled && !(text.len() > 1 && text.starts_with('0'))).then(|| text.parse().ok()).flatten()
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
}

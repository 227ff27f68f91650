//! Between JSON and CEL values. It evaluates nothing.
//!
//! On the way in, what the scrub rules hide is hidden already: whatever an expression makes of it cannot show it.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cel::common::types::{
    CelBool, CelBytes, CelDouble, CelDuration, CelInt, CelList, CelMap, CelMapKey, CelNull, CelOptional,
    CelString, CelTimestamp, CelUInt,
};
use cel::common::value::Val;

use crate::canonical::MAX_DEPTH;
use crate::extract::jsonpath::Treatment;
use crate::extract::scrub::Scrubber;
use crate::extract::tree::{Number, Tree};

/// Integers become int, or uint where they do not fit; other numbers double.
pub(super) fn from_tree<'v>(
    mut tree: Tree<'v>,
    treatment: Treatment,
    scrubber: &Scrubber,
) -> Box<dyn Val + 'v> {
    match treatment {
        Treatment::Copy => scrubber.scrub_copy(crate::extract::secrets::LAST_APPLIED, &mut tree),
        Treatment::Hidden | Treatment::Plain => {}
    }
    seen(tree, treatment == Treatment::Hidden, scrubber)
}

fn seen<'v>(tree: Tree<'v>, hidden: bool, scrubber: &Scrubber) -> Box<dyn Val + 'v> {
    match tree {
        Tree::Null => Box::new(CelNull),
        Tree::Bool(flag) => Box::new(CelBool::from(flag)),
        Tree::Number(_) | Tree::String(_) if hidden => plain(Scrubber::redacted()),
        Tree::List(items) => {
            let items: Vec<_> = items.into_iter().map(|item| seen(item, hidden, scrubber)).collect();
            Box::new(CelList::from(items))
        }
        Tree::Map(members) => {
            let pair = scrubber.is_hidden_pair(&members);
            let entry = |(key, mut member): (Cow<'v, str>, Tree<'v>)| {
                let hidden = (pair && key == "value") || scrubber.hides(hidden, &key);
                scrubber.scrub_copy(&key, &mut member);
                (CelMapKey::String(CelString::from(key)), seen(member, hidden, scrubber))
            };
            Box::new(CelMap::from(members.into_iter().map(entry).collect::<HashMap<_, _>>()))
        }
        other => plain(other),
    }
}

/// Without judging keys.
fn plain<'v>(tree: Tree<'v>) -> Box<dyn Val + 'v> {
    match tree {
        Tree::Null => Box::new(CelNull),
        Tree::Bool(flag) => Box::new(CelBool::from(flag)),
        Tree::Number(number) => match (number.as_str().parse::<i64>(), number.as_str().parse::<u64>()) {
            (Ok(int), _) => Box::new(CelInt::from(int)),
            (Err(_), Ok(uint)) => Box::new(CelUInt::from(uint)),
            (Err(_), Err(_)) => Box::new(CelDouble::from(number.as_float())),
        },
        Tree::String(text) => Box::new(CelString::from(text)),
        Tree::List(items) => Box::new(CelList::from(items.into_iter().map(plain).collect::<Vec<_>>())),
        Tree::Map(members) => {
            let entry = |(key, member): (Cow<'v, str>, Tree<'v>)| {
                (CelMapKey::String(CelString::from(key)), plain(member))
            };
            Box::new(CelMap::from(members.into_iter().map(entry).collect::<HashMap<_, _>>()))
        }
    }
}

/// Bytes become base64, timestamps RFC 3339 in UTC, durations seconds as in the JSON form of protocol buffers
/// (`3.5s`); an absent optional is none.
///
/// # Errors
/// The value has no JSON form: NaN, infinity, a type, or a value nested too deep.
pub(super) fn to_tree(value: &dyn Val) -> Result<Option<Tree<'static>>, String> {
    match value.downcast_ref::<CelOptional<'_>>() {
        Some(optional) => optional.inner().map_or(Ok(None), to_tree),
        None => made(value, 0).map(Some),
    }
}

fn made(value: &dyn Val, depth: usize) -> Result<Tree<'static>, String> {
    if depth > MAX_DEPTH {
        return Err("the result is nested too deep".to_owned());
    }
    let text = |text: String| Tree::String(Cow::Owned(text));
    if let Some(string) = value.downcast_ref::<CelString<'_>>() {
        return Ok(text(string.inner().to_owned()));
    }
    if let Some(int) = value.downcast_ref::<CelInt>() {
        return Ok(Tree::Number(Number::from_integer(*int.inner())));
    }
    if let Some(flag) = value.downcast_ref::<CelBool>() {
        return Ok(Tree::Bool(*flag.inner()));
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return Ok(Tree::Null);
    }
    if let Some(uint) = value.downcast_ref::<CelUInt>() {
        return Ok(Tree::Number(Number::from_integer(*uint.inner())));
    }
    if let Some(double) = value.downcast_ref::<CelDouble>() {
        let number = Number::from_float(*double.inner()).ok_or("NaN and infinity have no JSON form")?;
        return Ok(Tree::Number(number));
    }
    if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        return Ok(text(BASE64_STANDARD.encode(bytes.inner())));
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        let items = list.inner().iter().map(|item| made(item.as_ref(), depth + 1));
        return items.collect::<Result<_, _>>().map(Tree::List);
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let mut members = Vec::with_capacity(map.inner().len());
        for (key, item) in map.inner() {
            members.push((Cow::Owned(key_text(key)), made(item.as_ref(), depth + 1)?));
        }
        return Ok(Tree::map(members));
    }
    if let Some(optional) = value.downcast_ref::<CelOptional<'_>>() {
        return optional.inner().map_or(Ok(Tree::Null), |inner| made(inner, depth + 1));
    }
    if let Some(time) = value.downcast_ref::<CelTimestamp>() {
        return Ok(text(super::library::timestamp_utc(time)));
    }
    if let Some(duration) = value.downcast_ref::<CelDuration>() {
        let nanos = duration.inner().num_nanoseconds().ok_or("the duration is out of range")?;
        return Ok(text(seconds(nanos)));
    }
    Err("the result has no JSON form".to_owned())
}

fn seconds(nanos: i64) -> String {
    let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let fraction = format!("{:09}", nanos % 1_000_000_000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}s", nanos / 1_000_000_000)
}

fn key_text(key: &CelMapKey<'_>) -> String {
    match key {
        CelMapKey::Bool(flag) => flag.inner().to_string(),
        CelMapKey::Int(int) => int.inner().to_string(),
        CelMapKey::UInt(uint) => uint.inner().to_string(),
        CelMapKey::String(text) => text.inner().to_owned(),
    }
}

//! Reads documents of one row back, as canonical JSON. It does not check whose row it is.

use std::thread;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::yaml::{Canonical, DOING, join, parser, trusting};
use super::{Attributes, Item, unreadable};
use crate::error::{Error, Result};
use crate::format::Format;

/// The attributes of an item.
///
/// # Errors
/// Where it is not one.
pub(crate) fn attributes(format: Format, contents: &str) -> Result<Box<str>> {
    if format == Format::Yaml {
        return yaml(contents, |item: Item<Canonical>| item.attributes);
    }
    let item: Item<Box<RawValue>> = serde_json::from_str(contents).map_err(unreadable(format))?;
    Ok(item.attributes.text().into())
}

/// A value by itself.
///
/// # Errors
/// Where it is none.
pub(crate) fn value(format: Format, contents: &str) -> Result<Box<str>> {
    if format == Format::Yaml {
        return yaml(contents, |value: Canonical| value);
    }
    let value: Box<RawValue> = serde_json::from_str(contents).map_err(unreadable(format))?;
    Ok(value.get().into())
}

fn yaml<T: DeserializeOwned>(contents: &str, canonical: fn(T) -> Canonical) -> Result<Box<str>> {
    let read = move || {
        let value = serde_saphyr::from_str_with_options(contents, trusting()).map_err(Error::codec(DOING))?;
        Ok(canonical(value).0.into())
    };
    thread::scope(|scope| join(parser(scope, read)?))
}

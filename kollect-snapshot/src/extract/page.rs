//! One object, made ready for the pass: what must not be seen is gone, and what it is, is said. It finds nothing
//! by itself.

use std::borrow::Cow;

use super::secrets::SecretGuard;
use super::skip;
use super::spec::ObjectContext;
use super::trie::{Capture, Found, Trie};
use crate::canonical;

const API_VERSION: &str = "apiVersion";
const KIND: &str = "kind";

/// An object's text, and its apiVersion and kind as JSON.
#[derive(Debug)]
pub(super) struct Page<'o> {
    text: Cow<'o, str>,
    api_version: String,
    kind: String,
}

impl<'o> Page<'o> {
    /// Prepares `object` for a pass of `trie`. Its own apiVersion and kind do not count, the context's do: a
    /// row must not depend on how its object arrived.
    ///
    /// # Errors
    /// It is no JSON object.
    pub(super) fn open(
        trie: &Trie,
        object: &'o str,
        context: ObjectContext<'_>,
        guard: SecretGuard,
    ) -> Result<Self, String> {
        let object = object.trim_ascii();
        if !object.starts_with('{') {
            return Err("the object is not a JSON object".to_owned());
        }
        let quoted = |text: &str| {
            let mut out = String::with_capacity(text.len() + 2);
            canonical::write_string(text, &mut out);
            out
        };
        let named = |key: &str, value: &str| match trie.whole() || trie.find(key).is_some() {
            true => quoted(value),
            false => String::new(),
        };
        let (api_version, kind) = (named(API_VERSION, context.api_version), named(KIND, context.kind));
        let mut text = guard.visible(object, context).map_err(unreadable)?;
        if trie.whole() {
            text = Cow::Owned(identified(&text, &api_version, &kind).map_err(unreadable)?);
        }
        Ok(Self { text, api_version, kind })
    }

    /// What the pass finds.
    ///
    /// # Errors
    /// The object is no JSON.
    pub(super) fn find(&self, trie: &Trie) -> Result<Found<'_>, String> {
        let mut found = trie.walk(&self.text).map_err(unreadable)?;
        if trie.whole() {
            return Ok(found);
        }
        for (key, value) in [(API_VERSION, &self.api_version), (KIND, &self.kind)] {
            if let Some(node) = trie.find(key) {
                found.set(node, Capture::Text(value));
            }
        }
        Ok(found)
    }
}

fn unreadable(error: canonical::JsonError) -> String {
    format!("the object cannot be read: {error}")
}

/// The object with another apiVersion and kind.
fn identified(object: &str, api_version: &str, kind: &str) -> Result<String, canonical::JsonError> {
    let mut out = String::with_capacity(object.len() + api_version.len() + kind.len() + 32);
    out.push_str("{\"apiVersion\":");
    out.push_str(api_version);
    out.push_str(",\"kind\":");
    out.push_str(kind);
    skip::members(object, |key, value| {
        let key = key.decode()?;
        if key != API_VERSION && key != KIND {
            out.push(',');
            canonical::write_string(&key, &mut out);
            out.push(':');
            out.push_str(value);
        }
        Ok(true)
    })?;
    out.push('}');
    Ok(out)
}

//! Reads items back from YAML, as canonical JSON. It takes YAML in the shape that the writer gives it: no
//! aliases, no tags.

use std::fmt;
use std::io::Read;
use std::sync::mpsc;
use std::thread::{self, Scope, ScopedJoinHandle};

use kollect_sink_core::Held;
use kollect_sink_core::item::write_string;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_saphyr::{DuplicateKeyPolicy, Options, options};

use super::{Attributes, Envelope};
use crate::error::{Error, Result};

pub(super) const DOING: &str = "read the yaml document";

/// Items that are read ahead.
const QUEUE: usize = 256;

/// The parser takes up to 20 KB of stack for each level of nesting, of which attributes may have 128: more than
/// threads have by default.
const STACK: usize = 16 * 1024 * 1024;

pub(super) fn read(contents: impl Read + Send, each: &mut dyn FnMut(Held) -> Result<()>) -> Result<()> {
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(QUEUE);
        let parsing = parser(scope, move || {
            parse(contents, &mut |held| sender.send(held).map_err(|_| Error::Abandoned))
        })?;
        let passed = receiver.iter().try_for_each(each);
        // Where `each` failed, this ends the parser.
        drop(receiver);
        let parsed = join(parsing);
        passed.and(parsed)
    })
}

fn parse(contents: impl Read, each: &mut dyn FnMut(Held) -> Result<()>) -> Result<()> {
    let mut failure = None;
    let read =
        serde_saphyr::with_deserializer_from_reader_with_options(contents, trusting(), |deserializer| {
            Envelope::<Canonical>::new(each, &mut failure).deserialize(deserializer)
        });
    match failure {
        Some(failure) => Err(failure),
        None => read.map_err(Error::codec(DOING)),
    }
}

/// Starts work that parses, with the stack that it needs.
pub(super) fn parser<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    work: impl FnOnce() -> Result<T> + Send + 's,
) -> Result<ScopedJoinHandle<'s, Result<T>>> {
    thread::Builder::new()
        .stack_size(STACK)
        .spawn_scoped(scope, work)
        .map_err(Error::io("start a thread to parse YAML"))
}

pub(super) fn join<T>(parser: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    parser.join().unwrap_or_else(|_| Err(Error::codec(DOING)("the parser did not end by itself")))
}

/// A document may be as long as its inventory: what bounds memory is that rows are read one by one.
pub(super) fn trusting() -> Options {
    options! { budget: None, strict_booleans: true, duplicate_keys: DuplicateKeyPolicy::Error, with_snippet: false }
}

/// Any value, as canonical JSON: members come sorted from a document that holds canonical attributes.
pub(super) struct Canonical(pub(super) String);

impl Attributes for Canonical {
    fn text(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Canonical {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = String::new();
        Appended(&mut text).deserialize(deserializer)?;
        Ok(Self(text))
    }
}

/// Appends the value that comes next.
struct Appended<'t>(&'t mut String);

impl<'de> DeserializeSeed<'de> for Appended<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Appended<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has, too")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push_str("null");
        Ok(())
    }

    fn visit_none<E: de::Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.push_str(&value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.push_str(&value.to_string());
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        let number =
            serde_json::Number::from_f64(value).ok_or_else(|| E::custom("a number without value"))?;
        self.0.push_str(&number.to_string());
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        push_string(value, self.0);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.push('[');
        let mut separated = false;
        loop {
            let end = self.0.len();
            if separated {
                self.0.push(',');
            }
            if list.next_element_seed(Appended(&mut *self.0))?.is_none() {
                self.0.truncate(end);
                self.0.push(']');
                return Ok(());
            }
            separated = true;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.push('{');
        let mut separator = "";
        while let Some(name) = map.next_key::<String>()? {
            self.0.push_str(separator);
            separator = ",";
            push_string(&name, self.0);
            self.0.push(':');
            map.next_value_seed(Appended(&mut *self.0))?;
        }
        self.0.push('}');
        Ok(())
    }
}

fn push_string(text: &str, out: &mut String) {
    let mut bytes = Vec::new();
    write_string(text, &mut bytes);
    out.push_str(&String::from_utf8_lossy(&bytes));
}

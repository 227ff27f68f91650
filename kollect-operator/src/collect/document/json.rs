//! Objects in JSON. A list's items are handed over as their own bytes: no value is decoded whole.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Head, Next, Problem, Receiver, item_kind, line_of};
use crate::engine::{Kind, RawObject};

/// Up to this many keys are compared one by one; above, by their hashes.
const FEW_KEYS: usize = 16;

/// Reads the JSON values of a text, which may stand one after the other. After a syntax error the rest of the
/// text cannot be told apart and is left.
pub(super) fn read(text: &str, receiver: &mut dyn Receiver) -> Next {
    let values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    for (document, value) in (1..).zip(values) {
        match value {
            Ok(raw) => {
                if (Reader { text, document, receiver }).value(raw) == Next::Stop {
                    return Next::Stop;
                }
            }
            Err(error) => {
                receiver.problem(Problem {
                    line: error.line() as u64,
                    document,
                    message: format!("column {}: {}", error.column(), without_place(&error)),
                });
                break;
            }
        }
    }
    Next::Continue
}

struct Reader<'a, 'r> {
    text: &'a str,
    document: usize,
    receiver: &'r mut dyn Receiver,
}

impl<'a> Reader<'a, '_> {
    fn value(&mut self, raw: &'a RawValue) -> Next {
        if raw.get().starts_with('[') {
            return self.items(raw, None);
        }
        let head = match serde_json::from_str::<Head<'a>>(raw.get()) {
            Ok(head) => head,
            Err(error) => {
                self.refuse(raw, &error);
                return Next::Continue;
            }
        };
        match (item_kind(&head.api_version(), &head.kind()), head.items) {
            (Some(listed_as), Some(items)) => self.items(items, listed_as.as_ref()),
            _ => self.object(raw, &head, None),
        }
    }

    fn items(&mut self, list: &'a RawValue, listed_as: Option<&Kind>) -> Next {
        if list.get() == "null" {
            return Next::Continue;
        }
        let mut deserializer = serde_json::Deserializer::from_str(list.get());
        let outcome = Items { reader: self, listed_as }.deserialize(&mut deserializer);
        outcome.unwrap_or_else(|error| {
            self.refuse(list, &error);
            Next::Continue
        })
    }

    fn item(&mut self, raw: &'a RawValue, listed_as: Option<&Kind>) -> Next {
        match serde_json::from_str::<Head<'a>>(raw.get()) {
            Ok(head) => self.object(raw, &head, listed_as),
            Err(error) if raw.get().starts_with('{') => {
                self.refuse(raw, &error);
                Next::Continue
            }
            Err(_) => {
                self.receiver.foreign();
                Next::Continue
            }
        }
    }

    fn object(&mut self, raw: &'a RawValue, head: &Head<'a>, listed_as: Option<&Kind>) -> Next {
        let Some(kind) = head.object_kind(listed_as) else {
            self.receiver.foreign();
            return Next::Continue;
        };
        if !self.receiver.wants(&kind) {
            return Next::Continue;
        }
        if let Err(error) = UniqueKeys.deserialize(&mut serde_json::Deserializer::from_str(raw.get())) {
            self.refuse(raw, &error);
            return Next::Continue;
        }
        self.receiver.object(&kind, RawObject::from_raw(raw.to_owned()))
    }

    fn refuse(&mut self, raw: &'a RawValue, error: &serde_json::Error) {
        // `raw` is a part of `text`: their distance is the part's place.
        let offset = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let line = line_of(self.text, offset) + (error.line() as u64).saturating_sub(1);
        let message = without_place(error);
        self.receiver.problem(Problem { line, document: self.document, message });
    }
}

/// The error's text without the place that serde_json appends: it counts from the part's begin.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

struct Items<'s, 'a, 'r> {
    reader: &'s mut Reader<'a, 'r>,
    listed_as: Option<&'s Kind>,
}

impl<'a> DeserializeSeed<'a> for Items<'_, 'a, '_> {
    type Value = Next;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Next, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Items<'_, 'a, '_> {
    type Value = Next;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<Next, A::Error> {
        let mut next = Next::Continue;
        while let Some(raw) = items.next_element::<&'a RawValue>()? {
            if next == Next::Continue {
                next = self.reader.item(raw, self.listed_as);
            }
        }
        Ok(next)
    }
}

/// Walks a value and refuses an object that holds a key twice: readers disagree on which of the two counts.
struct UniqueKeys;

impl<'de> DeserializeSeed<'de> for UniqueKeys {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut seen: Vec<Cow<'de, str>> = Vec::new();
        let mut hashed: HashSet<Cow<'de, str>> = HashSet::new();
        while let Some(key) = fields.next_key::<Key<'de>>()? {
            let known = if seen.len() < FEW_KEYS { seen.contains(&key.0) } else { hashed.contains(&key.0) };
            if known {
                return Err(A::Error::custom(format_args!("duplicate key {:?}", key.0)));
            }
            fields.next_value_seed(Self)?;
            if seen.len() < FEW_KEYS {
                seen.push(key.0);
                if seen.len() == FEW_KEYS {
                    hashed.extend(seen.iter().cloned());
                }
            } else {
                hashed.insert(key.0);
            }
        }
        Ok(())
    }
}

/// An object's key, borrowed where it holds no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

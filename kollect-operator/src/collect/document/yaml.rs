//! Objects in YAML. Documents are told apart by their marks before any is parsed, so that a broken one costs
//! itself alone, and a list's items are built one at a time.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::to_raw_value;
use serde_saphyr::Options;

use super::{Next, Problem, Receiver, item_kind};
use crate::engine::{Kind, RawObject};

/// Nesting that Kubernetes objects stay below, schemas in a list of definitions included; the parser recurses.
const MAX_DEPTH: usize = 64;
/// Bounds what aliases may unfold to: dumps have none, hand-written manifests a few.
const MAX_REPLAYED: usize = 200_000;
const MAX_ANCHORS: usize = 10_000;

/// Reads the YAML documents of a text.
pub(super) fn read(text: &str, receiver: &mut dyn Receiver) -> Next {
    for (index, chunk) in Documents::new(text).enumerate() {
        let mut reader = Reader { chunk: &chunk, document: index + 1, receiver };
        if reader.read() == Next::Stop {
            return Next::Stop;
        }
    }
    Next::Continue
}

/// A document's text and the line on which it begins.
pub(super) struct Chunk<'a> {
    pub(super) text: &'a str,
    pub(super) first_line: u64,
}

/// Cuts a text at its document marks. A line that starts with `---` or `...` is a mark wherever it stands:
/// no scalar may hold one.
pub(super) struct Documents<'a> {
    rest: &'a str,
    line: u64,
}

impl<'a> Documents<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1 }
    }
}

impl<'a> Iterator for Documents<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        while !self.rest.is_empty() {
            let first_line = self.line;
            let mut end = 0;
            let mut begun = false;
            for line in self.rest.split_inclusive('\n') {
                if is_mark(line, "---") && begun {
                    break;
                }
                end += line.len();
                self.line += 1;
                // A document's directives stand before its mark.
                begun |= is_mark(line, "---") || has_content(line);
                if is_mark(line, "...") {
                    break;
                }
            }
            let (text, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest;
            if text.split_inclusive('\n').any(|line| !is_mark(line, "...") && has_content(line)) {
                return Some(Chunk { text, first_line });
            }
        }
        None
    }
}

fn is_mark(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether a line is more than white space, a comment, a directive or a bare mark.
fn has_content(line: &str) -> bool {
    let line = line.strip_prefix("---").filter(|_| is_mark(line, "---")).unwrap_or(line);
    let line = line.trim_start();
    !(line.is_empty() || line.starts_with(['#', '%']))
}

struct Reader<'c, 'r> {
    chunk: &'c Chunk<'c>,
    document: usize,
    receiver: &'r mut dyn Receiver,
}

impl Reader<'_, '_> {
    fn read(&mut self) -> Next {
        let text = self.chunk.text;
        let kind = top_level(text, "kind").unwrap_or_default();
        let api_version = top_level(text, "apiVersion").unwrap_or_default();
        let outcome = match item_kind(api_version, kind) {
            Some(listed_as) => {
                serde_saphyr::with_deserializer_from_str_with_options(text, options(text), |d| {
                    List { reader: self, listed_as: listed_as.as_ref() }.deserialize(d)
                })
            }
            None => serde_saphyr::from_str_with_options::<Value>(text, options(text))
                .map(|value| self.document(value)),
        };
        outcome.unwrap_or_else(|error| {
            self.refuse(&error);
            Next::Continue
        })
    }

    /// A document that is no list in block style. It may still be one in flow style.
    fn document(&mut self, value: Value) -> Next {
        let text = |key| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let Some(listed_as) = item_kind(text("apiVersion"), text("kind")) else {
            return self.value(&value, None);
        };
        let Some(items) = value.get("items").and_then(Value::as_array) else {
            return self.value(&value, None);
        };
        for item in items {
            if self.value(item, listed_as.as_ref()) == Next::Stop {
                return Next::Stop;
            }
        }
        Next::Continue
    }

    fn value(&mut self, value: &Value, listed_as: Option<&Kind>) -> Next {
        let wanted = kind_of(value, listed_as).map(|kind| (self.receiver.wants(&kind), kind));
        match wanted {
            None => self.receiver.foreign(),
            Some((false, _)) => {}
            Some((true, kind)) => match to_raw_value(value) {
                Ok(raw) => return self.receiver.object(&kind, RawObject::from_raw(raw)),
                Err(error) => self.receiver.problem(Problem {
                    line: self.chunk.first_line,
                    document: self.document,
                    message: error.to_string(),
                }),
            },
        }
        Next::Continue
    }

    fn refuse(&mut self, error: &serde_saphyr::Error) {
        let error = error.without_snippet();
        let within = error.location().map_or(1, |location| location.line().max(1));
        self.receiver.problem(Problem {
            line: self.chunk.first_line + within - 1,
            document: self.document,
            message: message_of(error),
        });
    }
}

/// The kind of an object: its own, or else the one of the list around it. `None` for what is no object.
fn kind_of(value: &Value, listed_as: Option<&Kind>) -> Option<Kind> {
    let text = |key| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let named = value.get("metadata")?.get("name")?.as_str().is_some_and(|name| !name.is_empty());
    let kind = match text("kind") {
        "" => listed_as.cloned()?,
        kind => Kind::from_type_meta(text("apiVersion"), kind),
    };
    (named && !kind.version.is_empty()).then_some(kind)
}

/// The plain value of a key at the top of a document in block style. Lists state their kind after their items.
fn top_level<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let value = line.strip_prefix(key)?.strip_prefix(':')?;
        let value = value.split(" #").next().unwrap_or(value);
        Some(value.trim().trim_matches(['"', '\'']))
    })
}

pub(super) fn options(text: &str) -> Options {
    let size = text.len();
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_events: size.saturating_mul(2).saturating_add(MAX_REPLAYED),
            max_nodes: size.saturating_mul(2).saturating_add(MAX_REPLAYED),
            max_total_scalar_bytes: size.saturating_mul(2).saturating_add(16 << 20),
            max_anchors: MAX_ANCHORS,
            max_aliases: MAX_ANCHORS,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPLAYED },
        // As Kubernetes reads manifests: `defaultMode: 0644` is octal.
        legacy_octal_numbers: true,
        with_snippet: false,
    }
}

/// The error's first line without the place that is told beside it.
pub(super) fn message_of(error: &serde_saphyr::Error) -> String {
    let text = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let first = text.lines().next().unwrap_or_default();
    let message = match first.rfind(" at line ") {
        Some(place) => first.get(..place).unwrap_or(first),
        None => first,
    };
    message.trim_end_matches([':', ' ', ',']).to_owned()
}

/// A list object: its items go to the reader one at a time.
struct List<'s, 'c, 'r> {
    reader: &'s mut Reader<'c, 'r>,
    listed_as: Option<&'s Kind>,
}

impl<'de> DeserializeSeed<'de> for List<'_, '_, '_> {
    type Value = Next;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Next, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_, '_> {
    type Value = Next;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Next, A::Error> {
        let mut next = Next::Continue;
        while let Some(key) = fields.next_key::<String>()? {
            if key == "items" && next == Next::Continue {
                next = fields.next_value_seed(Items { reader: self.reader, listed_as: self.listed_as })?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(next)
    }
}

struct Items<'s, 'c, 'r> {
    reader: &'s mut Reader<'c, 'r>,
    listed_as: Option<&'s Kind>,
}

impl<'de> DeserializeSeed<'de> for Items<'_, '_, '_> {
    type Value = Next;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Next, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_, '_> {
    type Value = Next;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_unit<E>(self) -> Result<Next, E> {
        Ok(Next::Continue)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Next, A::Error> {
        let mut next = Next::Continue;
        while let Some(value) = items.next_element::<Value>()? {
            if next == Next::Continue {
                next = self.reader.value(&value, self.listed_as);
            }
        }
        Ok(next)
    }
}

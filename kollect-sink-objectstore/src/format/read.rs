//! Reads rows back from stored documents, as keys and digests. It does not trust them: order, shape and
//! identities are checked.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use kollect_sink_core::{Held, Identity, Origin, Row, Target};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Format, parquet};
use crate::error::{Error, Result};

/// Calls `each` for each row of a document that [`Writer`](super::Writer) wrote, ascending by key; digests are
/// computed from what is stored. Blocks. Memory is one row, or for Parquet one row group's keys.
///
/// # Errors
/// Where the file cannot be read or is not such a document, where rows are out of order or have fields that
/// rows cannot have, and those of `each`, which end the reading.
pub fn read(format: Format, file: File, each: &mut dyn FnMut(Held) -> Result<()>) -> Result<()> {
    let mut last = None;
    let mut ordered = |held: Held| {
        if last.as_ref().is_some_and(|last| *last >= held.key) {
            let problem = format!("row {} stands twice, or not in the order of keys", held.key);
            return Err(Error::garbled("document", problem));
        }
        last = Some(held.key.clone());
        each(held)
    };
    match format {
        Format::Json => read_json(file, &mut ordered),
        Format::Ndjson => read_ndjson(file, &mut ordered),
        Format::Parquet => parquet::read(file, &mut ordered),
    }
}

/// One row's fields, as a document holds them.
pub(super) struct Fields<'a> {
    pub(super) target_namespace: &'a str,
    pub(super) target_name: &'a str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) group: &'a str,
    pub(super) version: &'a str,
    pub(super) kind: &'a str,
    pub(super) uid: &'a str,
    pub(super) attributes: &'a str,
}

/// Makes keys, partitions and digests of stored fields.
#[derive(Default)]
pub(super) struct Rebuild {
    origin: Option<Arc<Origin>>,
}

impl Rebuild {
    pub(super) fn held(&mut self, fields: &Fields<'_>) -> Result<Held> {
        let origin = self.origin(fields);
        let identity = Identity::new(origin, fields.namespace.into(), fields.name, fields.uid)
            .map_err(|error| Error::garbled("document", error.to_string()))?;
        Ok(Held::of(&Row::new(identity, fields.attributes)))
    }

    /// Neighbours mostly share their origin.
    fn origin(&mut self, fields: &Fields<'_>) -> Arc<Origin> {
        if let Some(last) = &self.origin
            && *last.target.namespace == *fields.target_namespace
            && *last.target.name == *fields.target_name
            && *last.group == *fields.group
            && *last.version == *fields.version
            && *last.kind == *fields.kind
        {
            return last.clone();
        }
        let origin = Arc::new(Origin {
            target: Target::new(fields.target_namespace, fields.target_name),
            group: fields.group.into(),
            version: fields.version.into(),
            kind: fields.kind.into(),
        });
        self.origin = Some(origin.clone());
        origin
    }
}

/// An item as documents write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Item {
    target_namespace: String,
    target_name: String,
    namespace: String,
    name: String,
    #[serde(default)]
    group: String,
    version: String,
    kind: String,
    uid: String,
    attributes: Box<RawValue>,
}

impl Item {
    fn fields(&self) -> Fields<'_> {
        Fields {
            target_namespace: &self.target_namespace,
            target_name: &self.target_name,
            namespace: &self.namespace,
            name: &self.name,
            group: &self.group,
            version: &self.version,
            kind: &self.kind,
            uid: &self.uid,
            attributes: self.attributes.get(),
        }
    }
}

fn unreadable(format: Format) -> impl FnOnce(serde_json::Error) -> Error {
    Error::codec(format!("read the {format} document"))
}

fn read_ndjson(file: File, each: &mut dyn FnMut(Held) -> Result<()>) -> Result<()> {
    let mut rebuild = Rebuild::default();
    let items = serde_json::Deserializer::from_reader(BufReader::new(file)).into_iter::<Item>();
    for item in items {
        let item = item.map_err(unreadable(Format::Ndjson))?;
        each(rebuild.held(&item.fields())?)?;
    }
    Ok(())
}

fn read_json(file: File, each: &mut dyn FnMut(Held) -> Result<()>) -> Result<()> {
    let mut failure = None;
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::new(file));
    let envelope = Envelope { each, failure: &mut failure };
    let read = envelope.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match failure {
        Some(failure) => Err(failure),
        None => read.map_err(unreadable(Format::Json)),
    }
}

/// The document around the items; everything but the items is passed over.
struct Envelope<'r> {
    each: &'r mut dyn FnMut(Held) -> Result<()>,
    /// The error of `each`, which the parser cannot carry.
    failure: &'r mut Option<Error>,
}

impl<'de> DeserializeSeed<'de> for Envelope<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Envelope<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document with items")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == "items" && !seen {
                seen = true;
                map.next_value_seed(Items { each: &mut *self.each, failure: &mut *self.failure })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if seen { Ok(()) } else { Err(A::Error::missing_field("items")) }
    }
}

struct Items<'r> {
    each: &'r mut dyn FnMut(Held) -> Result<()>,
    failure: &'r mut Option<Error>,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut rebuild = Rebuild::default();
        while let Some(item) = items.next_element::<Item>()? {
            let passed = rebuild.held(&item.fields()).and_then(&mut *self.each);
            if let Err(error) = passed {
                *self.failure = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

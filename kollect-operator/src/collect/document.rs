//! Kubernetes objects in text: JSON values and YAML documents, lists of objects unpacked, one object at a
//! time. It opens no files.

mod json;
pub mod located;
mod yaml;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::engine::{Kind, RawObject};

/// Something in a text that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the text, from 1.
    pub line: u64,
    /// Document in the text, from 1.
    pub document: usize,
    /// Why it cannot be read.
    pub message: String,
}

/// Whether to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Read on.
    Continue,
    /// Somebody asked to stop.
    Stop,
}

/// Takes what a text holds.
pub trait Receiver {
    /// Whether objects of this kind are wanted. The others are not copied.
    fn wants(&mut self, kind: &Kind) -> bool;

    /// A wanted object.
    fn object(&mut self, kind: &Kind, object: RawObject) -> Next;

    /// A document that is no Kubernetes object, such as a values file.
    fn foreign(&mut self);

    /// A document that cannot be read. The text's other documents follow where they can be told apart.
    fn problem(&mut self, problem: Problem);
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// One or more JSON values.
    Json,
    /// YAML documents.
    Yaml,
}

impl Syntax {
    /// The syntax by a text's first character: JSON opens with a bracket.
    pub fn of(text: &str) -> Self {
        if text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) {
            Self::Json
        } else {
            Self::Yaml
        }
    }
}

/// Hands every object of `text` to `receiver`, in order.
pub fn read(text: &str, syntax: Syntax, receiver: &mut dyn Receiver) -> Next {
    let text = text.trim_start_matches('\u{feff}');
    match syntax {
        Syntax::Json => json::read(text, receiver),
        Syntax::Yaml => yaml::read(text, receiver),
    }
}

/// The line on which the byte at `offset` stands, from 1.
fn line_of(text: &str, offset: usize) -> u64 {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// What an `apiVersion` and a `kind` make of the items that a list holds, where they do not say themselves.
/// `None` for what is no list.
fn item_kind(api_version: &str, kind: &str) -> Option<Option<Kind>> {
    let item = kind.strip_suffix("List")?;
    Some((!item.is_empty()).then(|| Kind::from_type_meta(api_version, item)))
}

/// What a document says of itself at its top. Values of an unexpected type read as absent.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, rename = "apiVersion", default)]
    api_version: Option<&'a RawValue>,
    #[serde(borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    items: Option<&'a RawValue>,
}

impl Head<'_> {
    fn api_version(&self) -> String {
        text_of(self.api_version)
    }

    fn kind(&self) -> String {
        text_of(self.kind)
    }

    fn is_named(&self) -> bool {
        #[derive(Deserialize)]
        struct Metadata<'a> {
            #[serde(borrow, default)]
            name: Option<&'a RawValue>,
        }
        let metadata = self.metadata.and_then(|raw| serde_json::from_str::<Metadata<'_>>(raw.get()).ok());
        metadata.is_some_and(|metadata| !text_of(metadata.name).is_empty())
    }

    /// The object's kind: its own, or else the one of the list around it. `None` for what is no object.
    fn object_kind(&self, listed_as: Option<&Kind>) -> Option<Kind> {
        let kind = self.kind();
        let kind = if kind.is_empty() {
            listed_as.cloned()?
        } else {
            Kind::from_type_meta(&self.api_version(), &kind)
        };
        (!kind.version.is_empty() && self.is_named()).then_some(kind)
    }
}

fn text_of(raw: Option<&RawValue>) -> String {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;

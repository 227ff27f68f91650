//! Documents with the place of each field: line and column, for messages about hand-written files. It keeps whole
//! documents in memory, unlike the readers of dumps.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use serde_saphyr::{Location, Spanned};

use super::yaml::{Documents, message_of, options};
use super::{Problem, Syntax, line_of};

/// Where something stands in a text, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

/// A document, or an item of a list in one.
#[derive(Debug)]
pub struct Located {
    /// What it says.
    pub value: Value,
    node: Node,
    first_line: u64,
}

impl Located {
    /// Where the field at `path` stands, such as `spec.attributes[2].type`; where there is none, the field around it.
    pub fn place(&self, path: &str) -> Place {
        let Place { line, column } = self.node.find(path).place;
        Place { line: self.first_line + line - 1, column }
    }

    /// The items of a list, or the document itself. A list's items are told by its kind.
    fn items(self) -> Vec<Self> {
        let kind = self.value.get("kind").and_then(Value::as_str).unwrap_or_default();
        let first_line = self.first_line;
        match (kind.ends_with("List"), self.value.get("items"), self.node.field("items")) {
            (true, Some(Value::Array(values)), Some(Node { content: Content::List(nodes), .. })) => {
                let items = values.iter().zip(nodes);
                items
                    .map(|(value, node)| Self { value: value.clone(), node: node.clone(), first_line })
                    .collect()
            }
            _ => vec![self],
        }
    }
}

/// Reads every document of a text, and names those that cannot be read.
pub fn read(text: &str) -> Vec<Result<Located, Problem>> {
    let text = text.trim_start_matches('\u{feff}');
    match Syntax::of(text) {
        // JSON documents between the marks of YAML, as tools print them.
        Syntax::Json if text.lines().any(|line| line.trim_end() == "---") => yaml(text),
        Syntax::Json => json(text),
        Syntax::Yaml => yaml(text),
    }
}

fn yaml(text: &str) -> Vec<Result<Located, Problem>> {
    let mut found = Vec::new();
    for (index, chunk) in Documents::new(text).enumerate() {
        match parse(chunk.text) {
            Ok(node) => found.extend(located(node, chunk.first_line).into_iter().map(Ok)),
            Err(error) => {
                let error = error.without_snippet();
                let within = error.location().map_or(1, |location| location.line().max(1));
                let line = chunk.first_line + within - 1;
                found.push(Err(Problem { line, document: index + 1, message: message_of(error) }));
            }
        }
    }
    found
}

/// JSON is YAML, so that the same parser tells where its fields are. What it says is read as JSON.
fn json(text: &str) -> Vec<Result<Located, Problem>> {
    let mut found = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut document = 0;
    while let Some(value) = values.next() {
        document += 1;
        match value {
            Ok(raw) => {
                let start = values.byte_offset().saturating_sub(raw.get().len());
                let value = serde_json::from_str(raw.get()).unwrap_or_default();
                let mut node = parse(raw.get()).unwrap_or_else(|_| Node::unplaced(&value));
                // The first line may begin with another value.
                let before = text.get(..start).unwrap_or_default();
                let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count() as u64);
                node.shift(column);
                let whole = Located { value, node, first_line: line_of(text, start) };
                found.extend(whole.items().into_iter().map(Ok));
            }
            Err(error) => {
                let message = format!("no JSON: {error}");
                found.push(Err(Problem { line: error.line() as u64, document, message }));
                break;
            }
        }
    }
    found
}

fn parse(text: &str) -> Result<Node, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options::<Spanned<Content>>(text, options(text)).map(Node::from)
}

fn located(node: Node, first_line: u64) -> Vec<Located> {
    Located { value: node.value(), node, first_line }.items()
}

/// A value with its place.
#[derive(Clone, Debug)]
struct Node {
    place: Place,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Scalar(Value),
    List(Vec<Node>),
    /// The place of a field is that of its name.
    Map(Vec<(String, Node)>),
}

impl From<Spanned<Content>> for Node {
    fn from(spanned: Spanned<Content>) -> Self {
        Self { place: place(spanned.referenced), content: spanned.value }
    }
}

fn place(location: Location) -> Place {
    Place { line: location.line().max(1), column: location.column().max(1) }
}

impl Node {
    fn unplaced(value: &Value) -> Self {
        Self { place: Place { line: 1, column: 1 }, content: Content::Scalar(value.clone()) }
    }

    fn value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => Value::Array(items.iter().map(Self::value).collect()),
            Content::Map(fields) => {
                let fields = fields.iter().map(|(name, node)| (name.clone(), node.value()));
                Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }

    fn field(&self, name: &str) -> Option<&Self> {
        match &self.content {
            Content::Map(fields) => fields.iter().find(|(known, _)| known == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The node at a path, or the last one on the way there. Names of fields may hold dots: the longest that fits counts.
    fn find(&self, path: &str) -> &Self {
        match &self.content {
            Content::List(items) => {
                let index = path.strip_prefix('[').and_then(|rest| rest.split_once(']'));
                let found =
                    index.and_then(|(index, rest)| Some((items.get(index.parse::<usize>().ok()?)?, rest)));
                found.map_or(self, |(item, rest)| item.find(rest))
            }
            Content::Map(fields) => {
                let path = path.strip_prefix('.').unwrap_or(path);
                let fits = fields.iter().filter_map(|(name, node)| {
                    let rest = path.strip_prefix(name.as_str())?;
                    (rest.is_empty() || rest.starts_with(['.', '['])).then_some((name.len(), node, rest))
                });
                fits.max_by_key(|(length, _, _)| *length).map_or(self, |(_, node, rest)| node.find(rest))
            }
            Content::Scalar(_) => self,
        }
    }

    /// Moves what stands on the first line to the right.
    fn shift(&mut self, columns: u64) {
        if self.place.line == 1 {
            self.place.column += columns;
        }
        match &mut self.content {
            Content::Scalar(_) => {}
            Content::List(items) => items.iter_mut().for_each(|item| item.shift(columns)),
            Content::Map(fields) => fields.iter_mut().for_each(|(_, node)| node.shift(columns)),
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut found = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Content>>()? {
            found.push(Node::from(item));
        }
        Ok(Content::List(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Content, A::Error> {
        let mut found: Vec<(String, Node)> = Vec::new();
        while let Some(key) = fields.next_key::<Spanned<String>>()? {
            let Spanned { value: content, .. } = fields.next_value::<Spanned<Content>>()?;
            if found.iter().any(|(known, _)| *known == key.value) {
                return Err(A::Error::custom(format_args!("duplicate key {:?}", key.value)));
            }
            found.push((key.value, Node { place: place(key.referenced), content }));
        }
        Ok(Content::Map(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Located {
        let mut found = read(text);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0).unwrap()
    }

    fn at(located: &Located, path: &str) -> (u64, u64) {
        let Place { line, column } = located.place(path);
        (line, column)
    }

    #[test]
    fn a_path_leads_to_its_field_or_to_the_one_around_it() {
        let text = "# first\n---\nspec:\n  attributes:\n  - {name: a, path: b}\n  - name: c\n    type: blob\n  options:\n    a.b: x\n";
        let document = only(text);
        assert_eq!(at(&document, "spec.attributes[0].path"), (5, 15));
        assert_eq!(at(&document, "spec.attributes[1].type"), (7, 5));
        assert_eq!(at(&document, "spec.attributes[1].path"), (6, 5));
        assert_eq!(at(&document, "spec.attributes[9]"), (4, 3));
        assert_eq!(at(&document, "spec.options.a.b"), (9, 5));
        assert_eq!(at(&document, "spec.export.mode"), (3, 1));
        assert_eq!(document.value["spec"]["attributes"][1]["type"], "blob");
    }

    #[test]
    fn documents_and_items_of_lists_count_lines_of_their_text() {
        let text = "a: 1\n---\nkind: List\nitems:\n- {b: 1}\n- c: 1\n---\nd: [\n";
        let found = read(text);
        assert_eq!(at(found[1].as_ref().unwrap(), "b"), (5, 4));
        assert_eq!(at(found[2].as_ref().unwrap(), "c"), (6, 3));
        let problem = found[3].as_ref().unwrap_err();
        assert_eq!(problem.document, 3);
        assert!((8..=9).contains(&problem.line), "{problem:?}");
    }

    #[test]
    fn json_has_places_too() {
        let text = "{\"a\": 1} {\n\t\"kind\": \"PodList\", \"items\": [\n\t\t{\"b\": \"\\u00e9\\/\\ud83d\\ude00\"}]}";
        let found = read(text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(at(found[0].as_ref().unwrap(), "a"), (1, 2));
        let item = found[1].as_ref().unwrap();
        assert_eq!(item.value["b"], "é/😀");
        assert_eq!(at(item, "b").0, 3);
        assert!(read("{\"a\": ")[0].is_err());
        assert_eq!(read("{\"a\": 1}\n---\n{\"b\": 2}\n").len(), 2);
    }
}

//! Path templates, and values made safe as parts of a path. It does not know what a document is.

use std::fmt;

use kollect_sink_core::Digest;

use crate::error::{Error, Result};

/// Longest segment that file systems take, in bytes.
const SEGMENT_LIMIT: usize = 255;

/// Longest template, in bytes.
const TEMPLATE_LIMIT: usize = 1024;

/// Characters that mark a value that was changed: a hyphen and 12 hexadecimal digits of its digest.
const MARK: usize = 13;

/// Name of the folder that holds manifests; no document may stand below it.
pub const RESERVED: &str = ".kollect";

/// What a template may mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The cluster, `_` where it has no name.
    Cluster,
    /// The inventory's namespace, `_cluster` where it has none.
    Namespace,
    /// The inventory's name.
    Name,
    /// The number of the export.
    Generation,
    /// The format's file name extension, with its dot.
    Extension,
    /// Of a row: the namespace of its target.
    TargetNamespace,
    /// Of a row: the name of its target.
    TargetName,
    /// Of a row: the namespace of its object.
    SourceNamespace,
    /// Of a row: the name of its object.
    SourceName,
    /// Of a row: the API group of its object. The only field that may be empty.
    Group,
    /// Of a row: the kind of its object.
    Kind,
    /// Of a row: the uid of its object.
    Uid,
}

impl Field {
    const OF_DOCUMENTS: &[(&'static str, Self)] = &[
        ("cluster", Self::Cluster),
        ("namespace", Self::Namespace),
        ("name", Self::Name),
        ("generation", Self::Generation),
        ("extension", Self::Extension),
    ];

    const OF_ROWS: &[(&'static str, Self)] = &[
        ("cluster", Self::Cluster),
        ("namespace", Self::Namespace),
        ("name", Self::Name),
        ("extension", Self::Extension),
        ("targetNamespace", Self::TargetNamespace),
        ("targetName", Self::TargetName),
        ("sourceNamespace", Self::SourceNamespace),
        ("sourceName", Self::SourceName),
        ("group", Self::Group),
        ("kind", Self::Kind),
        ("uid", Self::Uid),
    ];
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Field),
}

/// A relative path with placeholders, checked when it is parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// What configurations call it.
    field: &'static str,
    text: String,
    segments: Vec<Vec<Part>>,
}

impl Template {
    /// Parses `text`: a relative path with `{namespace}` and `{name}`, and if wanted `{cluster}`,
    /// `{generation}` and `{extension}`.
    ///
    /// # Errors
    /// [`Error::Config`] for absolute paths, `.` and `..`, empty segments, unknown placeholders, control
    /// characters and backslashes, and where `{namespace}` or `{name}` is missing.
    pub fn parse(text: &str) -> Result<Self> {
        Self::of_documents("pathTemplate", text)
    }

    /// As [`Template::parse`], for what configurations call `field`.
    pub(crate) fn of_documents(field: &'static str, text: &str) -> Result<Self> {
        let template = Self::of(field, text, Field::OF_DOCUMENTS)?;
        for (name, needed) in [("namespace", Field::Namespace), ("name", Field::Name)] {
            if !template.mentions(needed) {
                let problem = format!("`{text}` lacks {{{name}}}: inventories would share a path");
                return Err(Error::config(field, problem));
            }
        }
        Ok(template)
    }

    /// A path for each row. Nothing is needed in it: rows that meet in one path are found out when they do.
    pub(crate) fn of_rows(field: &'static str, text: &str) -> Result<Self> {
        if text.contains("{generation}") {
            let problem = "{generation} would write every row again with each change; leave it out, or use \
                           layout.mode: document";
            return Err(Error::config(field, problem));
        }
        Self::of(field, text, Field::OF_ROWS)
    }

    fn of(field: &'static str, text: &str, known: &[(&str, Field)]) -> Result<Self> {
        let refused = |problem| Error::config(field, problem);
        if text.len() > TEMPLATE_LIMIT {
            return Err(refused(format!("it is longer than {TEMPLATE_LIMIT} bytes")));
        }
        if text.starts_with('/') {
            return Err(refused(format!("`{text}` is absolute; write it relative to the destination")));
        }
        let segments = text.split('/').map(|segment| parse_segment(segment, known));
        let segments = segments.collect::<Result<Vec<_>, String>>().map_err(refused)?;
        Ok(Self { field, text: text.to_owned(), segments })
    }

    /// Whether `field` is part of the path.
    pub fn mentions(&self, field: Field) -> bool {
        self.segments.iter().flatten().any(|part| *part == Part::Field(field))
    }

    /// The path, with `value` giving each field's text as it is to stand there. A segment that is nothing but an
    /// empty group is left out.
    ///
    /// # Errors
    /// [`Error::Config`] where a segment gets too long or reserved.
    pub fn render(&self, value: impl Fn(Field) -> String) -> Result<String> {
        let mut path = String::new();
        for parts in &self.segments {
            let segment: String = parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.clone(),
                    Part::Field(field) => value(*field),
                })
                .collect();
            if segment.is_empty() && matches!(parts.as_slice(), [Part::Field(Field::Group)]) {
                continue;
            }
            check_segment(&segment).map_err(|problem| Error::config(self.field, problem))?;
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&segment);
        }
        Ok(path)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `value` as one part of a path segment: letters, digits, `.`, `_` and `-`, not starting with a dot, at most
/// `limit` bytes. A value that had to be changed or cut ends in a hash of the whole, so that no two values
/// meet; any other stays as it is.
pub fn segment(value: &str, limit: usize) -> String {
    let safe = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => character,
        _ => '-',
    };
    let mut text: String = value.chars().map(safe).collect();
    if text.starts_with('.') {
        text.replace_range(..1, "-");
    }
    if text == value && !value.is_empty() && value.len() <= limit {
        return text;
    }
    // All of it is ASCII by now.
    text.truncate(limit.saturating_sub(MARK));
    let hash = Digest::of(&[value.as_bytes()]).to_string();
    format!("{text}-{}", hash.get(..MARK - 1).unwrap_or(&hash))
}

fn parse_segment(text: &str, known: &[(&str, Field)]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let (literal, tail) = rest.split_at(open);
        if !literal.is_empty() {
            parts.push(Part::Text(literal.to_owned()));
        }
        let Some((name, after)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) else {
            return Err(format!("a brace in `{text}` has no counterpart"));
        };
        let Some((_, field)) = known.iter().find(|(known, _)| *known == name) else {
            let known: Vec<String> = known.iter().map(|(known, _)| format!("{{{known}}}")).collect();
            return Err(format!("{{{name}}} is none of {}", known.join(", ")));
        };
        parts.push(Part::Field(*field));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    let literal: String = parts.iter().filter_map(Part::text).collect();
    if parts.iter().all(|part| part.text().is_some()) {
        check_segment(&literal)?;
    }
    if literal.chars().any(|character| character.is_control() || character == '\\') {
        return Err("control characters and backslashes are not allowed".to_owned());
    }
    Ok(parts)
}

impl Part {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Field(_) => None,
        }
    }
}

/// Checks one segment of a path that documents may have; the error says what is wrong.
pub(crate) fn check_segment(segment: &str) -> Result<(), String> {
    if matches!(segment, "" | "." | "..") {
        return Err("a path has no empty segment, no `.` and no `..`".to_owned());
    }
    if segment.len() > SEGMENT_LIMIT {
        return Err(format!("`{segment}` is longer than {SEGMENT_LIMIT} bytes"));
    }
    if segment.eq_ignore_ascii_case(RESERVED) {
        return Err(format!("`{RESERVED}` is kept for manifests"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

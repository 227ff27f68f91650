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
}

impl Field {
    const ALL: [(&'static str, Self); 5] = [
        ("cluster", Self::Cluster),
        ("namespace", Self::Namespace),
        ("name", Self::Name),
        ("generation", Self::Generation),
        ("extension", Self::Extension),
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
        if text.len() > TEMPLATE_LIMIT {
            return Err(refused(format!("it is longer than {TEMPLATE_LIMIT} bytes")));
        }
        if text.starts_with('/') {
            return Err(refused(format!("`{text}` is absolute; write it relative to the destination")));
        }
        let segments = text.split('/').map(parse_segment).collect::<Result<Vec<_>>>()?;
        let template = Self { text: text.to_owned(), segments };
        for (name, field) in [("namespace", Field::Namespace), ("name", Field::Name)] {
            if !template.mentions(field) {
                return Err(refused(format!("`{text}` lacks {{{name}}}: inventories would share a path")));
            }
        }
        Ok(template)
    }

    /// Whether `field` is part of the path.
    pub fn mentions(&self, field: Field) -> bool {
        self.segments.iter().flatten().any(|part| *part == Part::Field(field))
    }

    /// The path, with `value` giving each field's text as it is to stand there.
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
            check_segment(&segment).map_err(refused)?;
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

fn refused(problem: impl Into<String>) -> Error {
    Error::config("pathTemplate", problem)
}

fn parse_segment(text: &str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let (literal, tail) = rest.split_at(open);
        if !literal.is_empty() {
            parts.push(Part::Text(literal.to_owned()));
        }
        let Some((name, after)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) else {
            return Err(refused(format!("a brace in `{text}` has no counterpart")));
        };
        let field = Field::ALL.into_iter().find(|(known, _)| *known == name);
        let Some((_, field)) = field else {
            let known = Field::ALL.map(|(known, _)| format!("{{{known}}}")).join(", ");
            return Err(refused(format!("{{{name}}} is none of {known}")));
        };
        parts.push(Part::Field(field));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    let literal: String = parts.iter().filter_map(Part::text).collect();
    if parts.iter().all(|part| part.text().is_some()) {
        check_segment(&literal).map_err(refused)?;
    }
    if literal.chars().any(|character| character.is_control() || character == '\\') {
        return Err(refused("control characters and backslashes are not allowed"));
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
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{Field, Template, segment};

    fn render(text: &str) -> Result<String, String> {
        let template = Template::parse(text).map_err(|error| error.to_string())?;
        let value = |field| match field {
            Field::Cluster => "c1".to_owned(),
            Field::Namespace => "team-a".to_owned(),
            Field::Name => "apps".to_owned(),
            Field::Generation => "12".to_owned(),
            Field::Extension => ".json".to_owned(),
        };
        template.render(value).map_err(|error| error.to_string())
    }

    #[test]
    fn placeholders_are_filled() {
        assert_eq!(
            render("a/{cluster}/{namespace}/n={name}-{generation}{extension}").unwrap(),
            "a/c1/team-a/n=apps-12.json"
        );
        assert_eq!(render("{namespace}{name}").unwrap(), "team-aapps");
    }

    #[test]
    fn templates_that_lead_elsewhere_are_refused() {
        let cases = [
            ("/{namespace}/{name}", "is absolute"),
            ("../{namespace}/{name}", "no `..`"),
            ("a/./{namespace}/{name}", "no `.`"),
            ("a//{namespace}/{name}", "no empty segment"),
            ("{namespace}/{name}/", "no empty segment"),
            ("", "no empty segment"),
            ("{namespace}", "lacks {name}"),
            ("{name}", "lacks {namespace}"),
            ("{namespace}/{name}/{uid}", "{uid} is none of {cluster}"),
            ("{namespace}/{name}}", "no counterpart"),
            ("{namespace}/{name", "no counterpart"),
            ("{namespace}/{name}/a\\b", "backslashes"),
            ("{namespace}/{name}/a\nb", "control characters"),
            (".kollect/{namespace}/{name}", "kept for manifests"),
            (".Kollect/{namespace}/{name}", "kept for manifests"),
        ];
        for (text, expected) in cases {
            let error = render(text).unwrap_err();
            assert!(error.starts_with("pathTemplate: ") && error.contains(expected), "{text}: {error}");
        }
        let long = "x".repeat(251);
        assert!(render(&format!("{{namespace}}/{{name}}-{long}")).unwrap_err().contains("longer than 255"));
        assert!(render(&format!("{{namespace}}/{{name}}/{}", "x/".repeat(600))).is_err());
    }

    #[test]
    fn values_cannot_make_a_segment_special() {
        let template = Template::parse(".{cluster}/{namespace}/{name}").unwrap();
        let error = template.render(|field| if field == Field::Cluster { "kollect" } else { "x" }.to_owned());
        assert!(error.is_err());
    }

    #[test]
    fn plain_values_stay_and_others_are_marked() {
        assert_eq!(segment("team-a.b_c", 63), "team-a.b_c");
        assert_eq!(segment(&"x".repeat(63), 63), "x".repeat(63));
        for value in ["", ".", "..", ".hidden", "a/b", "a b", "a=b", "system:node", "é", &"x".repeat(64)] {
            let safe = segment(value, 63);
            assert!(safe.len() <= 63 && safe != value && !safe.starts_with('.'), "{value}: {safe}");
        }
        assert_ne!(segment("a/b", 63), segment("a:b", 63));
        assert_ne!(segment(&"x".repeat(64), 63), segment(&"x".repeat(65), 63));
    }

    proptest! {
        #[test]
        fn a_segment_is_safe_whatever_the_value(value in any::<String>(), limit in 16_usize..200) {
            let safe = segment(&value, limit);
            prop_assert!(!safe.is_empty() && safe.len() <= limit.max(value.len().min(limit)));
            prop_assert!(!safe.starts_with('.'));
            prop_assert!(safe.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
            prop_assert_eq!(segment(&value, limit), safe);
        }

        #[test]
        fn a_template_never_panics_and_never_leaves(text in "[a-z{}./\\\\\\PC]{0,40}") {
            if let Ok(template) = Template::parse(&text)
                && let Ok(path) = template.render(|_| "v".to_owned())
            {
                prop_assert!(!path.starts_with('/'));
                prop_assert!(path.split('/').all(|segment| !matches!(segment, "" | "." | ".." | ".kollect")));
            }
        }
    }
}

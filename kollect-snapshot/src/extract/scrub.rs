//! Finds values whose keys name a secret, and replaces them. It judges keys, never values.
//!
//! docs/decisions/0012-what-names-a-secret.md has the rule's reasons, with examples.

use std::borrow::Cow;

use super::tree::Tree;

/// Words that name a secret wherever they stand in a key, letter case, `-` and `_` aside.
const SECRETS: [&str; 11] = [
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
    "connectionstring",
    "passphrase",
];

/// Too short to be looked for inside other words: they must end one.
const SHORT_SECRETS: [&str; 1] = ["dsn"];

/// Last words of keys that tell something about a secret, but not the secret.
const ABOUT: [&str; 32] = [
    "name",
    "names",
    "ref",
    "refs",
    "reference",
    "references",
    "namespace",
    "file",
    "path",
    "type",
    "kind",
    "version",
    "count",
    "size",
    "length",
    "limit",
    "policy",
    "mode",
    "class",
    "provider",
    "url",
    "uri",
    "endpoint",
    "issuer",
    "audience",
    "audiences",
    "seconds",
    "expiration",
    "ttl",
    "enabled",
    "required",
    "algorithm",
];

/// First words of keys that measure.
const MEASURES: [&str; 4] = ["max", "min", "num", "total"];

/// Fields of Kubernetes that hold references, or how to make a token.
const HARMLESS: [&str; 4] =
    ["imagepullsecrets", "serviceaccounttoken", "automountserviceaccounttoken", "tokenrequests"];

/// Longer keys are cut for judgement, so that a hostile key costs little.
const KEY: usize = 512;

/// Judges keys and scrubs values.
#[derive(Clone, Debug)]
pub(super) struct Scrubber {
    extra: Vec<String>,
    begins: Begins,
}

/// With which two letters the words begin: a bit for the second one at the place of the first one, each cut to five bits.
#[derive(Clone, Debug, Default)]
struct Begins([u32; 32]);

impl Begins {
    fn of<'w>(words: impl Iterator<Item = &'w str>) -> Self {
        let mut begins = Self::default();
        for word in words {
            let (first, second) = match *word.as_bytes() {
                [first, second, ..] => (first, 1 << (second & 31)),
                [first] => (first, u32::MAX),
                [] => continue,
            };
            if let Some(place) = begins.0.get_mut(usize::from(first & 31)) {
                *place |= second;
            }
        }
        begins
    }

    /// Whether a word may begin at the start of `text`.
    fn may_start(&self, text: &[u8]) -> bool {
        let seconds = |first: u8| self.0.get(usize::from(first & 31)).copied().unwrap_or(0);
        match *text {
            [first, second, ..] => seconds(first) >> (second & 31) & 1 == 1,
            [first] => seconds(first) == u32::MAX,
            [] => false,
        }
    }
}

/// A key, folded: lower case, without `-` and `_`, and where its words begin and end.
struct Folded {
    text: String,
    /// For each byte of `text`, and its end, whether a word begins (or has ended) there.
    edges: Vec<bool>,
}

impl Folded {
    fn new(key: &str) -> Self {
        // The domain of a label's or annotation's key is not part of its name.
        let key = match key.rsplit_once('/') {
            Some((domain, name)) if domain.contains('.') => name,
            _ => key,
        };
        let mut folded =
            Self { text: String::with_capacity(key.len()), edges: Vec::with_capacity(key.len() + 1) };
        let mut chars = key.chars().take(KEY).peekable();
        let mut before: Option<char> = None;
        let mut separated = true;
        while let Some(c) = chars.next() {
            if matches!(c, '-' | '_') {
                separated = true;
                before = None;
                continue;
            }
            let edge = separated || before.is_none_or(|before| begins_word(before, c, chars.peek().copied()));
            separated = !c.is_alphanumeric();
            for lower in c.to_lowercase() {
                folded.text.push(lower);
                folded.edges.resize(folded.text.len(), false);
                if let Some(first) = folded.edges.get_mut(folded.text.len() - lower.len_utf8()) {
                    *first = edge;
                }
            }
            before = Some(c);
        }
        folded.edges.push(true);
        folded
    }

    fn edge(&self, at: usize) -> bool {
        self.edges.get(at).copied().unwrap_or(false)
    }

    fn ends_in(&self, word: &str) -> bool {
        self.text.strip_suffix(word).is_some_and(|before| self.edge(before.len()))
    }

    fn begins_with(&self, word: &str) -> bool {
        self.text.starts_with(word) && self.edge(word.len())
    }
}

fn begins_word(before: char, c: char, after: Option<char>) -> bool {
    if !before.is_alphanumeric() || before.is_numeric() != c.is_numeric() {
        return true;
    }
    c.is_uppercase() && (before.is_lowercase() || after.is_some_and(char::is_lowercase))
}

impl Scrubber {
    /// A scrubber that knows `extra` keys beside the built-in words: whole words of a key, in its order.
    pub(super) fn new(extra: &[String]) -> Self {
        let extra: Vec<String> =
            extra.iter().map(|key| Folded::new(key).text).filter(|key| !key.is_empty()).collect();
        let words = SECRETS.iter().chain(&SHORT_SECRETS).copied();
        Self { begins: Begins::of(words.chain(extra.iter().map(String::as_str))), extra }
    }

    /// What stands in place of a scrubbed value.
    pub(super) fn redacted() -> Tree<'static> {
        Tree::Map(vec![
            (Cow::Borrowed("reason"), Tree::String(Cow::Borrowed("sensitive-key"))),
            (Cow::Borrowed("redacted"), Tree::Bool(true)),
        ])
    }

    /// Whether a key names a secret.
    pub(super) fn names_secret(&self, key: &str) -> bool {
        if !self.may_name_secret(key) {
            return false;
        }
        let folded = Folded::new(key);
        self.is_extra(&folded) || (is_builtin(&folded) && !is_about(&folded))
    }

    /// Rules most keys out without allocating.
    fn may_name_secret(&self, key: &str) -> bool {
        let mut folded = [0_u8; 64];
        let mut length = 0;
        for byte in key.bytes().filter(|byte| !matches!(byte, b'-' | b'_')) {
            match folded.get_mut(length) {
                Some(place) if byte.is_ascii() => *place = byte.to_ascii_lowercase(),
                _ => return true,
            }
            length += 1;
        }
        let mut rest = folded.get(..length).unwrap_or_default();
        while !rest.is_empty() {
            if self.begins.may_start(rest) {
                let words = SECRETS.iter().chain(&SHORT_SECRETS).copied();
                let mut words = words.chain(self.extra.iter().map(String::as_str));
                if words.any(|word| rest.starts_with(word.as_bytes())) {
                    return true;
                }
            }
            rest = rest.get(1..).unwrap_or_default();
        }
        false
    }

    fn is_extra(&self, folded: &Folded) -> bool {
        self.extra.iter().any(|word| {
            folded
                .text
                .match_indices(word.as_str())
                .any(|(at, _)| folded.edge(at) && folded.edge(at + word.len()))
        })
    }

    /// Whether the value at `key` is hidden, if the map that holds it stands below a key that names a secret
    /// (`within`).
    pub(super) fn hides(&self, within: bool, key: &str) -> bool {
        self.names_secret(key) || (within && !is_about(&Folded::new(key)))
    }

    /// Whether the `value` of a map is hidden because its `name` or `key` names a secret.
    pub(super) fn hides_pair<'t>(&self, names: impl IntoIterator<Item = &'t str>) -> bool {
        names.into_iter().any(|name| self.names_secret(name))
    }

    /// Whether the map's `value` is hidden by its `name` or `key`.
    pub(super) fn is_hidden_pair(&self, members: &[(Cow<'_, str>, Tree<'_>)]) -> bool {
        self.hides_pair(members.iter().filter_map(|(key, value)| match value {
            Tree::String(text) if is_pair_name(key) => Some(&**text),
            _ => None,
        }))
    }

    /// Scrubs a value in place: below keys that name secrets, and in pairs `{name, value}` and `{key, value}`.
    pub(super) fn scrub(&self, value: &mut Tree<'_>) {
        match value {
            Tree::List(items) => items.iter_mut().for_each(|item| self.scrub(item)),
            Tree::Map(members) => {
                let pair = self.is_hidden_pair(members);
                for (key, member) in members {
                    if (pair && key == "value") || self.names_secret(key) {
                        replace(member);
                    } else {
                        self.scrub(member);
                        self.scrub_copy(key, member);
                    }
                }
            }
            _ => {}
        }
    }

    /// kubectl keeps a copy of the object as text in an annotation: scrubbed as the object is.
    pub(super) fn scrub_copy(&self, key: &str, value: &mut Tree<'_>) {
        if key != super::secrets::LAST_APPLIED {
            return;
        }
        let Tree::String(text) = value else { return };
        let scrubbed = match Tree::parse(text) {
            Ok(mut copy) => {
                self.scrub(&mut copy);
                copy.to_text()
            }
            // Not to be judged, so not to be shown.
            Err(_) => Self::redacted().to_text(),
        };
        *text = Cow::Owned(scrubbed);
    }
}

/// Whether a member of this name can name its sibling `value`.
pub(super) fn is_pair_name(key: &str) -> bool {
    matches!(key, "name" | "key")
}

/// True, false and null keep no secret: `automountServiceAccountToken: true` stays readable.
pub(super) fn replace(value: &mut Tree<'_>) {
    if !matches!(value, Tree::Null | Tree::Bool(_)) {
        *value = Scrubber::redacted();
    }
}

/// Whether a value has been replaced.
pub(super) fn is_redacted(value: &Tree<'_>) -> bool {
    matches!(value, Tree::Map(_)) && *value == Scrubber::redacted()
}

fn is_builtin(folded: &Folded) -> bool {
    if HARMLESS.contains(&folded.text.as_str()) {
        return false;
    }
    SECRETS.iter().any(|word| folded.text.contains(word))
        || SHORT_SECRETS
            .iter()
            .any(|word| folded.text.match_indices(word).any(|(at, _)| folded.edge(at + word.len())))
}

fn is_about(folded: &Folded) -> bool {
    ABOUT.iter().any(|word| folded.ends_in(word)) || MEASURES.iter().any(|word| folded.begins_with(word))
}

#[cfg(test)]
mod tests;

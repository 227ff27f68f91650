//! The paths that a plan needs, merged, and the single pass that finds them in an object's text. It parses
//! nothing: what it finds are stretches of the text.

use crate::canonical::JsonError;
use crate::extract::skip::Cursor;

/// A node of the trie, that is, a path from the object's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(usize);

/// Merged paths. The first node is the root.
#[derive(Debug)]
pub(crate) struct Trie(Vec<Node>);

#[derive(Debug, Default)]
struct Node {
    children: Vec<(Box<str>, NodeId)>,
    captured: bool,
}

/// What a pass found at each node.
#[derive(Debug)]
pub(crate) struct Found<'a>(Vec<Capture<'a>>);

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Capture<'a> {
    /// Nothing.
    Absent,
    /// An object, whose text nobody asked for.
    Object,
    /// Something else, whose text nobody asked for.
    Other,
    /// This text.
    Text(&'a str),
}

impl Default for Trie {
    fn default() -> Self {
        Self(vec![Node::default()])
    }
}

impl Trie {
    /// The object itself.
    pub(crate) const ROOT: NodeId = NodeId(0);

    /// Adds a path whose text is wanted.
    pub(crate) fn capture<'p>(&mut self, path: impl IntoIterator<Item = &'p str>) -> NodeId {
        let id = self.visit(path);
        if let Some(node) = self.0.get_mut(id.0) {
            node.captured = true;
        }
        id
    }

    /// Adds a path of which only the presence is wanted.
    pub(crate) fn visit<'p>(&mut self, path: impl IntoIterator<Item = &'p str>) -> NodeId {
        let mut at = Self::ROOT;
        for key in path {
            at = match self.child(at, |name| name == key) {
                Some(child) => child,
                None => {
                    let child = NodeId(self.0.len());
                    self.0.push(Node::default());
                    if let Some(node) = self.0.get_mut(at.0) {
                        node.children.push((key.into(), child));
                    }
                    child
                }
            };
        }
        at
    }

    /// The node of a path, if it is in the trie.
    pub(crate) fn find(&self, key: &str) -> Option<NodeId> {
        self.child(Self::ROOT, |name| name == key)
    }

    /// Whether the object's whole text is wanted.
    pub(crate) fn whole(&self) -> bool {
        self.0.first().is_some_and(|root| root.captured)
    }

    fn child(&self, at: NodeId, matches: impl Fn(&str) -> bool) -> Option<NodeId> {
        let children = &self.0.get(at.0)?.children;
        children.iter().find(|(name, _)| matches(name)).map(|(_, id)| *id)
    }

    /// Looks the paths up in `object`. Of a key that is repeated the last value counts, and therefore the
    /// pass always goes to the object's end.
    pub(crate) fn walk<'a>(&self, object: &'a str) -> Result<Found<'a>, JsonError> {
        let mut found = Found(vec![Capture::Absent; self.0.len()]);
        let mut cursor = Cursor::new(object);
        self.value(&mut cursor, Self::ROOT, &mut found)?;
        if cursor.done() { Ok(found) } else { Err(cursor.error()) }
    }

    /// Recursion is bounded by the longest path, not by the object.
    fn value<'a>(&self, cursor: &mut Cursor<'a>, at: NodeId, found: &mut Found<'a>) -> Result<(), JsonError> {
        let Some(node) = self.0.get(at.0) else { return Err(cursor.error()) };
        let is_object = cursor.peek() == Some(b'{');
        let start = cursor.position();
        let text = if is_object && !node.children.is_empty() {
            self.members(cursor, at, found)?;
            if node.captured { cursor.since(start) } else { "" }
        } else {
            cursor.value()?
        };
        found.set(
            at,
            match (node.captured, is_object) {
                (true, _) => Capture::Text(text),
                (false, true) => Capture::Object,
                (false, false) => Capture::Other,
            },
        );
        Ok(())
    }

    fn members<'a>(
        &self,
        cursor: &mut Cursor<'a>,
        at: NodeId,
        found: &mut Found<'a>,
    ) -> Result<(), JsonError> {
        cursor.eat(b'{');
        if cursor.eat(b'}') {
            return Ok(());
        }
        loop {
            let key = cursor.key()?;
            match self.child(at, |name| key.is(name)) {
                Some(child) => {
                    if found.get(child) != Capture::Absent {
                        self.forget(child, found);
                    }
                    self.value(cursor, child, found)?;
                }
                None => {
                    cursor.value()?;
                }
            }
            if !cursor.next(b'}')? {
                return Ok(());
            }
        }
    }

    /// Drops what an earlier value of the same key had.
    fn forget(&self, at: NodeId, found: &mut Found<'_>) {
        found.set(at, Capture::Absent);
        for (_, child) in self.0.get(at.0).into_iter().flat_map(|node| &node.children) {
            self.forget(*child, found);
        }
    }
}

impl<'a> Found<'a> {
    /// What stands at a node.
    pub(crate) fn get(&self, at: NodeId) -> Capture<'a> {
        self.0.get(at.0).copied().unwrap_or(Capture::Absent)
    }

    /// The text at a node, if it was asked for and is there.
    pub(crate) fn text(&self, at: NodeId) -> Option<&'a str> {
        match self.get(at) {
            Capture::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Replaces what stands at a node.
    pub(crate) fn set(&mut self, at: NodeId, capture: Capture<'a>) {
        if let Some(slot) = self.0.get_mut(at.0) {
            *slot = capture;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_finds_all_paths() {
        let mut trie = Trie::default();
        let name = trie.capture(["metadata", "name"]);
        let metadata = trie.capture(["metadata"]);
        let replicas = trie.capture(["spec", "replicas"]);
        let spec = trie.visit(["spec"]);
        let status = trie.visit(["status", "phase"]);
        let text = r#" {"spec" : {"x":[{"replicas":9}],"replicas": 3 }, "metadata":{"name":"a\"b"} , "k":1}"#;
        let found = trie.walk(text).expect("valid");
        assert_eq!(found.text(name), Some(r#""a\"b""#));
        assert_eq!(found.text(metadata), Some(r#"{"name":"a\"b"}"#));
        assert_eq!(found.text(replicas), Some("3"));
        assert_eq!(found.get(spec), Capture::Object);
        assert_eq!(found.get(status), Capture::Absent);
    }

    #[test]
    fn the_last_of_repeated_keys_counts() {
        let mut trie = Trie::default();
        let replicas = trie.capture(["spec", "replicas"]);
        let spec = trie.visit(["spec"]);
        let found = trie.walk(r#"{"spec":{"replicas":1,"replicas":2}}"#).expect("valid");
        assert_eq!(found.text(replicas), Some("2"));
        let found = trie.walk(r#"{"spec":{"replicas":1},"spec":[]}"#).expect("valid");
        assert_eq!(found.text(replicas), None);
        assert_eq!(found.get(spec), Capture::Other);
    }

    #[test]
    fn a_cut_object_is_an_error() {
        let mut trie = Trie::default();
        trie.capture(["a", "b"]);
        let whole = r#"{"a":{"b":[1,{"c":"d"}]},"e":null}"#;
        for end in 0..whole.len() {
            assert!(trie.walk(&whole[..end]).is_err(), "{end}");
        }
        assert!(trie.walk(&format!("{whole}x")).is_err());
    }
}

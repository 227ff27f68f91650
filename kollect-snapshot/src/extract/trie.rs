//! The paths that a plan needs, merged, and the single pass that finds them in an object's text. It parses
//! nothing: what it finds are stretches of the text.

use crate::canonical::JsonError;
use crate::extract::skip::Cursor;

/// A node of the trie, that is, a path from the object's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(usize);

/// Where the values of a path through a list's elements are gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListId(usize);

/// Merged paths. The first node is the root.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
    lists: usize,
}

#[derive(Debug, Default)]
struct Node {
    children: Vec<(Box<str>, NodeId)>,
    captured: bool,
    each: Option<Each>,
}

/// Paths that go on from each element of a list.
#[derive(Debug, Default)]
struct Each {
    trie: Trie,
    wanted: Vec<(NodeId, ListId)>,
}

/// What a pass found at each node, and of each list.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    captures: Vec<Capture<'a>>,
    lists: Vec<Vec<&'a str>>,
}

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
        Self { nodes: vec![Node::default()], lists: 0 }
    }
}

impl Trie {
    /// The object itself.
    pub(crate) const ROOT: NodeId = NodeId(0);

    /// Adds a path whose text is wanted.
    pub(crate) fn capture<'p>(&mut self, path: impl IntoIterator<Item = &'p str>) -> NodeId {
        let id = self.visit(path);
        if let Some(node) = self.nodes.get_mut(id.0) {
            node.captured = true;
        }
        id
    }

    /// Adds a path whose text is wanted from each element of the list at `node`.
    pub(crate) fn capture_each<'p>(
        &mut self,
        node: NodeId,
        path: impl IntoIterator<Item = &'p str>,
    ) -> ListId {
        let list = ListId(self.lists);
        self.lists += 1;
        if let Some(node) = self.nodes.get_mut(node.0) {
            let each = node.each.get_or_insert_default();
            each.wanted.push((each.trie.capture(path), list));
        }
        list
    }

    /// Adds a path of which only the presence is wanted.
    pub(crate) fn visit<'p>(&mut self, path: impl IntoIterator<Item = &'p str>) -> NodeId {
        let mut at = Self::ROOT;
        for key in path {
            at = match self.child(at, |name| name == key) {
                Some(child) => child,
                None => {
                    let child = NodeId(self.nodes.len());
                    self.nodes.push(Node::default());
                    if let Some(node) = self.nodes.get_mut(at.0) {
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
        self.nodes.first().is_some_and(|root| root.captured)
    }

    fn child(&self, at: NodeId, matches: impl Fn(&str) -> bool) -> Option<NodeId> {
        let children = &self.nodes.get(at.0)?.children;
        children.iter().find(|(name, _)| matches(name)).map(|(_, id)| *id)
    }

    /// Looks the paths up in `object`. Of a key that is repeated the last value counts, and therefore the
    /// pass always goes to the object's end.
    pub(crate) fn walk<'a>(&self, object: &'a str) -> Result<Found<'a>, JsonError> {
        let mut found = Found::of_none(self);
        let mut cursor = Cursor::new(object);
        self.value(&mut cursor, Self::ROOT, &mut found)?;
        if cursor.done() { Ok(found) } else { Err(cursor.error()) }
    }

    /// Recursion is bounded by the longest path, not by the object.
    fn value<'a>(&self, cursor: &mut Cursor<'a>, at: NodeId, found: &mut Found<'a>) -> Result<(), JsonError> {
        let Some(node) = self.nodes.get(at.0) else { return Err(cursor.error()) };
        let is_object = cursor.peek() == Some(b'{');
        let start = cursor.position();
        let text = match (&node.each, cursor.peek()) {
            (_, Some(b'{')) if !node.children.is_empty() => {
                self.members(cursor, at, found)?;
                if node.captured { cursor.since(start) } else { "" }
            }
            (Some(each), Some(b'[')) => {
                each.elements(cursor, found)?;
                cursor.since(start)
            }
            _ => cursor.value()?,
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
        let Some(node) = self.nodes.get(at.0) else { return };
        for (_, list) in node.each.iter().flat_map(|each| &each.wanted) {
            found.lists.get_mut(list.0).into_iter().for_each(Vec::clear);
        }
        for (_, child) in &node.children {
            self.forget(*child, found);
        }
    }
}

impl Each {
    /// Gathers what the elements have, in order. An element that is no object has nothing.
    fn elements<'a>(&self, cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Result<(), JsonError> {
        cursor.eat(b'[');
        if cursor.eat(b']') {
            return Ok(());
        }
        let mut element = Found::of_none(&self.trie);
        loop {
            if cursor.peek() == Some(b'{') {
                element.captures.fill(Capture::Absent);
                self.trie.value(cursor, Trie::ROOT, &mut element)?;
                for (node, list) in &self.wanted {
                    let list = found.lists.get_mut(list.0);
                    list.into_iter().for_each(|list| list.extend(element.text(*node)));
                }
            } else {
                cursor.value()?;
            }
            if !cursor.next(b']')? {
                return Ok(());
            }
        }
    }
}

impl<'a> Found<'a> {
    fn of_none(trie: &Trie) -> Self {
        Self { captures: vec![Capture::Absent; trie.nodes.len()], lists: vec![Vec::new(); trie.lists] }
    }

    /// What the elements of a list had, in order, if it was a list.
    pub(crate) fn list(&self, list: ListId) -> &[&'a str] {
        self.lists.get(list.0).map(Vec::as_slice).unwrap_or_default()
    }

    /// What stands at a node.
    pub(crate) fn get(&self, at: NodeId) -> Capture<'a> {
        self.captures.get(at.0).copied().unwrap_or(Capture::Absent)
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
        if let Some(slot) = self.captures.get_mut(at.0) {
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
    fn elements_are_gathered_in_order_and_forgotten_with_their_list() {
        let mut trie = Trie::default();
        let list = trie.capture(["a", "l"]);
        let (x, y) = (trie.capture_each(list, ["x"]), trie.capture_each(list, ["y", "z"]));
        let found =
            trie.walk(r#"{"a":{"l":[{"x":1,"x":2},3,[{"x":4}],{"y":{"z":5}, "x":{}},{}] }}"#).expect("valid");
        assert_eq!((found.list(x), found.list(y)), (&["2", "{}"][..], &["5"][..]));
        assert_eq!(found.text(list), Some(r#"[{"x":1,"x":2},3,[{"x":4}],{"y":{"z":5}, "x":{}},{}]"#));
        for (last, want) in [(r#""l":[{"x":9}]"#, &["9"][..]), (r#""l":{"x":9}"#, &[]), (r#""l":[ ]"#, &[])] {
            for text in [
                format!(r#"{{"a":{{"l":[{{"x":1}}],{last}}}}}"#),
                format!(r#"{{"a":{{"l":[{{"x":1}}]}},"a":{{{last}}}}}"#),
            ] {
                assert_eq!(trie.walk(&text).expect("valid").list(x), want, "{text}");
            }
        }
    }

    #[test]
    fn a_cut_object_is_an_error() {
        let mut trie = Trie::default();
        let list = trie.capture(["a", "b"]);
        trie.capture_each(list, ["c"]);
        let whole = r#"{"a":{"b":[1,{"c":"d"}]},"e":null}"#;
        for end in 0..whole.len() {
            assert!(trie.walk(&whole[..end]).is_err(), "{end}");
        }
        assert!(trie.walk(&format!("{whole}x")).is_err());
    }
}

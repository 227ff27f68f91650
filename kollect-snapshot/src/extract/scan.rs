//! One pass over an object's JSON that notes where the needed values stand and skips all others. It decodes
//! no value. Of a key that stands twice in one object, the first counts.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

/// The paths that are needed, as a tree of keys.
#[derive(Debug, Default)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    wanted: usize,
}

#[derive(Debug, Default)]
struct Node {
    children: Vec<(Box<str>, usize)>,
    wanted: bool,
}

/// What stands at a node of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An object that was entered and is not itself wanted.
    Entered,
    /// A value, by its place in the text.
    Value(Range<usize>),
}

/// The JSON ends or breaks where it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Trie {
    /// Adds a path and answers its nodes from the root, which is first.
    pub(super) fn insert(&mut self, path: &[String]) -> Vec<usize> {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut chain = vec![0];
        let mut at = 0;
        for key in path {
            at = self.child_or_new(at, key);
            chain.push(at);
        }
        if let Some(node) = self.nodes.get_mut(at)
            && !node.wanted
        {
            node.wanted = true;
            self.wanted += 1;
        }
        chain
    }

    fn child_or_new(&mut self, at: usize, key: &str) -> usize {
        if let Some(child) = self.child(at, key) {
            return child;
        }
        let new = self.nodes.len();
        self.nodes.push(Node::default());
        if let Some(node) = self.nodes.get_mut(at) {
            node.children.push((key.into(), new));
        }
        new
    }

    fn child(&self, at: usize, key: &str) -> Option<usize> {
        let node = self.nodes.get(at)?;
        node.children.iter().find(|(name, _)| **name == *key).map(|(_, child)| *child)
    }

    /// Finds what stands at each node of the tree. Stops early once everything wanted was found.
    ///
    /// Time is linear in the text, and the stack as deep as the tree.
    pub(super) fn scan(&self, text: &str) -> Result<Vec<Option<Found>>, Malformed> {
        let mut scan = Scan {
            trie: self,
            bytes: text.as_bytes(),
            at: 0,
            missing: self.wanted,
            found: vec![None; self.nodes.len()],
        };
        if self.wanted > 0 {
            scan.value(0)?;
        }
        Ok(scan.found)
    }
}

struct Scan<'a> {
    trie: &'a Trie,
    bytes: &'a [u8],
    at: usize,
    missing: usize,
    found: Vec<Option<Found>>,
}

impl Scan<'_> {
    fn value(&mut self, node: usize) -> Result<(), Malformed> {
        self.space();
        let start = self.at;
        let (enters, wanted) = match self.trie.nodes.get(node) {
            Some(node) => (!node.children.is_empty() && self.peek() == Some(b'{'), node.wanted),
            None => (false, false),
        };
        if enters {
            self.object(node)?;
        } else {
            self.skip()?;
        }
        let found = if enters && !wanted { Found::Entered } else { Found::Value(start..self.at) };
        let slot = self.found.get_mut(node).ok_or(Malformed)?;
        if slot.is_none() {
            *slot = Some(found);
            self.missing -= usize::from(wanted);
        }
        Ok(())
    }

    fn object(&mut self, node: usize) -> Result<(), Malformed> {
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            let key = self.key()?;
            self.space();
            self.expect(b':')?;
            let child = self.trie.child(node, &key);
            match child.filter(|child| self.found.get(*child).is_some_and(Option::is_none)) {
                Some(child) => self.value(child)?,
                None => {
                    self.space();
                    self.skip()?;
                }
            }
            if self.missing == 0 {
                return Ok(());
            }
            self.space();
            match self.next()? {
                b',' => {}
                b'}' => return Ok(()),
                _ => return Err(Malformed),
            }
        }
    }

    fn key(&mut self) -> Result<Cow<'static, str>, Malformed> {
        let start = self.at;
        self.string()?;
        let quoted = self.bytes.get(start..self.at).ok_or(Malformed)?;
        serde_json::from_slice::<String>(quoted).map(Cow::Owned).map_err(|_| Malformed)
    }

    /// Skips one value, however deep, without recursion.
    fn skip(&mut self) -> Result<(), Malformed> {
        match self.peek().ok_or(Malformed)? {
            b'"' => self.string(),
            b'{' | b'[' => self.nested(),
            _ => {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                let end = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
                let length = rest.iter().position(end).unwrap_or(rest.len());
                self.at += length;
                if length == 0 { Err(Malformed) } else { Ok(()) }
            }
        }
    }

    fn nested(&mut self) -> Result<(), Malformed> {
        let mut depth = 0_usize;
        loop {
            match self.peek().ok_or(Malformed)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn string(&mut self) -> Result<(), Malformed> {
        self.expect(b'"')?;
        loop {
            let rest = self.bytes.get(self.at..).ok_or(Malformed)?;
            let step = memchr2(b'"', b'\\', rest).ok_or(Malformed)?;
            let stop = rest.get(step).copied();
            self.at += step + 1;
            if stop == Some(b'"') {
                return Ok(());
            }
            self.at += 1;
        }
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, Malformed> {
        let byte = self.peek().ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.next()? == byte { Ok(()) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trie(paths: &[&str]) -> (Trie, Vec<Vec<usize>>) {
        let mut trie = Trie::default();
        let keys = |path: &&str| -> Vec<String> {
            path.split('.').filter(|key| !key.is_empty()).map(str::to_owned).collect()
        };
        let chains = paths.iter().map(|path| trie.insert(&keys(path))).collect();
        (trie, chains)
    }

    fn at<'t>(text: &'t str, paths: &[&str]) -> Vec<Option<&'t str>> {
        let (trie, chains) = trie(paths);
        let found = trie.scan(text).unwrap();
        let place = |chain: &Vec<usize>| match &found[*chain.last().unwrap()] {
            Some(Found::Value(range)) => Some(&text[range.clone()]),
            Some(Found::Entered) | None => None,
        };
        chains.iter().map(place).collect()
    }

    #[test]
    fn finds_values_wherever_they_stand() {
        let text = r#" {"x": [{"a":1}, "}"], "a": {"b" : {"c": 7 , "d":"q\"}"}, "e":[1,2]}, "z\u0041":true}"#;
        assert_eq!(
            at(text, &["a.b.c", "a.b.d", "a.e", "zA", "a.none", "a.b"]),
            [
                Some("7"),
                Some(r#""q\"}""#),
                Some("[1,2]"),
                Some("true"),
                None,
                Some(r#"{"c": 7 , "d":"q\"}"}"#)
            ]
        );
    }

    #[test]
    fn an_interior_value_that_is_no_object_is_found_as_itself() {
        let (trie, chains) = trie(&["a.b"]);
        let found = trie.scan(r#"{"a":"text"}"#).unwrap();
        assert_eq!(found[chains[0][1]], Some(Found::Value(5..11)));
        assert_eq!(found[chains[0][2]], None);
    }

    #[test]
    fn the_first_of_two_equal_keys_counts() {
        assert_eq!(at(r#"{"a":1,"b":2,"a":3}"#, &["a", "b"]), [Some("1"), Some("2")]);
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!(r#"{{"x":{}{},"a":1}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(at(&deep, &["a"]), [Some("1")]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[{}\\[\\],:\"\\\\a0 ]{0,40}") {
            let (trie, _) = trie(&["a.a", "a0", ""]);
            let _ = trie.scan(&text);
        }
    }
}

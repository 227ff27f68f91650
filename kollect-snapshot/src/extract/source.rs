//! The values that a plan reads of one object: each needed subtree decoded once. It evaluates nothing.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::scan::{Found, Trie};
use super::secrets::SecretGuard;
use super::spec::ObjectContext;

/// What a plan needs of an object.
#[derive(Debug, Default)]
pub(super) struct Needs {
    trie: Trie,
}

/// A needed value: the nodes that lead to it, and the keys between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) path: Vec<String>,
    chain: Vec<usize>,
}

impl Needs {
    /// Notes that the value at `path` is needed; the empty path is the whole object.
    pub(super) fn add(&mut self, path: Vec<String>) -> Need {
        let chain = self.trie.insert(&path);
        Need { path, chain }
    }

    /// Reads one object.
    ///
    /// # Errors
    /// It is no JSON.
    pub(super) fn read<'o>(
        &self,
        object: &'o str,
        context: ObjectContext<'o>,
        guard: SecretGuard,
    ) -> Result<Source<'o>, String> {
        let found = self.trie.scan(object).map_err(|_| "the object is not well-formed JSON".to_owned())?;
        Ok(Source { object, context, guard, found, decoded: HashMap::new() })
    }
}

/// The values of one object.
pub(super) struct Source<'o> {
    object: &'o str,
    context: ObjectContext<'o>,
    guard: SecretGuard,
    found: Vec<Option<Found>>,
    decoded: HashMap<usize, Value>,
}

impl Source<'_> {
    /// The value that `need` names, decoded at the first call. `None` where it is not there.
    ///
    /// # Errors
    /// It cannot be decoded: too deep, or no JSON.
    pub(super) fn value(&mut self, need: &Need) -> Result<Option<&Value>, String> {
        let Some(node) = need.chain.last().copied() else { return Ok(None) };
        if !self.decoded.contains_key(&node) {
            let Some(value) = self.decode(need, node)? else { return Ok(None) };
            self.decoded.insert(node, value);
        }
        Ok(self.decoded.get(&node))
    }

    /// An object that holds just what `needs` name, and which interior objects exist, so that presence can be
    /// tested.
    ///
    /// # Errors
    /// As [`Source::value`].
    pub(super) fn partial(&mut self, needs: &[Need]) -> Result<Value, String> {
        let mut root = Map::new();
        for need in needs {
            if need.path.is_empty() {
                return Ok(self.value(need)?.cloned().unwrap_or_default());
            }
            self.graft(&mut root, need)?;
        }
        Ok(Value::Object(root))
    }

    fn graft(&mut self, root: &mut Map<String, Value>, need: &Need) -> Result<(), String> {
        let mut at = root;
        for (index, key) in need.path.iter().enumerate() {
            let Some(node) = need.chain.get(index + 1).copied() else { return Ok(()) };
            let last = index + 1 == need.path.len();
            let entered = matches!(self.found.get(node), Some(Some(Found::Entered)));
            if !last && entered {
                let child = at.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(fields) = child else { return Ok(()) };
                at = fields;
                continue;
            }
            let part = Need {
                path: need.path.iter().take(index + 1).cloned().collect(),
                chain: need.chain.iter().take(index + 2).copied().collect(),
            };
            if let Some(value) = self.value(&part)? {
                at.insert(key.clone(), value.clone());
            }
            return Ok(());
        }
        Ok(())
    }

    fn decode(&self, need: &Need, node: usize) -> Result<Option<Value>, String> {
        match need.path.as_slice() {
            [key] if key == "apiVersion" => return Ok(Some(self.context.api_version.into())),
            [key] if key == "kind" => return Ok(Some(self.context.kind.into())),
            _ => {}
        }
        let Some(Some(Found::Value(range))) = self.found.get(node) else { return Ok(None) };
        let text = self.object.get(range.clone()).unwrap_or_default();
        let mut value: Value =
            serde_json::from_str(text).map_err(|error| format!("the value cannot be decoded: {error}"))?;
        if let (true, Value::Object(fields)) = (need.path.is_empty(), &mut value) {
            fields.insert("apiVersion".to_owned(), self.context.api_version.into());
            fields.insert("kind".to_owned(), self.context.kind.into());
        }
        self.guard.strip(&need.path, &mut value);
        Ok(Some(value))
    }
}

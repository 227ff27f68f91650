//! Conditions over an object, for resource rules. They extract nothing.

use super::cel::{Expression, Place};
use super::page::Page;
use super::rule::Compiler;
use super::scrub::Scrubber;
use super::secrets::SecretGuard;
use super::spec::{CompileError, Failure, FailureKind, ObjectContext, Subject};
use super::tree::Tree;
use super::trie::Trie;

/// A compiled condition: CEL over `object`, true or false.
#[derive(Debug)]
pub struct Predicate {
    source: String,
    trie: Trie,
    expression: Expression,
    places: Vec<Place>,
    scrubber: Scrubber,
}

impl Predicate {
    /// Compiles a condition.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(source: &str) -> Result<Self, CompileError> {
        let mut trie = Trie::default();
        let scrubber = Scrubber::new(&[]);
        let mut compiler = Compiler { trie: &mut trie, scrubber: &scrubber, guard: SecretGuard::Open };
        let (expression, places) = compiler
            .expression(source.trim())
            .map_err(|message| CompileError { subject: Subject::Condition, message })?;
        Ok(Self { source: source.to_owned(), trie, expression, places, scrubber })
    }

    /// Whether it holds for an object. The data of a core Secret, and what the built-in scrub rules hide, is not
    /// there for a condition either: its yes and no would tell it bit by bit.
    ///
    /// # Errors
    /// It could not be evaluated, or is neither true nor false. Holds no value.
    pub fn matches(&self, object: &str, context: ObjectContext<'_>) -> Result<bool, Failure> {
        self.holds(object, context).map_err(|reason| Failure {
            kind: FailureKind::Condition,
            attribute: "matchPolicy".to_owned(),
            path: self.source.clone(),
            reason,
        })
    }

    fn holds(&self, object: &str, context: ObjectContext<'_>) -> Result<bool, String> {
        let page = Page::open(&self.trie, object, context, SecretGuard::Closed)?;
        let found = page.find(&self.trie)?;
        match self.expression.evaluate(&self.places, &found, &self.scrubber) {
            Ok(Some(Tree::Bool(holds))) => Ok(holds),
            Ok(_) => Err("the condition is neither true nor false".to_owned()),
            Err(fault) => Err(fault.into_reason()),
        }
    }
}

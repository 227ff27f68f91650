//! Conditions over an object, for resource rules. They extract nothing.

use super::cel::Expression;
use super::secrets::SecretGuard;
use super::source::{Need, Needs};
use super::spec::{CompileError, Failure, ObjectContext};

/// A compiled condition: CEL over `object`, true or false.
#[derive(Debug)]
pub struct Predicate {
    source: String,
    expression: Expression,
    needs: Needs,
    reads: Vec<Need>,
}

impl Predicate {
    /// Compiles a condition.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(source: &str) -> Result<Self, CompileError> {
        let error = |message| CompileError { attribute: "matchPolicy".to_owned(), message };
        let expression = Expression::compile(source).map_err(error)?;
        let mut needs = Needs::default();
        let reads = expression.reads().iter().map(|path| needs.add(path.clone())).collect();
        Ok(Self { source: source.to_owned(), expression, needs, reads })
    }

    /// Whether it holds for an object.
    ///
    /// # Errors
    /// It could not be evaluated.
    pub fn matches(&self, object: &str, context: ObjectContext<'_>) -> Result<bool, Failure> {
        // A condition says only yes or no, but what is kept out of rows is kept out of sight here as well.
        let guard = match context.api_version {
            "v1" => SecretGuard::of("", context.kind, false),
            _ => SecretGuard::Open,
        };
        let holds = self
            .needs
            .read(object, context, guard)
            .and_then(|mut source| source.partial(&self.reads))
            .and_then(|object| self.expression.holds(&object));
        holds.map_err(|reason| Failure {
            attribute: "matchPolicy".to_owned(),
            path: self.source.clone(),
            reason,
        })
    }
}

//! CEL expressions over `object`, compiled once, with a bound on their work. What the library does not know
//! is refused when the profile compiles.

mod budget;
mod check;
mod value;

use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, ExecutionError, IdedExpr, Value as CelValue, extensions};
use serde_json::Value;

/// The functions that expressions may use, shared by all.
static ENVIRONMENT: LazyLock<Result<Arc<Env>, String>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    let added = env
        .add_extension(extensions::strings)
        .and_then(|()| env.add_extension(extensions::lists))
        .and_then(|()| env.add_extension(extensions::math))
        .and_then(|()| budget::declare(&mut env));
    added.map(|()| Arc::new(env)).map_err(|error| error.to_string())
});

/// A compiled expression.
pub(super) struct Expression {
    tree: IdedExpr,
    reads: Vec<Vec<String>>,
    environment: Arc<Env>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expression").field("reads", &self.reads).finish_non_exhaustive()
    }
}

impl Expression {
    /// Compiles `source`.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub(super) fn compile(source: &str) -> Result<Self, String> {
        let environment = ENVIRONMENT.as_ref().map_err(Clone::clone)?.clone();
        let program = environment.compile(source).map_err(|errors| {
            let text = errors.to_string();
            text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
        })?;
        let mut tree = program.expression().clone();
        let reads = check::check(&tree)?;
        budget::bound(&mut tree);
        Ok(Self { tree, reads, environment })
    }

    /// The paths of the object that the expression reads; the empty path is all of it.
    pub(super) fn reads(&self) -> &[Vec<String>] {
        &self.reads
    }

    /// Evaluates over an object that holds at least what [`Expression::reads`] names.
    ///
    /// # Errors
    /// The reason, without any value.
    pub(super) fn evaluate(&self, object: &Value) -> Result<Value, String> {
        value::to_json(&self.run(object)?)
    }

    /// As [`Expression::evaluate`], for conditions.
    ///
    /// # Errors
    /// The reason, or that the result is no boolean.
    pub(super) fn holds(&self, object: &Value) -> Result<bool, String> {
        match self.run(object)? {
            CelValue::Bool(holds) => Ok(holds),
            _ => Err("the condition is neither true nor false".to_owned()),
        }
    }

    fn run(&self, object: &Value) -> Result<CelValue, String> {
        let mut context = Context::with_env(self.environment.clone());
        context.add_variable_from_value("object", value::from_json(object));
        budget::refill();
        CelValue::resolve(&self.tree, &context).map_err(|error| reason(&error))
    }
}

/// The reason of a failure. The library's own messages may quote values, which must not get into a status.
fn reason(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(_) => "no such key; test with has() or use .?key".to_owned(),
        ExecutionError::NoSuchOverload(error) => {
            format!("{} is not defined for {}", error.function(), error.argument_types().join(", "))
        }
        ExecutionError::UndeclaredReference(name) => format!("{name} is not declared"),
        ExecutionError::InvalidArgumentCount { expected, actual } => {
            format!("{actual} arguments where {expected} are needed")
        }
        ExecutionError::UnexpectedType { got, want } => format!("{got} where {want} is needed"),
        ExecutionError::FunctionError { function, .. } if function == budget::TICK => {
            "the expression does too much work on this object".to_owned()
        }
        ExecutionError::FunctionError { function, .. } => format!("{function}() failed"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "integer overflow".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "index out of bounds".to_owned(),
        ExecutionError::DuplicateKey(_) => "a map has the same key twice".to_owned(),
        _ => "the types do not fit".to_owned(),
    }
}

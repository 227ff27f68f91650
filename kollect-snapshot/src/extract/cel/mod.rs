//! CEL expressions over `object`, compiled once, with a bound on their work. What is not known is refused when
//! the profile compiles.

mod budget;
mod constants;
mod functions;
mod library;
mod lower;
mod macros;
mod scope;
mod syntax;
mod value;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, ExecutionError, IdedExpr, Value as CelValue, extensions};

#[cfg(test)]
pub(super) use functions::names as function_names;
pub(super) use scope::Place;
pub(super) use syntax::Slot;

use self::library::Pattern;
use self::lower::{Lowering, TOO_DEEP};
use self::scope::Scope;
use super::scrub::Scrubber;
use super::tree::Tree;
use super::trie::Found;

/// Bytes of an expression. The library parses and drops by recursion.
const SOURCE: usize = 4096;

/// Bytes of stack for compiling an expression, and for evaluating a deep one; only what is used is ever real.
const STACK: usize = 256 << 20;

/// The deepest expression that is evaluated on the caller's stack: it takes half a MiB of it at most, less when
/// optimised.
const SHALLOW: usize = 16;

/// The functions that expressions may use, and a context without variables: making one costs more than most
/// evaluations.
struct Engine {
    env: Arc<Env>,
    context: Context<'static, 'static>,
}

static ENGINE: LazyLock<Result<Engine, String>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    let added = env
        .add_extension(extensions::strings)
        .and_then(|()| env.add_extension(extensions::lists))
        .and_then(|()| env.add_extension(extensions::math))
        .and_then(|()| env.add_extension(extensions::encoders))
        .and_then(|()| budget::declare(&mut env))
        .and_then(|()| library::declare(&mut env))
        .and_then(|()| macros::declare(&mut env));
    added.map_err(|error| error.to_string())?;
    let env = Arc::new(env);
    Ok(Engine { context: Context::with_env(env.clone()), env })
});

/// A compiled expression.
pub(super) struct Expression {
    tree: IdedExpr,
    slots: Vec<Slot>,
    patterns: Vec<Pattern>,
    deep: bool,
}

/// Why an expression has no value. The reasons hold no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It reads what is not there.
    Missing(String),
    /// Anything else.
    Failed(String),
}

impl Fault {
    /// The reason.
    pub(super) fn into_reason(self) -> String {
        match self {
            Self::Missing(reason) | Self::Failed(reason) => reason,
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expression").field("slots", &self.slots).finish_non_exhaustive()
    }
}

impl Expression {
    /// Compiles `source`.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub(super) fn compile(source: &str) -> Result<Self, String> {
        if source.len() > SOURCE {
            return Err(format!("an expression has at most {SOURCE} bytes"));
        }
        spacious(|| Self::parse(source)).and_then(|compiled| compiled)
    }

    fn parse(source: &str) -> Result<Self, String> {
        let engine = ENGINE.as_ref().map_err(Clone::clone)?;
        let program = engine.env.compile(source).map_err(|errors| syntax_error(&errors.to_string()))?;
        let mut tree = program.expression().clone();
        let mut lowering = Lowering::default();
        lowering.lower(&mut tree, 0)?;
        let deep = syntax::depth(&tree) > SHALLOW;
        Ok(Self { tree, slots: lowering.slots, patterns: lowering.patterns, deep })
    }

    /// What the expression reads of the object.
    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Evaluates over what was found at `places`, one for each slot; none where the result is an absent optional.
    ///
    /// # Errors
    /// The reason, without any value.
    pub(super) fn evaluate(
        &self,
        places: &[Place],
        found: &Found<'_>,
        scrubber: &Scrubber,
    ) -> Result<Option<Tree<'static>>, Fault> {
        if !self.deep {
            return self.run(places, found, scrubber);
        }
        spacious(|| self.run(places, found, scrubber)).unwrap_or_else(|reason| Err(Fault::Failed(reason)))
    }

    fn run(
        &self,
        places: &[Place],
        found: &Found<'_>,
        scrubber: &Scrubber,
    ) -> Result<Option<Tree<'static>>, Fault> {
        let engine = ENGINE.as_ref().map_err(|error| Fault::Failed(error.clone()))?;
        let scope = Scope::new(places, found, &self.patterns, scrubber);
        let mut context = inner(&engine.context);
        context.set_variable_resolver(&scope);
        let value = CelValue::resolve_val(&self.tree, &context).map_err(|error| self.fault(&error))?;
        value::to_tree(value.as_ref()).map_err(Fault::Failed)
    }

    /// The library's own messages may quote values, which must not get into a status.
    fn fault(&self, error: &ExecutionError) -> Fault {
        let reason = match error {
            ExecutionError::NoSuchKey(_) => {
                return Fault::Missing("no such key; test with has() or use .?key".to_owned());
            }
            ExecutionError::UndeclaredReference(name) => match scope::slot(name)
                .and_then(|at| self.slots.get(at))
            {
                Some(slot) => return Fault::Missing(format!("no such key: object.{}", slot.path.join("."))),
                None => "a name is not declared".to_owned(),
            },
            ExecutionError::NoSuchOverload(error) => {
                format!("{} is not defined for {}", error.function(), error.argument_types().join(", "))
            }
            ExecutionError::InvalidArgumentCount { expected, actual } => {
                format!("{actual} arguments where {expected} are needed")
            }
            ExecutionError::UnexpectedType { got, want } => format!("{got} where {want} is needed"),
            ExecutionError::FunctionError { function, .. } if function == budget::EMPTY => {
                "the expression does too much work on this object".to_owned()
            }
            ExecutionError::FunctionError { function, .. } if function == "_+_" => {
                "integer overflow".to_owned()
            }
            ExecutionError::FunctionError { function, .. } => format!("{function}() failed"),
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                "division by zero".to_owned()
            }
            ExecutionError::Overflow(..) => "integer overflow".to_owned(),
            ExecutionError::IndexOutOfBounds(_) => "index out of bounds".to_owned(),
            ExecutionError::DuplicateKey(_) => "a map has the same key twice".to_owned(),
            _ => "the types do not fit".to_owned(),
        };
        Fault::Failed(reason)
    }
}

/// The library's message on one line.
fn syntax_error(message: &str) -> String {
    if message.contains("Recursion limit") {
        return TOO_DEEP.to_owned();
    }
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Runs `work` where there is more stack than a runtime's worker has: the library parses and evaluates by
/// recursion, through large frames.
fn spacious<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let result = thread.map_err(|error| format!("no thread can be started: {}", error.kind()))?.join();
        result.map_err(|_| "the expression cannot be worked on".to_owned())
    })
}

/// A context for one evaluation; its values live as long as the caller's.
fn inner<'p, 'v>(context: &'p Context<'p, 'v>) -> Context<'p, 'v> {
    context.new_inner_scope()
}

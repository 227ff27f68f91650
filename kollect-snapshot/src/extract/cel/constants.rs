//! Constants that a function never takes, such as `quantity('x')`: refused when the expression compiles. It
//! evaluates nothing else.

use cel::common::ast::{CallExpr, Expr, LiteralValue};
use cel::common::types::CelString;
use cel::common::value::CowVal;

use super::budget::Meter;
use super::{ENGINE, library};

/// Functions that read a text, and what they take it for.
const READERS: [(&str, &str); 7] = [
    ("duration", "a duration such as 1h30m"),
    ("timestamp", "a timestamp such as 2026-01-02T03:04:05Z"),
    ("quantity", "a quantity such as 500m or 2Gi"),
    ("url", "an absolute URL"),
    ("ip", "an IP address"),
    ("cidr", "a network such as 10.0.0.0/8"),
    ("semver", "a version such as 1.2.3"),
];

/// Refuses a call that can only fail.
///
/// # Errors
/// What the function takes.
pub(super) fn check(call: &CallExpr) -> Result<(), String> {
    let Some((name, what)) = READERS.iter().find(|(name, _)| *name == call.func_name) else { return Ok(()) };
    let [argument] = call.args.as_slice() else { return Ok(()) };
    let (None, Expr::Literal(LiteralValue::String(text)), Ok(engine)) =
        (&call.target, &argument.expr, &*ENGINE)
    else {
        return Ok(());
    };
    let value = CowVal::owned(CelString::from(text.inner().to_owned()));
    let (name_here, args) = match library::metered(None, name) {
        Some(own) => (own, vec![CowVal::owned(Meter::default()), value]),
        None => (*name, vec![value]),
    };
    match engine.env.find_overload(name_here, &args).map(|function| function(args)) {
        Some(Err(_)) => Err(format!("{name}() takes {what}, and not '{}'", text.inner())),
        _ => Ok(()),
    }
}

//! CEL expressions and conditions: the first line is an expression, the rest an object. It checks no values.

use kollect_snapshot::extract::{ObjectContext, Predicate};

use super::jsonpath::{SAMPLE, extract};

/// Whatever the expression and the object: no panic, attributes that are JSON, and the same ones each time; a
/// condition compiles where an attribute does.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (source, object) = text.split_once('\n').unwrap_or((text, SAMPLE));
    extract(&format!("cel:{source}"), object);
    if let Ok(condition) = Predicate::compile(source) {
        // A condition is true, false or a failure; which does not matter here.
        let _ = condition.matches(object, ObjectContext { api_version: "v1", kind: "Pod" });
    }
}

//! What an expression reads and calls, known before it runs. It evaluates nothing.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};

/// Functions beside the operators; each is linear in its arguments, or checked below.
const FUNCTIONS: [&str; 58] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "type",
    "dyn",
    "duration",
    "timestamp",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "charAt",
    "indexOf",
    "lastIndexOf",
    "lowerAscii",
    "upperAscii",
    "split",
    "substring",
    "trim",
    "join",
    "replace",
    "slice",
    "flatten",
    "distinct",
    "reverse",
    "sort",
    "greatest",
    "least",
    "ceil",
    "floor",
    "round",
    "trunc",
    "abs",
    "sign",
    "isInf",
    "isNaN",
    "isFinite",
    "of",
    "none",
    "ofNonZeroValue",
    "hasValue",
    "value",
    "orValue",
    "or",
];

/// Names that qualify functions, and names of types.
const WORDS: [&str; 15] = [
    "math",
    "optional",
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "dyn",
    "timestamp",
    "duration",
];

/// Bytes of a literal that may stand in for each match or between each two elements.
const REPLACEMENT: usize = 64;

/// The paths that the expression reads.
///
/// # Errors
/// The first name or function that is not known.
pub(super) fn check(tree: &IdedExpr) -> Result<Vec<Vec<String>>, String> {
    let mut walk = Walk { reads: BTreeSet::new(), bound: Vec::new() };
    walk.expression(tree)?;
    if walk.reads.contains(&Vec::new()) {
        return Ok(vec![Vec::new()]);
    }
    Ok(walk.reads.into_iter().collect())
}

struct Walk {
    reads: BTreeSet<Vec<String>>,
    bound: Vec<String>,
}

impl Walk {
    fn expression(&mut self, tree: &IdedExpr) -> Result<(), String> {
        if let Some(path) = self.path(tree) {
            self.reads.insert(path);
            return Ok(());
        }
        match &tree.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.identifier(name),
            Expr::Select(select) => self.expression(&select.operand),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.expression(element)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| self.entry(&entry.expr)),
            Expr::Struct(made) => Err(format!("messages such as {}{{}} are not supported", made.type_name)),
            Expr::Comprehension(comprehension) => {
                self.expression(&comprehension.iter_range)?;
                self.expression(&comprehension.accu_init)?;
                let before = self.bound.len();
                self.bound.push(comprehension.iter_var.clone());
                self.bound.extend(comprehension.iter_var2.clone());
                self.bound.push(comprehension.accu_var.clone());
                self.expression(&comprehension.loop_cond)?;
                self.expression(&comprehension.loop_step)?;
                self.expression(&comprehension.result)?;
                self.bound.truncate(before);
                Ok(())
            }
        }
    }

    fn entry(&mut self, entry: &EntryExpr) -> Result<(), String> {
        match entry {
            EntryExpr::StructField(field) => self.expression(&field.value),
            EntryExpr::MapEntry(entry) => {
                self.expression(&entry.key)?;
                self.expression(&entry.value)
            }
        }
    }

    fn identifier(&self, name: &str) -> Result<(), String> {
        if self.bound.iter().any(|bound| bound == name) || WORDS.contains(&name) {
            Ok(())
        } else {
            Err(format!("`{name}` is not declared; the object is `object`"))
        }
    }

    fn call(&mut self, call: &CallExpr) -> Result<(), String> {
        let name = call.func_name.as_str();
        let operator = name.contains('_') && !name.chars().next().is_some_and(char::is_alphabetic);
        let internal = [operators::NOT_STRICTLY_FALSE, operators::IN].contains(&name);
        if !operator && !internal && !FUNCTIONS.contains(&name) {
            return Err(format!("the function {name}() is not supported by this version"));
        }
        if matches!(name, "replace" | "join") {
            let last = call.args.last();
            let short = last.is_none_or(|last| literal(last).is_some_and(|text| text.len() <= REPLACEMENT));
            if !short {
                return Err(format!(
                    "{name}() needs a literal of at most {REPLACEMENT} bytes as its last argument"
                ));
            }
        }
        call.target.iter().try_for_each(|target| self.expression(target))?;
        call.args.iter().try_for_each(|argument| self.expression(argument))
    }

    /// The path of `object.a["b"].c`; `None` for anything else.
    fn path(&self, tree: &IdedExpr) -> Option<Vec<String>> {
        match &tree.expr {
            Expr::Ident(name) if name == "object" && !self.bound.iter().any(|bound| bound == name) => {
                Some(Vec::new())
            }
            Expr::Select(select) => {
                let mut path = self.path(&select.operand)?;
                path.push(select.field.clone());
                Some(path)
            }
            Expr::Call(call)
                if matches!(
                    call.func_name.as_str(),
                    operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT
                ) =>
            {
                let [operand, key] = call.args.as_slice() else { return None };
                let mut path = self.path(operand)?;
                path.push(literal(key)?.to_owned());
                Some(path)
            }
            _ => None,
        }
    }
}

fn literal(tree: &IdedExpr) -> Option<&str> {
    match &tree.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

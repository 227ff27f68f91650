//! What a syntax tree says by its shape, and how to make parts of one. It decides nothing.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::common::types::CelInt;

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// The value at the path.
    Value,
    /// Whether there is a value at the path; an error where its parent is missing.
    Presence,
    /// The value at the path as an optional; an error where its parent is missing.
    Optional,
}

/// Something that an expression reads of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) path: Vec<String>,
    pub(crate) read: Read,
}

/// What is read, if `tree` is a path from the object without anything computed in it.
pub(super) fn slot(tree: &IdedExpr) -> Option<Slot> {
    if let Expr::Select(select) = &tree.expr
        && select.test
    {
        let mut path = path(&select.operand)?;
        path.push(select.field.clone());
        return Some(Slot { path, read: Read::Presence });
    }
    if let Expr::Call(call) = &tree.expr
        && matches!(call.func_name.as_str(), operators::OPT_SELECT | operators::OPT_INDEX)
    {
        let [operand, key] = call.args.as_slice() else { return None };
        let mut path = path(operand)?;
        path.push(literal(key).filter(|key| *key != "value")?.to_owned());
        return Some(Slot { path, read: Read::Optional });
    }
    path(tree).map(|path| Slot { path, read: Read::Value })
}

/// The path of `object.a["b"].c`. One that goes through `value` is none: whether that may be shown depends on
/// its siblings, so they must be there.
fn path(tree: &IdedExpr) -> Option<Vec<String>> {
    let (operand, key) = match &tree.expr {
        Expr::Ident(name) if name == "object" => return Some(Vec::new()),
        Expr::Select(select) if !select.test => (&*select.operand, select.field.as_str()),
        Expr::Call(call) if call.func_name == operators::INDEX => {
            let [operand, key] = call.args.as_slice() else { return None };
            (operand, literal(key)?)
        }
        _ => return None,
    };
    let mut path = path(operand)?;
    path.push(key.to_owned());
    (key != "value").then_some(path)
}

/// The dotted name that selections spell.
pub(super) fn qualified(operand: &IdedExpr, field: &str) -> Option<String> {
    match &operand.expr {
        Expr::Ident(name) => Some(format!("{name}.{field}")),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{field}", qualified(&select.operand, &select.field)?))
        }
        _ => None,
    }
}

fn literal(tree: &IdedExpr) -> Option<&str> {
    match &tree.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// How many nodes a loop's body has, those of loops in it included.
pub(super) fn nodes(tree: &IdedExpr) -> u64 {
    let mut sum = 1;
    each_part(tree, |part| sum += nodes(part));
    sum
}

/// How deep the nodes are nested.
pub(super) fn depth(tree: &IdedExpr) -> usize {
    let mut deepest = 0;
    each_part(tree, |part| deepest = deepest.max(depth(part)));
    deepest + 1
}

fn each_part(tree: &IdedExpr, mut visit: impl FnMut(&IdedExpr)) {
    match &tree.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) => {}
        Expr::Call(call) => {
            call.target.as_deref().into_iter().for_each(&mut visit);
            call.args.iter().for_each(visit);
        }
        Expr::Select(select) => visit(&select.operand),
        Expr::List(list) => list.elements.iter().for_each(visit),
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    visit(&entry.key);
                    visit(&entry.value);
                }
            }
        }
        Expr::Comprehension(inner) => {
            let parts =
                [&inner.iter_range, &inner.accu_init, &inner.loop_cond, &inner.loop_step, &inner.result];
            parts.into_iter().for_each(visit);
        }
    }
}

pub(super) fn ident(name: &str) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Ident(name.to_owned()) }
}

pub(super) fn int(value: u64) -> IdedExpr {
    let value = CelInt::from(i64::try_from(value).unwrap_or(i64::MAX));
    IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Int(value)) }
}

pub(super) fn call(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }) }
}

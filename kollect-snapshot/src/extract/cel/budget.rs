//! Bounds the work of comprehensions: each round of each loop takes one from a budget. It does not measure
//! time.

use std::cell::Cell;

use cel::common::ast::{CallExpr, EntryExpr, Expr, operators};
use cel::common::types::CelBool;
use cel::common::value::CowVal;
use cel::{DeclarationError, Env, ExecutionError, IdedExpr};

/// Name of the function that counts; no source can spell it.
pub(super) const TICK: &str = "@tick";

/// Rounds of all loops of one evaluation.
const ROUNDS: u64 = 100_000;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// Declares the counting function.
pub(super) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_overload(TICK, "tick", Vec::new(), tick)
}

/// Starts an evaluation.
pub(super) fn refill() {
    LEFT.with(|left| left.set(ROUNDS));
}

fn tick<'b, 'v>(_: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    LEFT.with(|left| match left.get().checked_sub(1) {
        Some(rest) => {
            left.set(rest);
            Ok(CowVal::Owned(Box::new(CelBool::from(true))))
        }
        None => Err(ExecutionError::function_error(TICK, "budget exhausted")),
    })
}

/// Makes every loop count.
pub(super) fn bound(tree: &mut IdedExpr) {
    match &mut tree.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        Expr::Call(call) => {
            call.target.iter_mut().for_each(|target| bound(target));
            call.args.iter_mut().for_each(bound);
        }
        Expr::Comprehension(comprehension) => {
            bound(&mut comprehension.iter_range);
            bound(&mut comprehension.accu_init);
            bound(&mut comprehension.loop_step);
            bound(&mut comprehension.result);
            let condition = std::mem::take(&mut comprehension.loop_cond);
            let count = call(TICK, Vec::new());
            comprehension.loop_cond = call(operators::LOGICAL_AND, vec![count, condition]);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(bound),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| bound_entry(&mut entry.expr)),
        Expr::Struct(fields) => fields.entries.iter_mut().for_each(|entry| bound_entry(&mut entry.expr)),
        Expr::Select(select) => bound(&mut select.operand),
    }
}

fn bound_entry(entry: &mut EntryExpr) {
    match entry {
        EntryExpr::StructField(field) => bound(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            bound(&mut entry.key);
            bound(&mut entry.value);
        }
    }
}

fn call(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }) }
}

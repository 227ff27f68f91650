//! Rewrites a parsed expression into the one that runs: what it reads of the object becomes numbered slots,
//! what can grow pays for it, and what is not known is refused. It evaluates nothing.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};

use super::library::{self, Pattern};
use super::syntax::{Slot, call, ident, int, nodes, qualified, slot};
use super::{budget, constants, functions};

/// The variable that holds the meter, and the prefixes of those that hold slots and patterns.
pub(super) const METER: &str = "@meter";
pub(super) const SLOT: &str = "@slot";
pub(super) const PATTERN: &str = "@pattern";

pub(super) const TOO_DEEP: &str = "the expression is nested too deeply";

/// The deepest nesting of an expression.
const DEPTH: usize = 128;

/// Names of types.
const TYPES: [&str; 12] = [
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
];

/// Functions that look at their arguments once, in no time that matters outside of loops.
const CHEAP: [&str; 14] = [
    "size",
    "type",
    "int",
    "uint",
    "double",
    "bool",
    "dyn",
    "contains",
    "startsWith",
    "endsWith",
    "hasValue",
    "value",
    "orValue",
    "or",
];

/// What lowering has gathered.
#[derive(Debug, Default)]
pub(super) struct Lowering {
    pub(super) slots: Vec<Slot>,
    pub(super) patterns: Vec<Pattern>,
    bound: Vec<String>,
    loops: usize,
}

impl Lowering {
    /// Rewrites `tree` in place.
    ///
    /// # Errors
    /// The first thing in it that is not known.
    pub(super) fn lower(&mut self, tree: &mut IdedExpr, depth: usize) -> Result<(), String> {
        if depth > DEPTH {
            return Err(TOO_DEEP.to_owned());
        }
        if let Some(slot) = slot(tree) {
            tree.expr = self.slot(slot);
            return Ok(());
        }
        match &mut tree.expr {
            Expr::Unspecified => Err("the expression is incomplete".to_owned()),
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.identifier(name),
            Expr::Select(select) => {
                if qualified(&select.operand, &select.field)
                    .is_some_and(|name| TYPES.contains(&name.as_str()))
                {
                    return Ok(());
                }
                self.lower(&mut select.operand, depth + 1)
            }
            Expr::Call(call) => {
                let lowered = self.call(call, depth)?;
                if let Some(lowered) = lowered {
                    tree.expr = lowered;
                }
                Ok(())
            }
            Expr::List(list) => {
                for element in &mut list.elements {
                    self.lower(element, depth + 1)?;
                    self.pay_in_loop(element, 1);
                }
                Ok(())
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    let EntryExpr::MapEntry(entry) = &mut entry.expr else { continue };
                    self.lower(&mut entry.key, depth + 1)?;
                    self.lower(&mut entry.value, depth + 1)?;
                    self.pay_in_loop(&mut entry.key, 1);
                    self.pay_in_loop(&mut entry.value, 1);
                }
                Ok(())
            }
            Expr::Struct(made) => Err(format!("messages such as {}{{}} are not supported", made.type_name)),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, depth),
        }
    }

    fn slot(&mut self, slot: Slot) -> Expr {
        let index = self.slots.iter().position(|known| *known == slot).unwrap_or_else(|| {
            self.slots.push(slot);
            self.slots.len() - 1
        });
        Expr::Ident(format!("{SLOT}{index}"))
    }

    fn identifier(&self, name: &str) -> Result<(), String> {
        if name.starts_with('@') || self.bound.iter().any(|bound| bound == name) || TYPES.contains(&name) {
            Ok(())
        } else {
            Err(format!("`{name}` is not declared; the object is `object`"))
        }
    }

    fn comprehension(&mut self, loops: &mut ComprehensionExpr, depth: usize) -> Result<(), String> {
        self.lower(&mut loops.iter_range, depth + 1)?;
        self.lower(&mut loops.accu_init, depth + 1)?;
        self.pay_in_loop(&mut loops.accu_init, 1);
        let before = self.bound.len();
        let names = [Some(&loops.iter_var), loops.iter_var2.as_ref(), Some(&loops.accu_var)];
        for name in names.into_iter().flatten() {
            if name == "object" {
                return Err("`object` is the object; give the variable another name".to_owned());
            }
            self.bound.push(name.clone());
        }
        self.loops += 1;
        self.lower(&mut loops.loop_cond, depth + 1)?;
        self.lower(&mut loops.loop_step, depth + 1)?;
        self.lower(&mut loops.result, depth + 1)?;
        self.loops -= 1;
        self.bound.truncate(before);
        let body = int(nodes(&loops.loop_step));
        let range = std::mem::take(&mut loops.iter_range);
        loops.iter_range = call(budget::EACH, vec![ident(METER), body, range]);
        Ok(())
    }

    /// Rewrites a call; answers what stands in its place, if something else does.
    fn call(&mut self, call: &mut CallExpr, depth: usize) -> Result<Option<Expr>, String> {
        let name = call.func_name.clone();
        let namespace = match call.target.as_ref().map(|target| &target.expr) {
            Some(Expr::Ident(target)) if functions::is_namespace(target) && !self.bound.contains(target) => {
                Some(target.clone())
            }
            _ => None,
        };
        let own = library::metered(namespace.as_deref(), &name);
        if own.is_none() && (name.contains('@') || is_operator(&name)) {
            return self.operator(call, &name, depth);
        }
        if !name.contains('@') {
            functions::known(namespace.as_deref(), &name, call.target.is_some())?;
            constants::check(call)?;
        }
        if namespace.is_some() && own.is_some() {
            call.target = None;
        } else if namespace.is_none()
            && let Some(target) = &mut call.target
        {
            self.lower(target, depth + 1)?;
        }
        if library::takes_pattern(&name)
            && let Some(argument) = call.args.get_mut(usize::from(call.target.is_none()))
            && let Expr::Literal(LiteralValue::String(source)) = &argument.expr
        {
            self.patterns.push(Pattern::compile(source.inner())?);
            *argument = ident(&format!("{PATTERN}{}", self.patterns.len() - 1));
        }
        for argument in &mut call.args {
            self.lower(argument, depth + 1)?;
        }
        if name.starts_with("get")
            && call.args.is_empty()
            && let Some(target) = &mut call.target
        {
            wrap(target, |value| self::call(library::UTC, vec![value]));
        }
        let Some(own) = own else {
            self.charge(call, &name, namespace.is_some());
            return Ok(None);
        };
        let mut args = vec![ident(METER)];
        args.extend(call.target.take().map(|target| *target));
        args.append(&mut call.args);
        Ok(Some(Expr::Call(CallExpr { func_name: own.to_owned(), target: None, args })))
    }

    /// Lets the arguments of a function of the library pay for what it does with them.
    fn charge(&self, call: &mut CallExpr, name: &str, qualified: bool) {
        if name == "range" {
            for argument in &mut call.args {
                wrap(argument, |value| self::call(budget::PAY_COUNT, vec![ident(METER), value]));
            }
            return;
        }
        // A unit is 64 bytes: this makes or compares something for each byte.
        let by_byte = name == "split";
        let copies = match name {
            "sort" | "@sortByAssociatedKeys" => 20,
            _ if by_byte => 64,
            _ => 1,
        };
        if let Some(target) = call.target.as_deref_mut()
            && !qualified
        {
            match name {
                "distinct" => wrap(target, |value| self::call(budget::PAY_SQUARE, vec![ident(METER), value])),
                _ if CHEAP.contains(&name) => self.pay_in_loop(target, copies),
                _ => pay(target, copies),
            }
        }
        for argument in &mut call.args {
            if by_byte {
                wrap(argument, |value| self::call(budget::SHORT, vec![value]));
            } else if CHEAP.contains(&name) {
                self.pay_in_loop(argument, 1);
            } else {
                pay(argument, 1);
            }
        }
    }

    fn operator(&mut self, call: &mut CallExpr, name: &str, depth: usize) -> Result<Option<Expr>, String> {
        if let Some(target) = &mut call.target {
            self.lower(target, depth + 1)?;
        }
        for argument in &mut call.args {
            self.lower(argument, depth + 1)?;
        }
        match name {
            // What a macro gathers; the library does that in place.
            operators::ADD if matches!(call.args.first(), Some(IdedExpr { expr: Expr::Ident(name), .. }) if name.starts_with("@result")) => {
                Ok(None)
            }
            operators::ADD => {
                let mut args = vec![ident(METER)];
                args.append(&mut call.args);
                Ok(Some(Expr::Call(CallExpr { func_name: budget::ADD.to_owned(), target: None, args })))
            }
            operators::IN
            | operators::EQUALS
            | operators::NOT_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS => {
                if !call.args.iter().any(is_literal) {
                    call.args.iter_mut().for_each(|argument| self.pay_in_loop(argument, 1));
                } else if name == operators::IN {
                    call.args.iter_mut().skip(1).for_each(|list| self.pay_in_loop(list, 1));
                }
                Ok(None)
            }
            _ if call.target.is_some() => {
                self.charge(call, name, false);
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn pay_in_loop(&self, value: &mut IdedExpr, copies: u64) {
        if self.loops > 0 {
            pay(value, copies);
        }
    }
}

fn pay(value: &mut IdedExpr, copies: u64) {
    if !is_literal(value) {
        wrap(value, |value| call(budget::PAY, vec![ident(METER), int(copies), value]));
    }
}

fn wrap(value: &mut IdedExpr, with: impl FnOnce(IdedExpr) -> IdedExpr) {
    let inner = std::mem::take(value);
    *value = with(inner);
}

fn is_literal(tree: &IdedExpr) -> bool {
    matches!(tree.expr, Expr::Literal(_))
}

/// Operators are spelled with underscores for their operands.
fn is_operator(name: &str) -> bool {
    name.contains('_') && !name.starts_with(char::is_alphabetic)
}

//! Macros that the library lacks: comprehensions over two variables, and cel.bind. It evaluates nothing.
//!
//! The library's loops have one variable. A loop over two goes over pairs of key and value, and binds both names
//! where they are used.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, ListExpr, LiteralValue, MapEntryExpr,
    MapExpr, operators,
};
use cel::common::types::CelInt;
use cel::parser::{Macro, MacroExprHelper, ParseError};
use cel::{DeclarationError, Env, IdedExpr};

use super::library::{MERGE, PAIRS};

/// The variable of a loop over pairs, and the one that gathers. No source can spell them; the library appends in
/// place to one of the second name.
const PAIR: &str = "@pair";
const RESULT: &str = "@result";

type Expanded = Result<Option<IdedExpr>, ParseError>;

/// Adds the macros.
pub(super) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    let fold = |name: &'static str, make: fn(&mut Maker<'_, '_>, IdedExpr) -> Fold| {
        Macro::receiver(name, 3, move |helper, target, args| expand(helper, target, args, make))
    };
    env.add_macro(fold("all", all))?;
    env.add_macro(fold("exists", exists))?;
    env.add_macro(fold("existsOne", exists_one))?;
    env.add_macro(fold("exists_one", exists_one))?;
    env.add_macro(fold("transformList", list))?;
    env.add_macro(fold("transformMap", map))?;
    env.add_macro(fold("transformMapEntry", entries))?;
    let filtered = |name: &'static str, make: fn(&mut Maker<'_, '_>, IdedExpr) -> Fold| {
        Macro::receiver(name, 4, move |helper, target, args| expand(helper, target, args, make))
    };
    env.add_macro(filtered("transformList", list))?;
    env.add_macro(filtered("transformMap", map))?;
    env.add_macro(filtered("transformMapEntry", entries))?;
    env.add_macro(Macro::receiver("bind", 3, bind))
}

/// How a loop gathers.
struct Fold {
    init: Expr,
    condition: Expr,
    step: IdedExpr,
    result: IdedExpr,
    /// What becomes of the loop's result.
    after: Option<&'static str>,
}

/// Makes parts of expressions for a loop over the two names.
struct Maker<'h, 'p> {
    helper: &'h mut MacroExprHelper<'p>,
    names: [String; 2],
    filter: Option<IdedExpr>,
}

fn expand(
    helper: &mut MacroExprHelper<'_>,
    target: &mut Option<IdedExpr>,
    args: &mut Vec<IdedExpr>,
    make: fn(&mut Maker<'_, '_>, IdedExpr) -> Fold,
) -> Expanded {
    let mut names = Vec::with_capacity(2);
    for name in args.iter().take(2) {
        match &name.expr {
            Expr::Ident(name) if !names.contains(name) => names.push(name.clone()),
            Expr::Ident(_) => return Err(helper.new_error(name.id, "the two variables need two names")),
            _ => return Err(helper.new_error(name.id, "argument must be a simple name")),
        }
    }
    let (Some(body), Some(second), Some(first)) = (args.pop(), names.pop(), names.pop()) else {
        return Ok(None);
    };
    let filter = if args.len() > 2 { args.pop() } else { None };
    let Some(range) = target.take() else { return Ok(None) };
    let mut maker = Maker { helper, names: [first, second], filter };
    let fold = make(&mut maker, body);
    let range = maker.call(PAIRS, vec![range]);
    let (accu_init, loop_cond) = (maker.node(fold.init), maker.node(fold.condition));
    let made = maker.node(Expr::Comprehension(Box::new(ComprehensionExpr {
        iter_range: range,
        iter_var: PAIR.to_owned(),
        iter_var2: None,
        accu_var: RESULT.to_owned(),
        accu_init,
        loop_cond,
        loop_step: fold.step,
        result: fold.result,
    })));
    Ok(Some(match fold.after {
        Some(function) => maker.call(function, vec![made]),
        None => made,
    }))
}

fn truth(value: bool) -> Expr {
    Expr::Literal(LiteralValue::Boolean(value.into()))
}

fn all(maker: &mut Maker<'_, '_>, body: IdedExpr) -> Fold {
    let (accu, body) = (maker.gathered(), maker.bound(body));
    let step = maker.call(operators::LOGICAL_AND, vec![accu, body]);
    let accu = maker.gathered();
    let condition = maker.call(operators::NOT_STRICTLY_FALSE, vec![accu]).expr;
    Fold { init: truth(true), condition, step, result: maker.gathered(), after: None }
}

fn exists(maker: &mut Maker<'_, '_>, body: IdedExpr) -> Fold {
    let (accu, body) = (maker.gathered(), maker.bound(body));
    let step = maker.call(operators::LOGICAL_OR, vec![accu, body]);
    let accu = maker.gathered();
    let not = maker.call(operators::LOGICAL_NOT, vec![accu]);
    let condition = maker.call(operators::NOT_STRICTLY_FALSE, vec![not]).expr;
    Fold { init: truth(false), condition, step, result: maker.gathered(), after: None }
}

fn exists_one(maker: &mut Maker<'_, '_>, body: IdedExpr) -> Fold {
    let one = |maker: &mut Maker<'_, '_>| maker.node(Expr::Literal(LiteralValue::Int(CelInt::from(1))));
    let (accu, more) = (maker.gathered(), one(maker));
    let counted = maker.call(operators::ADD, vec![accu, more]);
    let (body, accu) = (maker.bound(body), maker.gathered());
    let step = maker.call(operators::CONDITIONAL, vec![body, counted, accu]);
    let (accu, one) = (maker.gathered(), one(maker));
    let result = maker.call(operators::EQUALS, vec![accu, one]);
    Fold {
        init: Expr::Literal(LiteralValue::Int(CelInt::from(0))),
        condition: truth(true),
        step,
        result,
        after: None,
    }
}

fn list(maker: &mut Maker<'_, '_>, body: IdedExpr) -> Fold {
    let item = maker.bound(body);
    maker.appended(item)
}

/// The entries are gathered in a list, which the library does in place, and become one map at the end.
fn entries(maker: &mut Maker<'_, '_>, body: IdedExpr) -> Fold {
    Fold { after: Some(MERGE), ..list(maker, body) }
}

fn map(maker: &mut Maker<'_, '_>, body: IdedExpr) -> Fold {
    let value = maker.bound(body);
    let key = maker.part(0);
    let entry = EntryExpr::MapEntry(MapEntryExpr { key, value, optional: false });
    let entry = IdedEntryExpr { id: maker.node(Expr::Unspecified).id, expr: entry };
    let made = maker.node(Expr::Map(MapExpr { entries: vec![entry] }));
    Fold { after: Some(MERGE), ..maker.appended(made) }
}

impl Maker<'_, '_> {
    fn node(&mut self, expr: Expr) -> IdedExpr {
        self.helper.next_expr(expr)
    }

    fn call(&mut self, name: &str, args: Vec<IdedExpr>) -> IdedExpr {
        self.node(Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }))
    }

    fn gathered(&mut self) -> IdedExpr {
        self.node(Expr::Ident(RESULT.to_owned()))
    }

    /// The key or the value of the pair.
    fn part(&mut self, index: i64) -> IdedExpr {
        let pair = self.node(Expr::Ident(PAIR.to_owned()));
        let index = self.node(Expr::Literal(LiteralValue::Int(CelInt::from(index))));
        self.call(operators::INDEX, vec![pair, index])
    }

    /// The expression where both names have their values.
    fn bound(&mut self, body: IdedExpr) -> IdedExpr {
        let [first, second] = self.names.clone();
        let value = self.part(1);
        let inner = bound(self.helper, second, value, body);
        let key = self.part(0);
        bound(self.helper, first, key, inner)
    }

    fn appended(&mut self, item: IdedExpr) -> Fold {
        let accu = self.gathered();
        let item = self.node(Expr::List(ListExpr::new(vec![item])));
        let mut step = self.call(operators::ADD, vec![accu, item]);
        if let Some(filter) = self.filter.take() {
            let (filter, accu) = (self.bound(filter), self.gathered());
            step = self.call(operators::CONDITIONAL, vec![filter, step, accu]);
        }
        let result = self.gathered();
        Fold {
            init: Expr::List(ListExpr::new(Vec::new())),
            condition: truth(true),
            step,
            result,
            after: None,
        }
    }
}

/// A loop over nothing, whose gathered value is the name's.
fn bound(helper: &mut MacroExprHelper<'_>, name: String, value: IdedExpr, body: IdedExpr) -> IdedExpr {
    let iter_range = helper.next_expr(Expr::List(ListExpr::new(Vec::new())));
    let loop_cond = helper.next_expr(truth(false));
    let loop_step = helper.next_expr(Expr::Ident(name.clone()));
    helper.next_expr(Expr::Comprehension(Box::new(ComprehensionExpr {
        iter_range,
        iter_var: "@unused".to_owned(),
        iter_var2: None,
        accu_var: name,
        accu_init: value,
        loop_cond,
        loop_step,
        result: body,
    })))
}

/// `cel.bind(name, value, body)`.
fn bind(
    helper: &mut MacroExprHelper<'_>,
    target: &mut Option<IdedExpr>,
    args: &mut Vec<IdedExpr>,
) -> Expanded {
    if !matches!(target.as_ref().map(|target| &target.expr), Some(Expr::Ident(name)) if name == "cel") {
        return Ok(None);
    }
    let name = match args.first() {
        Some(IdedExpr { expr: Expr::Ident(name), .. }) => name.clone(),
        Some(other) => return Err(helper.new_error(other.id, "argument must be a simple name")),
        None => return Ok(None),
    };
    match (args.pop(), args.pop()) {
        (Some(body), Some(value)) => Ok(Some(bound(helper, name, value, body))),
        _ => Ok(None),
    }
}

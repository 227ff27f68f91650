//! What steps lead to. Cost is bounded by the size of the value for each step.

use serde_json::Value;

use super::{Comparison, Condition, Operand, Selector, Step};

pub(super) fn select<'v>(steps: &[Step], value: &'v Value) -> Vec<&'v Value> {
    let mut current = vec![value];
    for step in steps {
        let mut next = Vec::new();
        for value in current {
            match step {
                Step::Pick(selectors) => pick(selectors, value, &mut next),
                Step::Below(selectors) => below(selectors, value, &mut next),
            }
        }
        current = next;
    }
    current
}

fn pick<'v>(selectors: &[Selector], value: &'v Value, out: &mut Vec<&'v Value>) {
    for selector in selectors {
        match (selector, value) {
            (Selector::Name(name), Value::Object(fields)) => out.extend(fields.get(name)),
            (Selector::Index(index), Value::Array(items)) => {
                out.extend(place(*index, items.len()).and_then(|index| items.get(index)));
            }
            (Selector::Slice(start, end, step), Value::Array(items)) => {
                slice(*start, *end, *step, items, out);
            }
            (Selector::All, value) => out.extend(children(value)),
            (Selector::Where(condition), value) => {
                out.extend(children(value).filter(|child| holds(condition, child)));
            }
            _ => {}
        }
    }
}

fn below<'v>(selectors: &[Selector], value: &'v Value, out: &mut Vec<&'v Value>) {
    // Depth is bounded by the JSON parser's own limit.
    pick(selectors, value, out);
    for child in children(value) {
        below(selectors, child, out);
    }
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => Box::new(std::iter::empty()),
    }
}

fn place(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + length } else { index }).ok()
}

/// RFC 9535, section 2.3.4.2.2; kubectl's slices are those with a positive step.
fn slice<'v>(start: Option<i64>, end: Option<i64>, step: i64, items: &'v [Value], out: &mut Vec<&'v Value>) {
    let Ok(length) = i64::try_from(items.len()) else { return };
    if step == 0 {
        return;
    }
    let normal = |index: i64| if index < 0 { index.saturating_add(length) } else { index };
    let (lower, upper) = if step > 0 {
        let start = normal(start.unwrap_or(0)).clamp(0, length);
        (start, normal(end.unwrap_or(length)).clamp(0, length))
    } else {
        let start = normal(start.unwrap_or(length - 1)).clamp(-1, length - 1);
        let end = end.map_or(-1, |end| normal(end).clamp(-1, length - 1));
        (start, end)
    };
    let mut at = lower;
    while (step > 0 && at < upper) || (step < 0 && at > upper) {
        out.extend(usize::try_from(at).ok().and_then(|at| items.get(at)));
        let Some(next) = at.checked_add(step) else { return };
        at = next;
    }
}

fn holds(condition: &Condition, child: &Value) -> bool {
    match condition {
        Condition::Or(parts) => parts.iter().any(|part| holds(part, child)),
        Condition::And(parts) => parts.iter().all(|part| holds(part, child)),
        Condition::Not(inner) => !holds(inner, child),
        Condition::Exists(Operand::Current(steps)) => !select(steps, child).is_empty(),
        Condition::Exists(Operand::Literal(_)) => true,
        Condition::Compare(left, how, right) => compare(*how, single(left, child), single(right, child)),
    }
}

/// The one value of an operand; none where a path leads nowhere or to several.
fn single<'v>(operand: &'v Operand, child: &'v Value) -> Option<&'v Value> {
    match operand {
        Operand::Literal(value) => Some(value),
        Operand::Current(steps) => match select(steps, child).as_slice() {
            [one] => Some(one),
            _ => None,
        },
    }
}

/// RFC 9535, section 2.3.5.2.2: nothing equals nothing, and order exists among numbers and among strings.
fn compare(how: Comparison, left: Option<&Value>, right: Option<&Value>) -> bool {
    let equal = || match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => {
            left == right || left.as_f64() == right.as_f64()
        }
        (left, right) => left == right,
    };
    let less = |left: Option<&Value>, right: Option<&Value>| match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => left.as_f64() < right.as_f64(),
        (Some(Value::String(left)), Some(Value::String(right))) => left < right,
        _ => false,
    };
    match how {
        Comparison::Equal => equal(),
        Comparison::NotEqual => !equal(),
        Comparison::Less => less(left, right),
        Comparison::LessOrEqual => less(left, right) || equal(),
        Comparison::Greater => less(right, left),
        Comparison::GreaterOrEqual => less(right, left) || equal(),
    }
}

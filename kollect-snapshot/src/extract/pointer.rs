//! JSON pointers (RFC 6901) as steps of a path. It does not follow them.

use super::jsonpath::{Selector, Step};

/// Segments of one pointer at most.
const SEGMENTS: usize = 128;

/// The steps of a pointer. A segment of digits names a member of a map, and an element of a list.
///
/// # Errors
/// It is no pointer, or means the object itself.
pub(super) fn parse(pointer: &str) -> Result<Vec<Step>, String> {
    if pointer.is_empty() {
        return Err("the empty pointer means the whole object".to_owned());
    }
    let Some(segments) = pointer.strip_prefix('/') else {
        return Err("a JSON pointer begins with `/`, as in /metadata/annotations".to_owned());
    };
    let steps: Vec<Step> = segments.split('/').map(step).collect::<Result<_, _>>()?;
    if steps.len() > SEGMENTS {
        return Err(format!("a JSON pointer has at most {SEGMENTS} segments"));
    }
    Ok(steps)
}

fn step(segment: &str) -> Result<Step, String> {
    let mut name = String::with_capacity(segment.len());
    let mut chars = segment.chars();
    while let Some(c) = chars.next() {
        name.push(match c {
            '~' => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err("in a JSON pointer `~` is written ~0, and `/` in a name ~1".to_owned()),
            },
            other => other,
        });
    }
    let index = index(&name);
    Ok(Step::Pick([Selector::Name(name)].into_iter().chain(index).collect()))
}

/// Section 4: digits without a leading zero.
fn index(name: &str) -> Option<Selector> {
    let digits = name == "0" || !name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit());
    if digits { name.parse().ok().map(Selector::Index) } else { None }
}

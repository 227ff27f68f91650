//! Names by pattern, and names by likeness. It knows no names.

/// Whether `name` matches a pattern in which `*` stands for any text and `?` for any character.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let mut reached = vec![false; pattern.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    skip_stars(&pattern, &mut reached);
    for c in name.chars() {
        let mut next = vec![false; reached.len()];
        for (at, wanted) in pattern.iter().enumerate() {
            if !reached.get(at).copied().unwrap_or_default() {
                continue;
            }
            let to = if *wanted == '*' { at } else { at + 1 };
            if *wanted == '*' || *wanted == '?' || *wanted == c {
                next.get_mut(to).into_iter().for_each(|state| *state = true);
            }
        }
        skip_stars(&pattern, &mut next);
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

/// A star may stand for nothing.
fn skip_stars(pattern: &[char], reached: &mut [bool]) {
    let mut before = false;
    for (at, state) in reached.iter_mut().enumerate() {
        let star = at.checked_sub(1).and_then(|last| pattern.get(last)) == Some(&'*');
        *state |= before && star;
        before = *state;
    }
}

/// The name nearest to `wanted`, if one is near enough to have been meant.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let near = |name: &'a str| {
        let contains = wanted.len() > 2 && (name.contains(&wanted) || wanted.contains(name));
        let distance = distance(&wanted, name);
        (contains || distance <= 2.max(wanted.chars().count() / 3)).then_some((distance, name))
    };
    names.into_iter().filter_map(near).min().map(|(_, name)| name)
}

/// How many characters must be inserted, removed or replaced to make one text the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut costs: Vec<usize> = (0..=right.len()).collect();
    for (row, l) in left.chars().enumerate() {
        let mut diagonal = row;
        let mut last = row + 1;
        let mut next = vec![last];
        for (r, above) in right.iter().zip(costs.iter().skip(1)) {
            last = (diagonal + usize::from(l != *r)).min(last + 1).min(above + 1);
            diagonal = *above;
            next.push(last);
        }
        costs = next;
    }
    costs.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match() {
        for (pattern, name, expected) in [
            ("prod", "prod", true),
            ("prod", "prod-eu", false),
            ("prod-*", "prod-eu", true),
            ("*-eu", "prod-eu", true),
            ("*", "", true),
            ("**", "x", true),
            ("?", "", false),
            ("p?od*", "prod", true),
            ("*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        let names = ["deployments", "ingresses", "jobs", "cronjobs", "pods"];
        for (wanted, expected) in [
            ("deployment", Some("deployments")),
            ("deplyoments", Some("deployments")),
            ("Ingress", Some("ingresses")),
            ("job", Some("jobs")),
            ("pdos", Some("pods")),
            ("virtualmachines", None),
        ] {
            assert_eq!(nearest(wanted, names), expected, "{wanted}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}

//! Benchmarks: each figure with its unit, and where there is one a raw floor taken in the same run. They assert
//! nothing.

pub mod extract;
pub mod floor;
pub mod goals;
pub mod operator;
pub mod report;
pub mod sink;
pub mod store;

use anyhow::Result;

use report::Report;

/// What measures the figures of a group that a report wants.
type Run = fn(&mut Report) -> Result<()>;

/// Names of all benchmarks and what runs each group.
const GROUPS: [(&[&str], Run); 5] = [
    (&["extract/jsonpath", "extract/cel", "extract/three", "extract/resource", "extract/helm"], extract::run),
    (
        &[
            "store/overhead/1k",
            "store/overhead/10k",
            "store/overhead/100k",
            "store/overhead/1m",
            "store/change/1k",
            "store/change/10k",
            "store/change/100k",
            "store/change/1m",
            "store/change-plain/1k",
            "store/change-plain/10k",
            "store/change-plain/100k",
            "store/change-plain/1m",
        ],
        store::run,
    ),
    (&["sink/postgres/full-100k", "sink/postgres/delta-100", "sink/postgres/unchanged"], sink::run),
    (
        &[
            "operator/first-sync/10k",
            "operator/first-sync-cpu/10k",
            "operator/peak-rss/10k",
            "operator/steady-rss/10k",
            "operator/list-decode/10k",
            "operator/heartbeat-cpu/10k",
            "operator/restart-rows/10k",
            "operator/change-to-row-p50/10k",
            "operator/change-to-row-p99/10k",
            "operator/churn-cpu/10k",
            "operator/churn-rows/10k",
            "operator/idle-cpu/10k",
        ],
        operator::ten_thousand,
    ),
    (
        &[
            "operator/first-sync/100k",
            "operator/first-sync-cpu/100k",
            "operator/peak-rss/100k",
            "operator/steady-rss/100k",
            "operator/list-decode/100k",
            "operator/heartbeat-cpu/100k",
            "operator/restart-rows/100k",
            "operator/change-to-row-p50/100k",
            "operator/change-to-row-p99/100k",
            "operator/churn-cpu/100k",
            "operator/churn-rows/100k",
            "operator/idle-cpu/100k",
        ],
        operator::hundred_thousand,
    ),
];

/// Runs every benchmark that a pattern names: a whole name, a part of one, or `*` for anything. All without a pattern.
///
/// # Errors
/// A pattern that names nothing, and what a benchmark needs and does not find.
pub fn run(patterns: &[String], report: &mut Report) -> Result<()> {
    let names = || GROUPS.iter().flat_map(|(names, _)| names.iter().copied());
    for pattern in patterns {
        if !names().any(|name| matches(pattern, name)) {
            let known: Vec<&str> = names().collect();
            anyhow::bail!("`{pattern}` names no benchmark; there are {}", known.join(", "));
        }
    }
    let wanted = |name: &str| patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, name));
    for (names, run) in GROUPS {
        report.select(names.iter().copied().filter(|name| wanted(name)));
        if report.wants_any() {
            run(report)?;
        }
    }
    Ok(())
}

/// Whether `pattern` names `name`: its parts between `*` follow one another in it.
fn matches(pattern: &str, name: &str) -> bool {
    let mut rest = name;
    let anchored = pattern.contains('*');
    for (index, part) in pattern.split('*').enumerate() {
        let Some(at) = rest.find(part) else { return false };
        if index == 0 && anchored && at != 0 {
            return false;
        }
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    !anchored || pattern.ends_with('*') || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_pattern_is_a_part_of_a_name_or_has_stars() {
        for pattern in ["extract", "extract/three", "three", "extract/*", "*/three", "*"] {
            assert!(matches(pattern, "extract/three"), "{pattern}");
        }
        for pattern in ["store", "three/*", "*/cel", "extract/*/10k"] {
            assert!(!matches(pattern, "extract/three"), "{pattern}");
        }
        assert!(matches("operator/*/10k", "operator/first-sync/10k"));
    }
}

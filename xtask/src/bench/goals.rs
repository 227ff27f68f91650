//! What the figures should be. A goal that is missed fails nothing: it is looked into.

use std::fmt;

/// At most this value, and at most this ratio to the floor of the same run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    value: Option<f64>,
    ratio: Option<f64>,
}

const fn value(at_most: f64) -> Goal {
    Goal { value: Some(at_most), ratio: None }
}

const fn ratio(at_most: f64) -> Goal {
    Goal { value: None, ratio: Some(at_most) }
}

const fn both(value: f64, ratio: f64) -> Goal {
    Goal { value: Some(value), ratio: Some(ratio) }
}

/// For two cores. Figures that are not here have no goal yet.
const GOALS: [(&str, Goal); 25] = [
    ("extract/three", both(5.0, 0.1)),
    ("store/overhead/1m", value(300.0)),
    ("store/change/10k", ratio(1.5)),
    ("store/change/100k", ratio(1.5)),
    ("store/change/1m", ratio(1.5)),
    ("sink/postgres/full-100k", ratio(1.5)),
    ("sink/postgres/delta-100", ratio(1.3)),
    ("operator/first-sync/10k", ratio(3.0)),
    ("operator/first-sync-cpu/10k", value(1.2)),
    ("operator/peak-rss/10k", value(40.0)),
    ("operator/list-decode/10k", ratio(2.0)),
    ("operator/heartbeat-cpu/10k", value(3.0)),
    ("operator/restart-rows/10k", value(0.0)),
    ("operator/churn-cpu/10k", value(2.5)),
    ("operator/churn-rows/10k", ratio(1.0)),
    ("operator/change-to-row-p50/10k", value(30.0)),
    ("operator/change-to-row-p99/10k", value(100.0)),
    ("operator/idle-cpu/10k", value(0.2)),
    ("operator/first-sync/100k", ratio(3.0)),
    ("operator/first-sync-cpu/100k", value(11.0)),
    ("operator/peak-rss/100k", both(120.0, 1.5)),
    ("operator/list-decode/100k", ratio(2.0)),
    ("operator/heartbeat-cpu/100k", value(3.0)),
    ("operator/restart-rows/100k", value(0.0)),
    ("operator/churn-rows/100k", ratio(1.0)),
];

/// The goal of a figure.
#[must_use]
pub fn of(name: &str) -> Option<Goal> {
    GOALS.iter().find(|(of, _)| *of == name).map(|(_, goal)| *goal)
}

impl Goal {
    /// Whether a figure meets it. One that lacks what the goal is about does not.
    #[must_use]
    pub fn met(&self, value: f64, ratio: Option<f64>) -> bool {
        self.value.is_none_or(|most| value <= most)
            && self.ratio.is_none_or(|most| ratio.is_some_and(|ratio| ratio <= most))
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.value, self.ratio) {
            (Some(value), Some(ratio)) => write!(f, "{value}, {ratio}x"),
            (Some(value), None) => write!(f, "{value}"),
            (None, Some(ratio)) => write!(f, "{ratio}x"),
            (None, None) => write!(f, "any"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_when_all_that_it_states_is() {
        let cases = [
            (value(5.0), 5.0, None, true),
            (value(5.0), 5.1, Some(0.1), false),
            (ratio(1.5), 99.0, Some(1.5), true),
            (ratio(1.5), 1.0, None, false),
            (both(5.0, 0.1), 4.0, Some(0.2), false),
        ];
        for (goal, value, ratio, met) in cases {
            assert_eq!(goal.met(value, ratio), met, "{goal}: {value} {ratio:?}");
        }
    }
}

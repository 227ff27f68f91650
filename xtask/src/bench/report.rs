//! Figures as a table for people and as JSON for tools. It measures nothing.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Value, json};

use super::goals::{self, Goal};

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// A stable path.
    pub name: String,
    /// The value, in `unit`.
    pub value: f64,
    /// Unit of value and floor.
    pub unit: &'static str,
    /// A raw measure of the same work, taken in the same run.
    pub floor: Option<f64>,
}

/// The figures of one run.
#[derive(Debug, Default)]
pub struct Report {
    figures: Vec<Figure>,
    selected: BTreeSet<String>,
}

impl Report {
    /// Says which figures are wanted next.
    pub fn select<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        self.selected = names.map(str::to_owned).collect();
    }

    /// Whether any is.
    #[must_use]
    pub fn wants_any(&self) -> bool {
        !self.selected.is_empty()
    }

    /// Whether this one is.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.selected.contains(name)
    }

    /// Adds a figure, if it is wanted.
    pub fn add(&mut self, name: &str, value: f64, unit: &'static str, floor: Option<f64>) {
        if self.wants(name) {
            eprintln!("  {name}: {value:.3} {unit}");
            self.figures.push(Figure { name: name.to_owned(), value, unit, floor });
        }
    }

    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out =
            format!("{:<34} {:>12} {:<10} {:>12} {:>8}  goal\n", "name", "value", "unit", "floor", "ratio");
        for figure in &self.figures {
            let floor = figure.floor.map_or_else(|| "-".to_owned(), |floor| format!("{floor:.3}"));
            let ratio = ratio(figure).map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
            let goal = goal(figure).map_or_else(String::new, |(goal, met)| {
                format!("{goal}: {}", if met { "met" } else { "missed" })
            });
            // Writing to a String cannot fail.
            let _ = writeln!(
                out,
                "{:<34} {:>12.3} {:<10} {floor:>12} {ratio:>8}  {goal}",
                figure.name, figure.value, figure.unit
            );
        }
        out
    }

    /// For tools.
    #[must_use]
    pub fn json(&self) -> Value {
        let results: Vec<Value> = self
            .figures
            .iter()
            .map(|figure| {
                let (goal, met) = goal(figure).unzip();
                json!({"name": figure.name, "value": figure.value, "unit": figure.unit,
                    "floor": figure.floor, "ratio": ratio(figure),
                    "goal": goal.map(|goal| goal.to_string()), "met": met})
            })
            .collect();
        json!({"machine": machine(), "results": results})
    }
}

fn ratio(figure: &Figure) -> Option<f64> {
    figure.floor.filter(|floor| *floor > 0.0).map(|floor| figure.value / floor)
}

fn goal(figure: &Figure) -> Option<(Goal, bool)> {
    let goal = goals::of(&figure.name)?;
    Some((goal, goal.met(figure.value, ratio(figure))))
}

fn machine() -> Value {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!({"cores": cores, "cpu": model.map(|(_, name)| name), "version": env!("CARGO_PKG_VERSION")})
}

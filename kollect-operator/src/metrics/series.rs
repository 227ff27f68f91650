//! Gauges that profiles ask for, made from rows when they are read. It keeps nothing between reads, so that what is gone
//! is gone.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use kollect_sink_core::Row;
use kollect_snapshot::canonical;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, LabelPair, MetricFamily, MetricType};
use serde_json::Value;

use crate::engine::{Engine, Gauge, Kind};

/// Sets of labels of one series at most: the first in order.
const LABEL_SETS: usize = 200;

/// Characters of a label's value.
const LABEL: usize = 128;

/// Names and what they mean, in the order of [`Tallies::families`].
const FAMILIES: [(&str, &str); 4] = [
    ("kollect_collected_objects", "Rows of a profile's targets"),
    ("kollect_custom_resource_series", "Sum of an attribute over all rows, as a profile's metrics ask for"),
    (
        "kollect_custom_resource_labeled_series",
        "The same by labels, for up to 200 sets of labels of a series",
    ),
    ("kollect_custom_resource_labeled_series_capped_total", "Rows whose set of labels was one too many"),
];

/// Reads gauges from the engine's store.
pub(super) struct Series {
    engine: Arc<Engine>,
    descriptions: Vec<Desc>,
}

/// A profile and a kind.
type Subject = (String, String);

/// What was counted of one subject or more.
#[derive(Default)]
struct Tallies {
    objects: BTreeMap<Subject, u64>,
    series: BTreeMap<(Subject, String), Tally>,
}

/// What was counted of one series.
#[derive(Default)]
struct Tally {
    names: Vec<String>,
    sum: f64,
    rows: u64,
    /// By the labels' values: sum and rows.
    sets: BTreeMap<Vec<String>, (f64, u64)>,
}

impl Series {
    pub(super) fn new(engine: Arc<Engine>) -> prometheus::Result<Self> {
        let describe =
            |(name, help): (&str, &str)| Desc::new(name.into(), help.into(), Vec::new(), HashMap::new());
        let descriptions = FAMILIES.into_iter().map(describe).collect::<prometheus::Result<_>>()?;
        Ok(Self { engine, descriptions })
    }
}

impl Collector for Series {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut tallies = Tallies::default();
        for (kind, target) in self.engine.collected() {
            let Some(profile) = target.kinds.get(&kind.group_kind()) else { continue };
            let subject = (profile.name.clone(), gvk(&kind));
            let store = self.engine.store();
            let mut objects = 0;
            if profile.gauges.is_empty() && target.kinds.len() == 1 {
                objects = store.counts(&target.target).rows;
            } else {
                store.each_row(&target.target, |row| {
                    let origin = row.identity().origin();
                    if origin.kind == kind.kind && origin.group == kind.group {
                        objects += 1;
                        tallies.add(&subject, &profile.gauges, row);
                    }
                });
            }
            *tallies.objects.entry(subject).or_default() += objects;
        }
        tallies.families()
    }
}

/// As in `apps/v1/Deployment` and `v1/Pod`.
fn gvk(kind: &Kind) -> String {
    format!("{}/{}", kind.api_version(), kind.kind)
}

impl Tallies {
    fn add(&mut self, subject: &Subject, gauges: &[Gauge], row: &Row) {
        if gauges.is_empty() {
            return;
        }
        let mut found: HashMap<&str, Value> = HashMap::new();
        let wanted = |key: &str| gauges.iter().find_map(|gauge| gauge.reads(key));
        // What the store holds is canonical JSON.
        let _ = canonical::members(row.attributes(), |key, value| {
            if let Some(name) = wanted(&key) {
                found.insert(name, serde_json::from_str(value).unwrap_or_default());
            }
            true
        });
        for gauge in gauges {
            let Some(number) = found.get(gauge.attribute.as_str()).and_then(number) else { continue };
            let tally = self.series.entry((subject.clone(), gauge.series.clone())).or_default();
            tally.sum += number;
            tally.rows += 1;
            if gauge.labels.is_empty() {
                continue;
            }
            tally.names.clone_from(&gauge.labels);
            let values =
                gauge.labels.iter().map(|name| found.get(name.as_str()).map(label).unwrap_or_default());
            let set = tally.sets.entry(values.collect()).or_default();
            *set = (set.0 + number, set.1 + 1);
            if tally.sets.len() > LABEL_SETS {
                // One that is left out once is left out for good: it comes after all that stay.
                tally.sets.pop_last();
            }
        }
    }

    fn families(&self) -> Vec<MetricFamily> {
        let mut metrics = [const { Vec::new() }; FAMILIES.len()];
        let [objects, series, labeled, capped] = &mut metrics;
        for ((profile, gvk), count) in &self.objects {
            objects.push(gauge(*count as f64, vec![pair("profile", profile), pair("gvk", gvk)]));
        }
        for (((profile, gvk), name), tally) in &self.series {
            let labels = || vec![pair("profile", profile), pair("gvk", gvk), pair("series", name)];
            series.push(gauge(tally.sum, labels()));
            let names = label_names(&tally.names);
            let mut shown = 0;
            for (values, (sum, rows)) in &tally.sets {
                let own = names.iter().zip(values).map(|(name, value)| pair(name, value));
                labeled.push(gauge(*sum, labels().into_iter().chain(own).collect()));
                shown += rows;
            }
            if !tally.sets.is_empty() {
                capped.push(gauge((tally.rows - shown) as f64, labels()));
            }
        }
        let family = |((name, help), metrics): ((&str, &str), Vec<proto::Metric>)| {
            let mut family = MetricFamily::default();
            family.set_name(name.to_owned());
            family.set_help(help.to_owned());
            family.set_field_type(MetricType::GAUGE);
            family.set_metric(metrics);
            family
        };
        FAMILIES.into_iter().zip(metrics).filter(|(_, metrics)| !metrics.is_empty()).map(family).collect()
    }
}

impl Gauge {
    /// The name of the attribute, if the gauge needs it.
    fn reads(&self, key: &str) -> Option<&str> {
        [&self.attribute].into_iter().chain(&self.labels).find(|name| *name == key).map(String::as_str)
    }
}

/// Numbers, texts that are numbers, true as 1 and false as 0, and points in time as seconds since 1970.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(flag) => Some(f64::from(*flag)),
        Value::String(text) => text.parse().ok().filter(|number: &f64| number.is_finite()).or_else(|| {
            let time: jiff::Timestamp = text.parse().ok()?;
            Some(time.as_duration().as_secs_f64())
        }),
        _ => None,
    }
}

/// Texts, numbers, true and false; all else is empty.
fn label(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.as_str().into(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => String::new(),
    };
    text.chars().take(LABEL).collect()
}

/// The names of attributes as names of labels, each once and none that is ours.
fn label_names(attributes: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for attribute in attributes {
        let fold = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let mut name: String = attribute.chars().map(fold).collect();
        let ours = ["profile", "gvk", "series"].contains(&name.as_str());
        if ours || name.starts_with("__") || name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert_str(0, "label_");
        }
        while names.contains(&name) {
            name.push('_');
        }
        names.push(name);
    }
    names
}

fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

fn gauge(value: f64, labels: Vec<LabelPair>) -> proto::Metric {
    let mut gauge = proto::Gauge::default();
    gauge.set_value(value);
    let mut metric = proto::Metric::from_gauge(gauge);
    metric.set_label(labels);
    metric
}

#[cfg(test)]
mod tests;

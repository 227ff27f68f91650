//! A status as it should be, beside the one that is stored. It is not written here.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kollect_api::condition::{self, ConditionType, Outcome, Reason, Status, Wanted};
use kube::api::ObjectMeta;
use serde::Serialize;
use serde_json::Value;

use crate::index::ObjectName;
use crate::reconcile::feed::Watched;

/// A transition that is worth an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Whether things got worse.
    pub warning: bool,
    /// The condition's reason.
    pub reason: &'static str,
    /// The condition's message.
    pub message: String,
}

impl Transition {
    /// Whether it is the same news, perhaps in other words.
    pub fn same(&self, other: &Self) -> bool {
        (self.warning, self.reason) == (other.warning, other.reason)
    }
}

/// One object's status as it should be.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Which kind.
    pub kind: Watched,
    /// Which object.
    pub name: ObjectName,
    /// Its metadata as observed.
    pub meta: ObjectMeta,
    /// The status as observed.
    pub observed: Value,
    /// The status as it should be.
    pub wanted: Value,
    /// Transitions to Degraded and back.
    pub transitions: Vec<Transition>,
    /// An annotation that has done its work.
    pub spent_annotation: Option<&'static str>,
}

impl Draft {
    /// A draft from the observed status and the wanted one.
    pub fn new<S: Serialize>(
        kind: Watched,
        name: &ObjectName,
        meta: &ObjectMeta,
        observed: Option<&S>,
        wanted: &S,
        transitions: Vec<Transition>,
    ) -> Self {
        Self {
            kind,
            name: name.clone(),
            meta: meta.clone(),
            observed: observed.map_or(Value::Null, json),
            wanted: json(wanted),
            transitions,
            spent_annotation: None,
        }
    }
}

fn json<S: Serialize>(status: &S) -> Value {
    serde_json::to_value(status).unwrap_or(Value::Null)
}

/// Conditions of one object while they are being drafted.
pub struct Conditions {
    list: Vec<Condition>,
    generation: i64,
    now: Time,
    transitions: Vec<Transition>,
}

impl Conditions {
    /// Starts from the conditions that are stored, so that transition times stay.
    pub fn new(stored: &[Condition], generation: i64, now: jiff::Timestamp) -> Self {
        Self { list: stored.to_vec(), generation, now: time(now), transitions: Vec::new() }
    }

    /// Sets one condition.
    pub fn set(&mut self, type_: ConditionType, status: Status, reason: Reason, message: impl Into<String>) {
        let message = message.into();
        let was_there = condition::find(&self.list, type_).is_some();
        let wanted = Wanted::new(type_, status, reason, message.clone());
        let outcome = condition::set(&mut self.list, wanted, Some(self.generation), &self.now);
        let bad = status == Status::True;
        if type_ == ConditionType::Degraded && outcome == Outcome::Transitioned && (was_there || bad) {
            self.transitions.push(Transition { warning: bad, reason: reason.as_str(), message });
        }
    }

    /// Takes one condition out.
    pub fn clear(&mut self, type_: ConditionType) {
        condition::remove(&mut self.list, type_);
    }

    /// The conditions, the most important first, and the transitions that are worth an Event.
    pub fn finish(mut self) -> (Vec<Condition>, Vec<Transition>) {
        let rank = |one: &Condition| ConditionType::ALL.iter().position(|type_| type_.as_str() == one.type_);
        self.list.sort_by_key(rank);
        (self.list, self.transitions)
    }
}

/// A point in time, as statuses hold it: to the second.
pub fn time(at: jiff::Timestamp) -> Time {
    Time(jiff::Timestamp::from_second(at.as_second()).unwrap_or(at))
}

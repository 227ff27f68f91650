//! Everything that happens to the Kollect objects of a namespace while a story plays, as the API server tells it; and what
//! must be true of all of it. It changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::Value;
use xtask::process::{Process, Signal};
use xtask::wait;

use crate::stage::{LIMIT, Stage};

/// Kinds whose statuses the operator writes.
const KINDS: [&str; 7] = [
    "kollectprofiles",
    "kollecttargets",
    "kollectinventories",
    "kollectsnapshotsinks",
    "kollectdatabasesinks",
    "kollecteventsinks",
    "kollectconnectiontests",
];

/// Watches, each with its file.
pub(super) struct Chronicle {
    namespace: String,
    watches: Vec<Process>,
}

/// The versions of an object, the oldest first.
type Versions = Vec<Value>;

impl Chronicle {
    /// Begins to write down what happens in a namespace. Start it before the operator.
    pub(super) fn begin(stage: &Stage, namespace: &str) -> Self {
        let watch = |kind: &str| {
            let path = format!("/apis/kollect.dev/v1alpha1/namespaces/{namespace}/{kind}?watch=1");
            let mut command = Command::new(stage.kubectl.program());
            command.arg("--kubeconfig").arg(stage.kubectl.kubeconfig()).args(["get", "--raw", &path]);
            let file = stage.dir.path().join(format!("{namespace}-{kind}.watch"));
            Process::start("a watch", command, &file, Signal::TERM).unwrap()
        };
        Self { namespace: namespace.into(), watches: KINDS.map(watch).into() }
    }

    fn versions(&self) -> BTreeMap<String, Versions> {
        let mut all: BTreeMap<String, Versions> = BTreeMap::new();
        for watch in &self.watches {
            let text = fs::read_to_string(watch.log()).unwrap();
            // The last line may be half written.
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            for line in whole.lines() {
                let event: Value =
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                let object = &event["object"];
                let (kind, uid) = (&object["kind"], &object["metadata"]["uid"]);
                let name = format!("{} {} {}", kind.as_str().unwrap(), object["metadata"]["name"], uid);
                all.entry(name).or_default().push(object.clone());
            }
        }
        all
    }

    /// Checks all that happened so far: no contradiction, no condition about another generation than its status, no
    /// transition time that moves without its status or stays with it, no write of a status that changed nothing.
    pub(super) fn check(&self) {
        let all = self.versions();
        assert!(!all.is_empty(), "nothing happened in {}", self.namespace);
        let mut wrong = Vec::new();
        for (name, versions) in &all {
            for version in versions {
                wrong.extend(contradictions(version).map(|what| format!("{name}: {what}")));
            }
            for pair in versions.windows(2) {
                wrong.extend(unfounded(&pair[0], &pair[1]).map(|what| format!("{name}: {what}")));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Checks that the newest status of each object is about its newest generation.
    pub(super) fn is_current(&self) {
        for (name, versions) in self.versions() {
            let last = versions.last().unwrap();
            let (generation, seen) = (&last["metadata"]["generation"], &last["status"]["observedGeneration"]);
            assert_eq!(generation, seen, "{name}: {}", last["status"]);
        }
    }

    /// Checks that there is one Event for each transition to Degraded and back, with the condition's reason.
    pub(super) fn events_fit(&self, stage: &Stage) {
        let mut last = String::new();
        let fit = wait::until("each transition to Degraded and back is one Event", LIMIT, || {
            let wanted = self.transitions();
            let found = self.published(stage)?;
            last = format!("wanted {wanted:?}\nfound {found:?}");
            Ok((wanted == found).then_some(wanted.len()))
        });
        let count = fit.unwrap_or_else(|error| panic!("{error:#}\n{last}"));
        assert!(count > 0, "no transition was seen");
    }

    /// How often each object went into Degraded or out of it, by reason.
    fn transitions(&self) -> BTreeMap<(String, String), u64> {
        let mut all = BTreeMap::new();
        for versions in self.versions().values() {
            let mut before: Option<String> = None;
            for version in versions {
                let Some(degraded) = condition(version, "Degraded") else { continue };
                let status = degraded["status"].as_str().unwrap().to_string();
                if before.as_ref().map_or(status == "True", |before| *before != status) {
                    let uid = version["metadata"]["uid"].as_str().unwrap().to_string();
                    let reason = degraded["reason"].as_str().unwrap().to_string();
                    *all.entry((uid, reason)).or_default() += 1;
                }
                before = Some(status);
            }
        }
        all
    }

    /// The operator's Events about objects of this namespace, other than those of exports.
    fn published(&self, stage: &Stage) -> anyhow::Result<BTreeMap<(String, String), u64>> {
        const NOTICES: [&str; 2] = ["DestinationChanged", "MassDeletionHeld"];
        let mut all = BTreeMap::new();
        let list = stage.kubectl.get(&["-n", &self.namespace, "events.events.k8s.io"])?;
        for event in list["items"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
            let (uid, reason) = (text(&event["regarding"]["uid"]), text(&event["reason"]));
            if event["reportingController"] != "kollect.dev/operator" || NOTICES.contains(&reason.as_str()) {
                continue;
            }
            *all.entry((uid, reason)).or_default() += event["series"]["count"].as_u64().unwrap_or(1);
        }
        Ok(all)
    }
}

fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == type_)
}

/// What cannot be true at once.
fn contradictions(object: &Value) -> impl Iterator<Item = String> {
    let mut wrong = Vec::new();
    let is_true = |type_: &str| condition(object, type_).is_some_and(|one| one["status"] == "True");
    if is_true("Ready") && is_true("Degraded") {
        wrong.push(format!("ready and degraded: {}", object["status"]["conditions"]));
    }
    let status = &object["status"];
    let entries = status["sinkExports"].as_array().into_iter().flatten();
    for holder in std::iter::once(status).chain(entries) {
        for one in holder["conditions"].as_array().into_iter().flatten() {
            if one["observedGeneration"] != status["observedGeneration"] {
                wrong.push(format!("of another generation than {}: {one}", status["observedGeneration"]));
            }
            if one["message"].as_str().is_none_or(|message| message.trim().is_empty()) {
                wrong.push(format!("says nothing: {one}"));
            }
        }
    }
    wrong.into_iter()
}

/// What changed without a reason, from one version to the next.
fn unfounded(before: &Value, after: &Value) -> impl Iterator<Item = String> {
    let mut wrong = Vec::new();
    for now in after["status"]["conditions"].as_array().into_iter().flatten() {
        let Some(then) = condition(before, now["type"].as_str().unwrap_or_default()) else { continue };
        let moved = then["lastTransitionTime"] != now["lastTransitionTime"];
        let turned = then["status"] != now["status"];
        // Two transitions within a second have one time.
        if moved && !turned {
            wrong.push(format!("the transition time moved without a transition: {then} {now}"));
        }
    }
    if essence(before) == essence(after) {
        wrong.push(format!("a write without a change: {}", after["status"]));
    }
    wrong.into_iter()
}

/// An object without what each write changes.
fn essence(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
        metadata.remove("managedFields");
    }
    object
}

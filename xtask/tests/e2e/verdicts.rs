//! The table of accepted and refused manifests on a real API server: without webhooks, by the reconcilers of what was
//! stored then, and with webhooks. `kollect-operator/tests/cli` takes the same table through `kollect validate`.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value, json};
use xtask::e2e::Kubectl;
use xtask::{ports, wait, workspace};

use crate::manifests;
use crate::stage::{LIMIT, Stage};

/// Kinds whose statuses tell the reconcilers' verdicts.
const RECONCILED: [&str; 8] = [
    "KollectProfile",
    "KollectTarget",
    "KollectInventory",
    "KollectSnapshotSink",
    "KollectDatabaseSink",
    "KollectEventSink",
    "KollectClusterTarget",
    "KollectClusterInventory",
];

struct Case {
    name: String,
    manifest: Value,
    /// Who refuses first; nobody where the manifest is right.
    by: Option<String>,
    at: String,
    says: String,
    /// How an API server puts it.
    api: (String, String),
}

impl Case {
    fn refused_by(&self, who: &[&str]) -> bool {
        self.by.as_deref().is_some_and(|by| who.contains(&by))
    }

    /// The manifest in a namespace, under another name.
    fn manifest(&self, namespace: &str, prefix: &str) -> Value {
        let mut manifest = self.manifest.clone();
        manifest["metadata"]["name"] = json!(format!("{prefix}{}", self.name));
        manifest["metadata"]["labels"] = json!({"story": namespace});
        if !manifest["kind"].as_str().unwrap().starts_with("KollectCluster") {
            manifest["metadata"]["namespace"] = json!(namespace);
        }
        // Where the profile is, so that cluster targets are judged, and not its lack.
        if let Some(place) = manifest.pointer_mut("/spec/profileRef/namespace").filter(|it| **it == "team-a")
        {
            *place = json!(namespace);
        }
        manifest
    }
}

fn cases() -> Vec<Case> {
    let path = workspace::root().join("kollect-api/tests/verdicts.yaml");
    let table: Value = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let read = |case: &Value| {
        let text = |field: &str| case[field].as_str().unwrap_or_default().to_string();
        let mut manifest = table["bases"][text("base")].clone();
        manifest["apiVersion"] = json!("kollect.dev/v1alpha1");
        manifest["metadata"] = json!({"annotations": case["annotations"]});
        if let Some(changes) = case.get("with") {
            merge(&mut manifest["spec"], changes);
        }
        let or = |field: &str, other: &str| case[field].as_str().map_or(text(other), str::to_string);
        Case {
            name: text("id"),
            manifest,
            by: case["by"].as_str().map(str::to_string),
            at: text("at"),
            says: text("says"),
            api: (or("api", "at"), or("api-says", "says")),
        }
    };
    table["cases"].as_array().unwrap().iter().map(read).collect()
}

/// RFC 7396.
fn merge(target: &mut Value, changes: &Value) {
    let Value::Object(changes) = changes else {
        *target = changes.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (name, change) in changes {
        match change {
            Value::Null => drop(target.as_object_mut().unwrap().remove(name)),
            change => merge(&mut target[name], change),
        }
    }
}

/// What the API server says to one manifest: nothing where it takes it.
fn create(kubectl: &Kubectl, args: &[&str], manifest: &impl ToString) -> Option<String> {
    let all = [&["create", "-f", "-"], args].concat();
    kubectl.run_with(&all, &manifest.to_string()).err().map(|error| format!("{error:#}"))
}

/// What the API server says to each of many manifests, by name.
fn create_all(kubectl: &Kubectl, args: &[&str], manifests: &[Value]) -> BTreeMap<String, String> {
    // Not as a List, which kubectl judges by itself, in words of its own.
    let documents: String = manifests.iter().map(|manifest| format!("---\n{manifest}\n")).collect();
    let Some(said) = create(kubectl, args, &documents) else { return BTreeMap::new() };
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in said.lines() {
        if let Some((before, _)) = line.split_once("\" is invalid") {
            name = before.rsplit('"').next().unwrap_or_default().to_string();
        }
        let text = found.entry(name.clone()).or_default();
        text.push_str(line);
        text.push('\n');
    }
    found
}

#[test]
fn every_verdict_is_the_same_everywhere() {
    let mut stage = Stage::set("verdicts");
    let cases = cases();
    let objects = Objects { kubectl: &stage.kubectl.clone(), story: stage.platform.clone() };
    // So that targets are judged, and not their lack of a profile.
    stage.apply(&manifests::profile(&stage.platform, "apps"));
    let mut wrong = without_webhooks(&stage, &cases);
    // They would deny what the others ask for.
    stage.kubectl.delete(&["-n", &stage.platform, "kollectscopes", "--all"]).unwrap();
    let story = format!("-l=story={}", stage.platform);
    stage.kubectl.delete(&["kollectclusterscopes", &story]).unwrap();

    let root = stage.dir.path().join("root");
    fs::create_dir(&root).unwrap();
    stage.arg(format!("--local-root={}", root.display()));
    stage.arg(format!("--ambient-identity-namespaces={}", stage.platform));
    let [port] = ports::free().unwrap();
    let (platform, story) = (stage.platform.clone(), stage.story.clone());
    for arg in [
        "--validating-webhooks-enabled".to_string(),
        format!("--webhook-port={port}"),
        "--webhook-hosts=127.0.0.1".to_string(),
        format!("--webhook-configuration={story}"),
        format!("--release={platform}/kollect"),
    ] {
        stage.arg(arg);
    }
    stage.start();
    wrong.extend(by_reconcilers(&stage, &cases));

    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": story},
        "webhooks": [{
            "name": "validate.kollect.dev",
            "clientConfig": {"url": format!("https://127.0.0.1:{port}/validate")},
            "rules": [{"apiGroups": ["kollect.dev"], "apiVersions": ["v1alpha1"], "resources": ["*"],
                "operations": ["CREATE", "UPDATE"]}],
            // Ignore would hide a webhook that cannot be reached.
            "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        }],
    });
    let configuration = Configuration { kubectl: &stage.kubectl.clone(), name: story };
    stage.apply(&webhook);
    wrong.extend(with_webhooks(&stage, &cases));
    drop(configuration);
    drop(objects);
    assert!(wrong.is_empty(), "{} of {} verdicts differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Stores what is taken; compares who is refused, and in which words.
fn without_webhooks(stage: &Stage, cases: &[Case]) -> Vec<String> {
    let (strict, others): (Vec<&Case>, Vec<&Case>) =
        cases.iter().partition(|case| case.refused_by(&["strict"]));
    let all: Vec<Value> = others.iter().map(|case| case.manifest(&stage.platform, "")).collect();
    let mut said = create_all(&stage.kubectl, &[], &all);
    for case in strict {
        let answer = create(&stage.kubectl, &[], &case.manifest(&stage.platform, ""));
        said.extend(answer.map(|answer| (case.name.clone(), answer)));
    }
    compare(cases, "", "without webhooks", &said, &["strict", "schema", "cel"])
}

/// Nothing is stored: a dry run asks webhooks too.
fn with_webhooks(stage: &Stage, cases: &[Case]) -> Vec<String> {
    let (namespace, dry) = (&stage.apps, ["--dry-run=server"]);
    let first = cases.iter().find(|case| case.refused_by(&["webhook"])).unwrap();
    let called = wait::until("the webhook is trusted", LIMIT, || {
        let said = create(&stage.kubectl, &dry, &first.manifest(namespace, "w-"));
        Ok(said.filter(|said| said.contains("denied the request")))
    });
    stage.or_fail(called);
    let in_bulk = |case: &&Case| !case.refused_by(&["strict", "webhook"]);
    let all: Vec<Value> = cases.iter().filter(in_bulk).map(|case| case.manifest(namespace, "w-")).collect();
    let mut said = create_all(&stage.kubectl, &dry, &all);
    for case in cases.iter().filter(|case| !in_bulk(case)) {
        let answer = create(&stage.kubectl, &dry, &case.manifest(namespace, "w-"));
        said.extend(answer.map(|answer| (format!("w-{}", case.name), answer)));
    }
    compare(cases, "w-", "with webhooks", &said, &["strict", "schema", "cel", "webhook"])
}

/// The cases that were not answered as the table says.
fn compare(
    cases: &[Case],
    prefix: &str,
    round: &str,
    said: &BTreeMap<String, String>,
    refusing: &[&str],
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut known = 0;
    for case in cases {
        let answer = said.get(&format!("{prefix}{}", case.name));
        known += usize::from(answer.is_some());
        let (at, says) =
            if case.refused_by(&["webhook"]) { (&case.at, &case.says) } else { (&case.api.0, &case.api.1) };
        let as_told = match answer {
            None => !case.refused_by(refusing),
            Some(answer) => {
                case.refused_by(refusing) && answer.contains(at.as_str()) && answer.contains(says.as_str())
            }
        };
        if !as_told {
            wrong.push(format!("{round}: {}: {}", case.name, answer.map_or("taken", String::as_str)));
        }
    }
    if known < said.len() {
        wrong.push(format!("{round}: answers that belong to no case: {said:?}"));
    }
    wrong
}

/// The statuses of what was stored without webhooks.
fn by_reconcilers(stage: &Stage, cases: &[Case]) -> Vec<String> {
    let kinds = RECONCILED.map(str::to_lowercase).join(",");
    let judged: Vec<&Case> = cases
        .iter()
        .filter(|case| RECONCILED.contains(&case.manifest["kind"].as_str().unwrap()))
        .filter(|case| !case.refused_by(&["strict", "schema", "cel"]))
        .collect();
    let mut statuses: BTreeMap<String, Value> = BTreeMap::new();
    let settled = wait::until("every object has a status", LIMIT, || {
        let list = stage.kubectl.get(&["-n", &stage.platform, &kinds])?;
        for item in list["items"].as_array().unwrap() {
            statuses.insert(item["metadata"]["name"].as_str().unwrap().into(), item["status"].clone());
        }
        // What was not stored was told by the round before.
        let told = |case: &&Case| {
            statuses.get(&case.name).is_none_or(|status| status["observedGeneration"].is_i64())
        };
        Ok(judged.iter().all(told).then_some(()))
    });
    stage.or_fail(settled);
    let mut wrong = Vec::new();
    for case in judged {
        let Some(status) = statuses.get(&case.name) else { continue };
        let conditions = &status["conditions"];
        let refusal = conditions.as_array().into_iter().flatten().find(|condition| {
            ["InvalidSpec", "InvalidPath"].contains(&condition["reason"].as_str().unwrap_or_default())
        });
        let as_told = match refusal {
            None => case.by.is_none(),
            Some(condition) => {
                let message = condition["message"].as_str().unwrap();
                case.by.is_some()
                    && message.starts_with(&format!("{}: ", case.at))
                    && message.contains(&case.says)
            }
        };
        if !as_told {
            wrong.push(format!("reconciler: {}: {conditions}", case.name));
        }
    }
    wrong
}

/// Takes the webhook away again, whatever becomes of the story.
struct Configuration<'a> {
    kubectl: &'a Kubectl,
    name: String,
}

impl Drop for Configuration<'_> {
    fn drop(&mut self) {
        let _ = self.kubectl.delete(&["validatingwebhookconfiguration", &self.name]);
    }
}

/// Takes away what stands beside the namespaces.
struct Objects<'a> {
    kubectl: &'a Kubectl,
    story: String,
}

impl Drop for Objects<'_> {
    fn drop(&mut self) {
        let kinds = "kollectclustertargets,kollectclusterinventories,kollectclusterscopes";
        let _ = self.kubectl.delete(&[kinds, "-l", &format!("story={}", self.story)]);
    }
}

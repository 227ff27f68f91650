//! Stores statuses that changed, and tells of transitions by Events. It does not decide what they say.

use std::collections::HashMap;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use serde_json::{Value, json};

use super::Facts;
use super::draft::{Draft, Transition};
use crate::index::ObjectName;
use crate::reconcile::feed::Watched;

/// Who writes, as the API server records it.
pub(crate) const MANAGER: &str = "kollect";

/// Counts alone are written this often at most.
const COUNTS_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// How many statuses are written at once.
const AT_ONCE: usize = 4;

/// Fields that change without anything having happened that a person must know at once.
const COUNTS: [&str; 12] = [
    "collectedCount",
    "collectedCountUpdatedAt",
    "extractionFailures",
    "lastExtractionError",
    "itemCount",
    "checksum",
    "lastChecksum",
    "lastExportTime",
    "lag",
    "namespaceShardCount",
    "namespaceShards",
    "renderedAt",
];

/// Writes statuses.
pub struct Writer {
    client: Client,
    recorder: Recorder,
    written: HashMap<(Watched, ObjectName), Written>,
}

struct Written {
    /// The object's version when it was written: until a newer one is observed, nothing is written again.
    over: Option<String>,
    status: Value,
    at: Timestamp,
    /// What was told since that version: it does not show yet that it was.
    told: Vec<Transition>,
}

impl Writer {
    /// A writer.
    pub fn new(client: Client) -> Self {
        let reporter = Reporter { controller: "kollect.dev/operator".to_owned(), instance: None };
        Self { recorder: Recorder::new(client.clone(), reporter), client, written: HashMap::new() }
    }

    /// Writes every status that differs from the stored one.
    pub async fn write(&mut self, facts: &Facts<'_>) {
        let drafts = facts.drafts();
        let mut known = std::mem::take(&mut self.written);
        let mut due = Vec::new();
        for mut draft in drafts {
            let key = (draft.kind, draft.name.clone());
            let before = known.remove(&key);
            if self.is_due(&draft, before.as_ref(), facts.now) {
                let known = before.filter(|before| before.over == draft.meta.resource_version);
                let told = known.map(|before| before.told).unwrap_or_default();
                draft.transitions.retain(|new| !told.iter().any(|old| old.same(new)));
                due.push((draft, told));
            } else if let Some(before) = before {
                self.written.insert(key, before);
            }
        }
        let this = &*self;
        let done: Vec<(Draft, Vec<Transition>, bool)> = futures::stream::iter(due)
            .map(|(draft, told)| async move {
                let stored = this.store(&draft).await;
                (draft, told, stored)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (draft, mut told, _) in done.into_iter().filter(|(.., stored)| *stored) {
            told.extend(draft.transitions);
            let over = draft.meta.resource_version;
            let written = Written { over, status: draft.wanted, at: facts.now, told };
            self.written.insert((draft.kind, draft.name), written);
        }
    }

    fn is_due(&self, draft: &Draft, before: Option<&Written>, now: Timestamp) -> bool {
        if draft.observed == draft.wanted && draft.spent_annotation.is_none() {
            return false;
        }
        let Some(before) = before else { return true };
        if before.over == draft.meta.resource_version && before.status == draft.wanted {
            return false;
        }
        let stored =
            if before.over == draft.meta.resource_version { &before.status } else { &draft.observed };
        essence(stored) != essence(&draft.wanted) || now.duration_since(before.at) >= COUNTS_EVERY
    }

    async fn store(&self, draft: &Draft) -> bool {
        let resource = draft.kind.resource();
        let api = draft.kind.api(self.client.clone(), &draft.name.place());
        let patch = json!({
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": draft.name.name, "namespace": draft.name.place()},
            "status": draft.wanted,
        });
        let params = PatchParams::apply(MANAGER).force();
        match api.patch_status(&draft.name.name, &params, &Patch::Apply(&patch)).await {
            Ok(_) => {}
            // Deleted meanwhile.
            Err(kube::Error::Api(status)) if status.code == 404 => return false,
            Err(error) => {
                let error = crate::error::chain(&error);
                tracing::warn!(kind = resource.kind, object = %draft.name, error, "cannot write the status");
                return false;
            }
        }
        if let Some(annotation) = draft.spent_annotation {
            let patch = json!({"metadata": {"annotations": {annotation: null}}});
            if let Err(error) =
                api.patch(&draft.name.name, &PatchParams::default(), &Patch::Merge(&patch)).await
            {
                tracing::warn!(object = %draft.name, error = crate::error::chain(&error), "cannot remove {annotation}");
            }
        }
        let uid = draft.meta.uid.as_deref().unwrap_or_default();
        for transition in &draft.transitions {
            self.publish(draft.kind, &draft.name, uid, transition).await;
        }
        true
    }

    /// Publishes one Event on an object. One that cannot be published is logged and lost: what lasts is in
    /// the status.
    pub async fn publish(&self, kind: Watched, name: &ObjectName, uid: &str, transition: &Transition) {
        let resource = kind.resource();
        let reference = ObjectReference {
            api_version: Some(resource.api_version),
            kind: Some(resource.kind),
            name: Some(name.name.clone()),
            namespace: name.place(),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        };
        let type_ = if transition.warning { EventType::Warning } else { EventType::Normal };
        let event = Event {
            type_,
            reason: transition.reason.to_owned(),
            note: Some(transition.message.chars().take(1000).collect()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, &reference).await {
            tracing::debug!(object = %name, error = crate::error::chain(&error), "cannot publish an event");
        }
    }
}

/// A status without what may wait.
fn essence(status: &Value) -> Value {
    match status {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(name, _)| !COUNTS.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), essence(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(essence).collect()),
        other => other.clone(),
    }
}

//! One AdmissionReview: what is wrong with the object that somebody wants to store. Of other objects it knows the scopes alone.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kollect_api::validate::summary;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::engine::CollectionDefaults;
use crate::index::Ceilings;
use crate::validate;

/// What an API server asks.
#[derive(Deserialize)]
struct Review {
    request: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    uid: String,
    operation: String,
    #[serde(default)]
    object: Value,
    #[serde(default)]
    old_object: Value,
}

/// What it is answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    api_version: &'static str,
    kind: &'static str,
    response: Verdict,
}

#[derive(Serialize)]
struct Verdict {
    uid: String,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Refusal>,
}

#[derive(Serialize)]
struct Refusal {
    code: u16,
    reason: &'static str,
    message: String,
}

/// Answers reviews.
#[derive(Debug)]
pub(super) struct Reviewer {
    defaults: CollectionDefaults,
    ceilings: watch::Receiver<Arc<Ceilings>>,
}

impl Reviewer {
    /// A reviewer under the operator's rules, and under the scopes that it last observed.
    pub(super) fn new(defaults: CollectionDefaults, ceilings: watch::Receiver<Arc<Ceilings>>) -> Self {
        Self { defaults, ceilings }
    }

    pub(super) fn answer(&self, body: Bytes) -> Response {
        let review: Review = match serde_json::from_slice(&body) {
            Ok(review) => review,
            Err(error) => {
                return (StatusCode::BAD_REQUEST, format!("no AdmissionReview: {error}\n")).into_response();
            }
        };
        let status = self.refuse(&review.request);
        let response = Verdict { uid: review.request.uid, allowed: status.is_none(), status };
        Json(Answer { api_version: "admission.k8s.io/v1", kind: "AdmissionReview", response }).into_response()
    }

    fn refuse(&self, request: &Request) -> Option<Refusal> {
        let Request { operation, object, old_object, .. } = request;
        let deleting = object.pointer("/metadata/deletionTimestamp").is_some();
        // What was stored is judged by the reconcilers; its finalizers and labels must stay changeable.
        let judged = ["/spec", "/metadata/annotations"];
        let same =
            operation == "UPDATE" && judged.iter().all(|at| object.pointer(at) == old_object.pointer(at));
        if !["CREATE", "UPDATE"].contains(&operation.as_str()) || deleting || same {
            return None;
        }
        let mut violations = validate::object(object, &self.defaults);
        if violations.is_empty() {
            violations = validate::denied(object, &self.ceilings.borrow().clone());
        }
        let message = summary(&violations);
        (!violations.is_empty()).then_some(Refusal { code: 422, reason: "Invalid", message })
    }
}

#[cfg(test)]
mod tests {
    use kube::api::DynamicObject;
    use serde_json::json;

    use super::*;
    use crate::engine::{ClusterKinds, ScopeRule};
    use crate::index::Index;

    fn refuse(operation: &str, object: Value, old_object: Value) -> Option<String> {
        refuse_under(Ceilings::default(), operation, object, old_object)
    }

    fn refuse_under(ceilings: Ceilings, operation: &str, object: Value, old_object: Value) -> Option<String> {
        let request = serde_json::from_value(json!({"uid": "u", "operation": operation, "object": object,
            "oldObject": old_object}))
        .unwrap();
        Reviewer::new(CollectionDefaults::default(), watch::channel(Arc::new(ceilings)).1)
            .refuse(&request)
            .map(|refusal| refusal.message)
    }

    fn target(policy: &str) -> Value {
        json!({"apiVersion": "kollect.dev/v1alpha1", "kind": "KollectTarget", "metadata": {"name": "a"}, "spec": {
            "profileRef": "p", "resourceRules": [{"gvk": {"version": "v1", "kind": "Pod"}, "matchPolicy": policy}]}})
    }

    #[test]
    fn what_is_wrong_is_refused_by_field() {
        assert_eq!(refuse("CREATE", target("object.a == 1"), Value::Null), None);
        assert_eq!(
            refuse("CREATE", target("self.a"), Value::Null).unwrap(),
            "spec.resourceRules[0].matchPolicy: the condition: `self` is not declared; the object is `object`"
        );
        assert!(refuse("UPDATE", target("self.a"), target("object.a == 1")).is_some());
    }

    #[test]
    fn what_a_scope_denies_is_refused() {
        let mut index = Index::default();
        let scope = |kind: &str, namespace: Option<&str>, spec: Value| -> DynamicObject {
            serde_json::from_value(json!({"apiVersion": "kollect.dev/v1alpha1", "kind": kind,
                "metadata": {"name": "s", "namespace": namespace}, "spec": spec}))
            .unwrap()
        };
        let limits = json!({"deniedNamespaces": ["x"], "databaseSinkRefs": ["db"],
            "allowedGVKs": [{"group": "apps", "version": "v1", "kind": "*"}]});
        index.apply("KollectScope", &scope("KollectScope", Some("team"), limits));
        let cluster = json!({"allowedStaticRefNamespaces": ["kollect-system"], "deniedNamespaces": ["y"]});
        index.apply("KollectClusterScope", &scope("KollectClusterScope", None, cluster));
        let said = |kind: &str, namespace: Option<&str>, spec: Value| {
            let object = json!({"apiVersion": "kollect.dev/v1alpha1", "kind": kind,
                "metadata": {"name": "a", "namespace": namespace}, "spec": spec});
            refuse_under(Ceilings::of(&index, ScopeRule::Optional), "CREATE", object, Value::Null)
        };
        let target = |namespace: &str, names: &[&str]| {
            said("KollectTarget", Some(namespace), json!({"profileRef": "p", "includedNamespaces": names}))
        };
        assert_eq!(target("team", &["z"]), None);
        let refusal = "spec.includedNamespaces: KollectScope team/s does not allow to collect from x";
        assert_eq!(target("team", &["x", "z"]).unwrap(), refusal);
        assert_eq!(target("elsewhere", &["x"]), None);
        assert!(target("elsewhere", &["y"]).unwrap().contains("KollectClusterScope s does not allow"));
        let rules = json!({"profileRef": "p", "resourceRules": [{"gvk": {"version": "v1", "kind": "Pod"}}]});
        assert!(
            said("KollectTarget", Some("team"), rules).unwrap().starts_with("spec.resourceRules[0].gvk: ")
        );
        let sinks = json!({"databaseSinkRefs": ["db", "other"]});
        let refusal = said("KollectInventory", Some("team"), sinks.clone()).unwrap();
        assert!(refusal.starts_with("spec.databaseSinkRefs[1]: "), "{refusal}");
        let cluster = |namespace: &str| {
            said(
                "KollectClusterInventory",
                None,
                json!({"databaseSinkRefs": ["db"], "sinkNamespace": namespace}),
            )
        };
        assert_eq!(cluster("kollect-system"), None);
        assert!(cluster("team").unwrap().contains("does not allow references into team"));
    }

    #[test]
    fn tenant_mode_takes_no_cluster_kinds() {
        let defaults =
            CollectionDefaults { cluster_kinds: ClusterKinds::Refused, ..CollectionDefaults::default() };
        let reviewer = Reviewer::new(defaults, watch::channel(Arc::default()).1);
        let refuse = |object: Value| {
            let request = json!({"uid": "u", "operation": "CREATE", "object": object});
            reviewer.refuse(&serde_json::from_value(request).unwrap()).map(|refusal| refusal.message)
        };
        for kind in ["KollectClusterTarget", "KollectClusterInventory"] {
            let object =
                json!({"apiVersion": "kollect.dev/v1alpha1", "kind": kind, "metadata": {"name": "a"}});
            let message = refuse(object).unwrap();
            assert!(message.starts_with("kind: ") && message.contains("tenant mode"), "{message}");
        }
        assert_eq!(refuse(target("object.a == 1")), None);
    }

    #[test]
    fn what_was_stored_wrong_can_be_labelled_and_deleted() {
        let mut labelled = target("self.a");
        labelled["metadata"]["labels"] = json!({"a": "b"});
        assert_eq!(refuse("UPDATE", labelled, target("self.a")), None);
        let mut deleting = target("self.b");
        deleting["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(refuse("UPDATE", deleting, target("self.a")), None);
        assert_eq!(refuse("DELETE", Value::Null, target("self.a")), None);
    }
}

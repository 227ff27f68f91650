//! What the operator may list and watch, by SelfSubjectAccessReviews. It does not wait for what is denied.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kollect_sink_core::Text;
use kube::api::PostParams;
use kube::discovery::ApiResource;
use kube::{Api, Client};
use tokio::time::Instant;

/// How long it holds that something is allowed. What is denied is asked for again each time: whoever waits for it
/// sets the pace.
const HOLDS: Duration = Duration::from_secs(30);

/// Reviews of one kind that are asked for at the same time.
const AT_ONCE: usize = 4;

/// Whether objects of a kind may be listed and watched somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// They may; or the API server did not say, and trying will tell.
    Allowed,
    /// They may not.
    Denied(String),
}

/// Group, resource, and namespace; no namespace = all of them at once.
type Question = (String, String, Option<Text>);

/// Asks, and remembers for half a minute what is allowed.
pub(super) struct Access {
    client: Client,
    allowed: Mutex<HashMap<Question, Instant>>,
}

impl Access {
    pub(super) fn new(client: Client) -> Self {
        Self { client, allowed: Mutex::default() }
    }

    /// What is allowed in each of these places.
    pub(super) async fn may(
        &self,
        resource: &ApiResource,
        places: Vec<Option<Text>>,
    ) -> Vec<(Option<Text>, Answer)> {
        stream::iter(places)
            .map(async |place| {
                let question = question(resource, place.as_ref());
                let known = self.is_known(&question);
                let answer = if known { Answer::Allowed } else { self.ask(question).await };
                (place, answer)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await
    }

    /// Forgets what was said: the API server refused.
    pub(super) fn refused(&self, resource: &ApiResource, place: Option<&Text>) {
        self.lock().remove(&question(resource, place));
    }

    fn is_known(&self, question: &Question) -> bool {
        let mut allowed = self.lock();
        allowed.retain(|_, at| at.elapsed() < HOLDS);
        allowed.contains_key(question)
    }

    async fn ask(&self, question: Question) -> Answer {
        for verb in ["list", "watch"] {
            match self.review(&question, verb).await {
                Ok(Some(reason)) => return Answer::Denied(reason),
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(error = crate::error::chain(&error), "permissions cannot be asked for");
                    return Answer::Allowed;
                }
            }
        }
        self.lock().insert(question, Instant::now());
        Answer::Allowed
    }

    /// Why it is denied; none where it is not.
    async fn review(&self, question: &Question, verb: &str) -> Result<Option<String>, kube::Error> {
        let (group, resource, namespace) = question;
        let attributes = ResourceAttributes {
            group: Some(group.clone()),
            resource: Some(resource.clone()),
            namespace: namespace.as_ref().map(ToString::to_string),
            verb: Some(verb.to_owned()),
            ..ResourceAttributes::default()
        };
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(attributes),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        let status = api.create(&PostParams::default(), &review).await?.status.unwrap_or_default();
        Ok((!status.allowed).then(|| {
            status
                .reason
                .filter(|reason| !reason.is_empty())
                .unwrap_or_else(|| format!("`{verb}` is not granted"))
        }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Question, Instant>> {
        self.allowed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn question(resource: &ApiResource, place: Option<&Text>) -> Question {
    (resource.group.clone(), resource.plural.clone(), place.cloned())
}

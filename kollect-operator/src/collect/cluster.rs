//! A live cluster as a source: its namespaces first, then each wanted kind, page by page. It watches nothing.

use std::error::Error as _;
use std::fmt::Write as _;
use std::future::Future;
use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams, PartialObjectMeta};
use kube::{Client, Config, ResourceExt};

use super::finding::Weight;
use super::pass::{Listing, Pass, Wanted};
use crate::engine::{NamespaceFacts, RawObject};
use crate::error::chain;
use crate::watch::discovery::{Extent, Resolved, ServedKind, resolve};

/// Objects in one page of a list.
const PAGE: u32 = 500;
/// Kinds, and namespaces of one kind, that are listed at the same time.
const AT_ONCE: usize = 4;
/// Up to this many namespaces are listed one by one instead of the whole cluster.
const FEW_NAMESPACES: usize = 10;
/// How often a page is asked for, and how often a list begins again because its pages have expired.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Whether the cluster answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It did, if only to refuse.
    Yes,
    /// It could not be reached, or does not know who asks.
    No,
}

/// Reads all that the pass wants from the cluster. What cannot be read becomes a finding, and costs nothing
/// else.
pub async fn read(pass: &Pass, config: Config) -> Reached {
    let own = config.default_namespace.clone();
    let url = config.cluster_url.to_string();
    let client = match Client::try_from(config) {
        Ok(client) => client,
        Err(error) => {
            pass.findings.add(Weight::Failed, url, chain(&error));
            return Reached::No;
        }
    };
    let listed = match namespaces(pass, &client).await {
        Ok(listed) => listed,
        Err(error) => {
            pass.findings.add(Weight::Failed, url, unreachable(&error));
            return Reached::No;
        }
    };
    let scope = match (listed, &pass.named) {
        (Some(all), _) => Namespaces::All(all),
        (None, Some(named)) => Namespaces::Named(named.iter().cloned().collect()),
        (None, None) => Namespaces::Own(own),
    };
    let reader = Reader { pass, client: &client, scope };
    stream::iter(pass.wanted())
        .for_each_concurrent(AT_ONCE, |wanted| {
            let reader = &reader;
            async move { reader.kind(&wanted).await }
        })
        .await;
    Reached::Yes
}

/// Learns the namespaces and their labels; `None` where they may not be listed.
async fn namespaces(pass: &Pass, client: &Client) -> Result<Option<Vec<String>>, kube::Error> {
    let api: Api<Namespace> = Api::all(client.clone());
    let mut params = ListParams::default().limit(PAGE);
    let mut names = Vec::new();
    loop {
        let page = match attempt(|| api.list_metadata(&params)).await {
            Ok(page) => page,
            Err(error) if is_forbidden(&error) => break,
            Err(error) => return Err(error),
        };
        for namespace in &page.items {
            names.push(namespace.name_any());
            learn(pass, namespace);
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params.continue_token = Some(token),
            None => return Ok(Some(names)),
        }
    }
    let mut unseen = Vec::new();
    for name in pass.named.iter().flatten() {
        match attempt(|| api.get_metadata(name)).await {
            Ok(namespace) => learn(pass, &namespace),
            Err(error) if is_forbidden(&error) => unseen.push(name.as_str()),
            Err(error) => return Err(error),
        }
    }
    if pass.named.is_none() || !unseen.is_empty() {
        let why = "their labels may not be read: selectors by labels match none of them, and nothing tells which opted out";
        pass.findings.add(Weight::Note, format!("namespaces {}", unseen.join(", ")).trim_end(), why);
    }
    Ok(None)
}

fn learn(pass: &Pass, namespace: &PartialObjectMeta<Namespace>) {
    let facts = NamespaceFacts::new(namespace.labels().clone(), namespace.annotations());
    pass.engine.namespaces.set(&namespace.name_any(), facts);
}

struct Reader<'a> {
    pass: &'a Pass,
    client: &'a Client,
    scope: Namespaces,
}

/// The namespaces that may be looked at one by one.
enum Namespaces {
    /// All that there are.
    All(Vec<String>),
    /// Those that targets name, and no target looks elsewhere.
    Named(Vec<String>),
    /// The context's own: others may exist.
    Own(String),
}

impl Namespaces {
    fn names(&self) -> &[String] {
        match self {
            Self::All(names) | Self::Named(names) => names,
            Self::Own(name) => std::slice::from_ref(name),
        }
    }
}

impl Reader<'_> {
    async fn kind(&self, wanted: &Wanted) {
        let Wanted { kind, .. } = wanted;
        let skip = |why: String| self.pass.findings.add(Weight::Skipped, kind.to_string(), why);
        let served = match attempt(|| resolve(self.client, kind)).await {
            Ok(Resolved::Found(served)) => served,
            Ok(Resolved::Missing) => return skip("the cluster does not serve this kind".to_owned()),
            Err(error) => {
                return self.pass.findings.add(Weight::Failed, kind.to_string(), unreachable(&error));
            }
        };
        let admitted = match served.extent {
            Extent::Namespaced => wanted.clone(),
            Extent::Cluster => wanted.of_cluster_targets(),
        };
        if admitted.targets.len() < wanted.targets.len() {
            skip(
                "it is no namespaced kind: a KollectTarget cannot collect it, a KollectClusterTarget can"
                    .to_owned(),
            );
        }
        let wanted = &admitted;
        if wanted.targets.is_empty() {
            return;
        }
        self.pass.progress.set_message(served.resource.plural.clone());
        let listing = self.pass.begin(wanted);
        let outcome = match served.extent {
            Extent::Namespaced => self.everywhere(wanted, &served, &listing).await,
            Extent::Cluster => self.beside_namespaces(wanted, &served, &listing).await,
        };
        match outcome {
            Ok(()) => self.pass.end(listing),
            Err(failure) => {
                match failure.brought {
                    Brought::Some => self.pass.leave_open(listing),
                    Brought::Nothing => self.pass.fail(listing),
                }
                self.pass.findings.add(failure.weight, kind.to_string(), failure.why);
            }
        }
    }

    /// Lists a kind whose objects belong to no namespace.
    async fn beside_namespaces(
        &self,
        wanted: &Wanted,
        served: &ServedKind,
        listing: &Listing,
    ) -> Result<(), Failure> {
        let api = Api::all_with(self.client.clone(), &served.resource);
        self.list(&api, wanted, listing).await.map_err(|error| {
            if !is_forbidden(&error) {
                return Failure::of(&error);
            }
            let why = format!("list is forbidden; the rule it needs: {}", rule(served));
            Failure { weight: Weight::Skipped, why, brought: Brought::Nothing }
        })
    }

    /// Lists the whole cluster, or the namespaces that matter where those are few or the cluster is forbidden.
    async fn everywhere(
        &self,
        wanted: &Wanted,
        served: &ServedKind,
        listing: &Listing,
    ) -> Result<(), Failure> {
        let all = self.scope.names();
        let selected: Vec<&str> =
            all.iter().map(String::as_str).filter(|name| self.pass.selects_namespace(wanted, name)).collect();
        let few = selected.len() <= FEW_NAMESPACES
            && match self.scope {
                Namespaces::All(_) => selected.len() < all.len(),
                Namespaces::Named(_) => true,
                Namespaces::Own(_) => false,
            };
        if !few {
            let api = Api::all_with(self.client.clone(), &served.resource);
            match self.list(&api, wanted, listing).await {
                Ok(()) => return Ok(()),
                Err(error) if !is_forbidden(&error) => return Err(Failure::of(&error)),
                Err(_) => {}
            }
        }
        let outcomes: Vec<(&str, Result<(), kube::Error>)> = stream::iter(selected)
            .map(|namespace| async move {
                let api = Api::namespaced_with(self.client.clone(), namespace, &served.resource);
                (namespace, self.list(&api, wanted, listing).await)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        if let Some((namespace, error)) = outcomes
            .iter()
            .find_map(|(name, outcome)| Some((name, outcome.as_ref().err().filter(|e| !is_forbidden(e))?)))
        {
            let failure = Failure::of(error);
            return Err(Failure { why: format!("namespace {namespace}: {}", failure.why), ..failure });
        }
        let denied: Vec<&str> =
            outcomes.iter().filter(|(_, outcome)| outcome.is_err()).map(|(name, _)| *name).collect();
        if denied.is_empty() && !matches!(self.scope, Namespaces::Own(_)) {
            return Ok(());
        }
        let brought = if denied.len() < outcomes.len() { Brought::Some } else { Brought::Nothing };
        Err(Failure {
            weight: Weight::Skipped,
            why: self.forbidden(served, &denied, outcomes.len()),
            brought,
        })
    }

    /// What is forbidden, and the rule that would allow it.
    fn forbidden(&self, served: &ServedKind, denied: &[&str], asked: usize) -> String {
        let mut text = String::from("list is forbidden ");
        match (&self.scope, denied) {
            (Namespaces::Own(own), []) => {
                let _ = write!(
                    text,
                    "for the whole cluster; only namespace {own} was read: {}",
                    self.pass.to_name_namespaces
                );
            }
            (Namespaces::Own(own), _) => {
                let advice = self.pass.to_name_namespaces;
                let _ = write!(text, "for the whole cluster and in namespace {own}: {advice}");
            }
            (Namespaces::All(_), _) if denied.len() == asked => {
                text.push_str("for the whole cluster and in each namespace");
            }
            _ => {
                let (shown, more) = (denied.get(..5).unwrap_or(denied), denied.len().saturating_sub(5));
                let _ = write!(text, "in {}", shown.join(", "));
                if more > 0 {
                    let _ = write!(text, " and {more} more");
                }
            }
        }
        format!("{text}; the rule it needs: {}", rule(served))
    }

    async fn list(
        &self,
        api: &Api<RawObject>,
        wanted: &Wanted,
        listing: &Listing,
    ) -> Result<(), kube::Error> {
        let mut params = ListParams::default().limit(PAGE);
        let mut begun = 1;
        loop {
            let page = match attempt(|| api.list(&params)).await {
                Ok(page) => page,
                // The server dropped the state that the pages were cut from.
                Err(error) if status(&error) == Some(410) && begun < ATTEMPTS => {
                    begun += 1;
                    params.continue_token = None;
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.pass.count(page.items.len() as u64);
            for object in &page.items {
                self.pass.observe(listing, &wanted.kind, object);
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(()),
            }
        }
    }
}

fn rule(served: &ServedKind) -> String {
    let (group, plural) = (&served.resource.group, &served.resource.plural);
    format!("{{apiGroups: [\"{group}\"], resources: [\"{plural}\"], verbs: [\"list\"]}}")
}

/// Why a kind was not read.
struct Failure {
    weight: Weight,
    why: String,
    brought: Brought,
}

/// Whether a part of it was read all the same.
#[derive(Clone, Copy)]
enum Brought {
    Some,
    Nothing,
}

impl Failure {
    fn of(error: &kube::Error) -> Self {
        Self {
            weight: Weight::Failed,
            why: format!("the list failed: {}", unreachable(error)),
            brought: Brought::Nothing,
        }
    }
}

/// Makes a request again where it may succeed then: the server was busy or broken, or the connection was.
pub(crate) async fn attempt<T, F: Future<Output = Result<T, kube::Error>>>(
    mut request: impl FnMut() -> F,
) -> Result<T, kube::Error> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match request().await {
            Err(error) if is_transient(&error) => tokio::time::sleep(pause).await,
            outcome => return outcome,
        }
        pause *= 2;
    }
    request().await
}

fn status(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

fn is_forbidden(error: &kube::Error) -> bool {
    status(error) == Some(403)
}

fn is_transient(error: &kube::Error) -> bool {
    match status(error) {
        Some(code) => code == 429 || (500..=504).contains(&code),
        None => matches!(error, kube::Error::HyperError(_) | kube::Error::Service(_)),
    }
}

/// Why the API server did not answer as asked, for people.
pub(crate) fn unreachable(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 401 => {
            "the API server does not accept these credentials (401): log in again, or choose another --context".to_owned()
        }
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        kube::Error::HyperError(_) | kube::Error::Service(_) => {
            let cause = error.source().map(chain).unwrap_or_default();
            format!("cannot reach the API server: {cause}; is the address right, and is it up?")
        }
        other => chain(other),
    }
}

//! The certificate that the webhook shows: read from a folder, or made by ourselves and kept in a Secret that all
//! replicas share, with its authority told to the API server. It is looked at every minute.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde_json::json;

use super::authority::{Bundle, today};
use super::{Folder, SelfManaged};
use crate::error::chain;

/// How often the certificate is looked at.
const LOOK: Duration = Duration::from_secs(60);
/// How long API servers take at most to hear of an authority.
const HEARD: Duration = Duration::from_secs(3);
/// How soon after a failure.
const RETRY: Duration = Duration::from_secs(2);

/// Where the certificate comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A folder with `tls.crt` and `tls.key`; whoever writes it tells the API server whom to trust.
    Given(Folder),
    /// Made, renewed and made known by ourselves.
    SelfManaged(SelfManaged),
}

/// Why there is no certificate. Holds no key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file of the folder cannot be read.
    #[error("cannot read {0}")]
    File(String, #[source] std::io::Error),
    /// Certificate or key is no such thing.
    #[error("{0}")]
    Unusable(String),
    /// A certificate cannot be made.
    #[error("cannot make a certificate")]
    Make(#[source] rcgen::Error),
    /// The API server does not let us keep it, or tell of it.
    #[error("cannot {0}")]
    Api(String, #[source] Box<kube::Error>),
}

/// What is shown to clients; nothing before there is a certificate.
#[derive(Debug, Default)]
pub(super) struct Certificate {
    shown: RwLock<Option<(String, Arc<CertifiedKey>)>>,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.as_ref().map(|(_, key)| key.clone())
    }
}

impl Certificate {
    /// Keeps it right for ever.
    pub(super) async fn keep(self: Arc<Self>, source: Source, client: Client) {
        let mut said = String::new();
        loop {
            let outcome = match &source {
                Source::Given(folder) => self.read(folder),
                Source::SelfManaged(place) => self.manage(place, &client).await,
            };
            let wait = match outcome {
                Ok(()) => {
                    said.clear();
                    LOOK
                }
                Err(error) => {
                    let message = chain(&error);
                    if message != said {
                        tracing::warn!(error = message, "the webhook's certificate is not as it should be");
                        said = message;
                    }
                    RETRY
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    fn read(&self, folder: &Path) -> Result<(), CertificateError> {
        let text = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path)
                .map_err(|error| CertificateError::File(path.display().to_string(), error))
        };
        self.show(&text("tls.crt")?, &text("tls.key")?)
    }

    async fn manage(&self, place: &SelfManaged, client: &Client) -> Result<(), CertificateError> {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &place.namespace);
        let failed = |doing: &str, error| {
            let doing = format!("{doing} Secret {}/{}", place.namespace, place.secret);
            CertificateError::Api(doing, Box::new(error))
        };
        let stored = secrets.get_opt(&place.secret).await.map_err(|error| failed("read", error))?;
        let mut bundle = stored.as_ref().map(read).unwrap_or_default();
        let renewed = bundle.renewed(&place.hosts, today()).map_err(CertificateError::Make)?;
        if let Some(next) = renewed {
            let secret = write(place, &next, stored.as_ref());
            // Another replica may be first: then this fails, and the next look finds what that one made.
            let written = match &stored {
                None => secrets.create(&PostParams::default(), &secret).await,
                Some(_) => secrets.replace(&place.secret, &PostParams::default(), &secret).await,
            };
            written.map_err(|error| failed("write", error))?;
            tracing::info!(ends = next.ends, "made a certificate for the webhook");
            bundle = next;
        }
        // Whoever calls must trust the certificate before it is shown.
        let told = announce(place, client, &bundle.ca_certificate).await;
        if matches!(told, Ok(Told::Now)) && self.is_shown() {
            tokio::time::sleep(HEARD).await;
        }
        self.show(&bundle.certificate, &bundle.key)?;
        told.map(drop)
    }

    fn is_shown(&self) -> bool {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Shows a certificate from now on.
    fn show(&self, certificate: &str, key: &str) -> Result<(), CertificateError> {
        let known = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_some_and(|(shown, _)| shown == certificate) {
            return Ok(());
        }
        drop(known);
        let unusable = |what: &str| CertificateError::Unusable(format!("{what} is not valid PEM"));
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
        let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(|_| unusable("the certificate"))?;
        if chain.is_empty() {
            return Err(CertificateError::Unusable("there is no certificate in it".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| unusable("the key"))?;
        let key = any_supported_type(&key).map_err(|error| CertificateError::Unusable(error.to_string()))?;
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match().map_err(|error| CertificateError::Unusable(error.to_string()))?;
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        *shown = Some((certificate.to_owned(), Arc::new(certified)));
        tracing::info!("the webhook shows a new certificate");
        Ok(())
    }
}

/// When API servers were told of an authority.
enum Told {
    Before,
    Now,
}

/// Tells the API server whom to trust, where it does not know yet.
async fn announce(place: &SelfManaged, client: &Client, authority: &str) -> Result<Told, CertificateError> {
    let configurations: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let failed = |doing: &str, error| {
        let doing = format!("{doing} ValidatingWebhookConfiguration {}", place.configuration);
        CertificateError::Api(doing, Box::new(error))
    };
    let found = configurations.get(&place.configuration).await.map_err(|error| failed("read", error))?;
    let wanted = ByteString(authority.as_bytes().to_vec());
    let webhooks = found.webhooks.unwrap_or_default();
    let wrong: Vec<_> = webhooks
        .iter()
        .filter(|webhook| webhook.client_config.ca_bundle.as_ref() != Some(&wanted))
        .map(|webhook| json!({"name": webhook.name, "clientConfig": {"caBundle": wanted}}))
        .collect();
    if wrong.is_empty() {
        return Ok(Told::Before);
    }
    let patch = Patch::Strategic(json!({"webhooks": wrong}));
    let patched = configurations.patch(&place.configuration, &PatchParams::default(), &patch).await;
    patched.map_err(|error| failed("patch", error))?;
    tracing::info!(configuration = place.configuration, "told the API server the webhook's authority");
    Ok(Told::Now)
}

const KEYS: [&str; 7] = ["ca.crt", "ca.key", "ca.ends", "tls.crt", "tls.key", "tls.ends", "tls.hosts"];

fn read(secret: &Secret) -> Bundle {
    let text = |key: &str| {
        let value = secret.data.as_ref().and_then(|data| data.get(key));
        value.map(|value| String::from_utf8_lossy(&value.0).into_owned()).unwrap_or_default()
    };
    let [ca_certificate, ca_key, ca_ends, certificate, key, ends, hosts] = KEYS.map(text);
    Bundle { ca_certificate, ca_key, ca_ends, certificate, key, ends, hosts }
}

/// The Secret, at the version that was read, so that of two replicas one is first.
fn write(place: &SelfManaged, bundle: &Bundle, stored: Option<&Secret>) -> Secret {
    let Bundle { ca_certificate, ca_key, ca_ends, certificate, key, ends, hosts } = bundle.clone();
    let values = [ca_certificate, ca_key, ca_ends, certificate, key, ends, hosts];
    let data =
        KEYS.iter().zip(values).map(|(key, value)| ((*key).to_owned(), ByteString(value.into_bytes())));
    let mut secret = stored.cloned().unwrap_or_default();
    secret.metadata.name = Some(place.secret.clone());
    secret.metadata.namespace = Some(place.namespace.clone());
    secret.metadata.resource_version = stored.and_then(ResourceExt::resource_version);
    secret.data = Some(data.collect::<BTreeMap<_, _>>());
    secret
}

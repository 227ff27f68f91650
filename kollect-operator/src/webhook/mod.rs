//! The validating webhook: an HTTPS server that gives the verdicts of `validate`, and its certificate. It stores no
//! object, and an API server that does not reach it goes on without it: the reconcilers judge again.

mod authority;
mod certificate;
mod listener;
mod review;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use kube::Client;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use certificate::{CertificateError, Source};

use self::certificate::Certificate;
use self::listener::TlsListener;
use self::review::Reviewer;
use crate::engine::CollectionDefaults;
use crate::index::Ceilings;

/// Bytes of a review: an object twice, each as large as etcd takes them.
const MAX_REVIEW: usize = 8 << 20;

/// Path of the reviews.
pub const PATH: &str = "/validate";

/// How the webhook is served.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Port, on all addresses.
    pub port: u16,
    /// Where the certificate comes from.
    pub source: Source,
    /// Rules of collection, as the reconcilers have them.
    pub defaults: CollectionDefaults,
}

/// A self-managed certificate: where it is kept, whom it names, and who is told of its authority.
#[derive(Clone, Debug)]
pub struct SelfManaged {
    /// Namespace of the Secret that all replicas share.
    pub namespace: String,
    /// Name of that Secret.
    pub secret: String,
    /// Names and addresses under which the API server calls.
    pub hosts: Vec<String>,
    /// Name of the ValidatingWebhookConfiguration whose `caBundle` is kept right.
    pub configuration: String,
}

/// A folder with `tls.crt` and `tls.key`, as a mounted Secret of cert-manager is.
pub type Folder = PathBuf;

/// Serves until `stop`. Objects are judged under the scopes that `ceilings` tells.
///
/// # Errors
/// The port cannot be bound. A certificate that cannot be had yet is waited for, and told in the log.
pub async fn serve(
    settings: Settings,
    client: Client,
    ceilings: watch::Receiver<Arc<Ceilings>>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, settings.port))).await?;
    let certificate = Arc::new(Certificate::default());
    let keeping = certificate.clone().keep(settings.source, client.clone());
    let config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(certificate);
    let listener = TlsListener::start(listener, TlsAcceptor::from(Arc::new(config)));
    let reviewer = Arc::new(Reviewer::new(settings.defaults, ceilings));
    let router = Router::new()
        .route(PATH, post(move |body| async move { reviewer.answer(body) }))
        .layer(DefaultBodyLimit::max(MAX_REVIEW));
    let server = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    tokio::select! {
        served = async { server.await } => served,
        () = keeping => Ok(()),
    }
}

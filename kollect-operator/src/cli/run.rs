//! `kollect run`: reads flags, prepares the operator and runs it until it is told to stop. The operator
//! itself is in `reconcile`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Endpoints, Namespace, Node};
use kollect_sink_core::address::{AddressPolicy, PrivateRanges};
use kollect_sink_core::{ClaimMode, Writer};
use kollect_snapshot::store::Store;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::client;
use crate::engine::{CollectionDefaults, Engine};
use crate::export::ExportSettings;
use crate::export::settings::CrossNamespaceSecrets;
use crate::http;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::reconcile::Controller;
use crate::reconcile::controller::Settings;
use crate::telemetry::{self, LogArgs};

/// Flags of `kollect run`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Identity")]
pub struct RunArgs {
    /// Context of the kubeconfig; in a pod the service account is used without it
    #[arg(long, env = "KOLLECT_CONTEXT")]
    pub context: Option<String>,
    /// Name of this cluster, in every row and path; sinks may state another
    #[arg(long, env = "KOLLECT_CLUSTER_NAME", default_value = "")]
    pub cluster_name: String,
    /// Identity of this cluster as a writer [default: the uid of namespace kube-system]
    #[arg(long, env = "KOLLECT_CLUSTER_ID")]
    pub cluster_id: Option<String>,
    /// Identity of this installation within the cluster
    #[arg(long, env = "KOLLECT_RELEASE", default_value = "kube-system/kollect")]
    pub release: String,
    /// Take over scopes that another writer owns
    #[arg(long, env = "KOLLECT_TAKE_OVER")]
    pub take_over: bool,

    /// Namespaces that targets see if they name none
    #[arg(
        long,
        env = "KOLLECT_DEFAULT_INCLUDED_NAMESPACES",
        value_delimiter = ',',
        help_heading = "Collection"
    )]
    pub default_included_namespaces: Vec<String>,
    /// Namespaces that no target sees
    #[arg(
        long,
        env = "KOLLECT_DEFAULT_EXCLUDED_NAMESPACES",
        value_delimiter = ',',
        help_heading = "Collection"
    )]
    pub default_excluded_namespaces: Vec<String>,
    /// Further keys whose values are scrubbed
    #[arg(long, env = "KOLLECT_SCRUB_KEYS", value_delimiter = ',', help_heading = "Collection")]
    pub scrub_keys: Vec<String>,
    /// Seconds after which a watch request is renewed
    #[arg(long, env = "KOLLECT_WATCH_TIMEOUT", value_parser = clap::value_parser!(u32).range(5..=294), help_heading = "Collection")]
    pub watch_timeout: Option<u32>,

    /// Let sinks be in private address ranges
    #[arg(long, env = "KOLLECT_ALLOW_PRIVATE_SINKS", help_heading = "Sinks")]
    pub allow_private_sinks: bool,
    /// Let sinks be in this range, whatever else is refused (repeatable)
    #[arg(long, env = "KOLLECT_ALLOW_SINK_CIDR", value_delimiter = ',', help_heading = "Sinks")]
    pub allow_sink_cidr: Vec<IpNet>,
    /// Folder below which local sinks write, each below its namespace
    #[arg(long, env = "KOLLECT_LOCAL_ROOT", help_heading = "Sinks")]
    pub local_root: Option<PathBuf>,
    /// Namespaces whose Secrets any databaseRef may name
    #[arg(
        long,
        env = "KOLLECT_SHARED_SECRET_NAMESPACES",
        value_delimiter = ',',
        default_value = "kollect-system",
        help_heading = "Sinks"
    )]
    pub shared_secret_namespaces: Vec<String>,
    /// Let every reference name Secrets of any namespace
    #[arg(long, env = "KOLLECT_ALLOW_CROSS_NAMESPACE_SECRETS", help_heading = "Sinks")]
    pub allow_cross_namespace_secrets: bool,

    /// Where /healthz and /readyz are served; 0 turns them off
    #[arg(long, env = "KOLLECT_HEALTH_PROBE_BIND_ADDRESS", default_value = ":8081", help_heading = "HTTP")]
    pub health_probe_bind_address: String,
    /// Where /metrics is served, in plain HTTP; 0 turns it off
    #[arg(long, env = "KOLLECT_METRICS_BIND_ADDRESS", default_value = "0", help_heading = "HTTP")]
    pub metrics_bind_address: String,

    /// The log
    #[command(flatten)]
    pub log: LogArgs,
}

/// Runs the operator until SIGINT or SIGTERM.
///
/// # Errors
/// What keeps it from starting; once started it goes on.
pub async fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    telemetry::start(&args.log)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), configuration = ?args, "starting");
    let health_address = bind_address("--health-probe-bind-address", &args.health_probe_bind_address)?;
    let metrics_address = bind_address("--metrics-bind-address", &args.metrics_bind_address)?;
    if args.cluster_name == "_" {
        bail!("--cluster-name: `_` stands for an empty name in paths; choose another");
    }
    let client = client::connect(args.context.as_deref()).await?;
    let cluster_id = match &args.cluster_id {
        Some(id) => id.clone(),
        None => cluster_id(&client).await?,
    };
    let exports = ExportSettings {
        writer: Writer::new(&format!("{cluster_id}/{}", args.release)),
        cluster_name: args.cluster_name.clone(),
        claim_mode: if args.take_over { ClaimMode::TakeOver } else { ClaimMode::Own },
        addresses: address_policy(&client, &args).await,
        local_root: args.local_root.clone(),
        shared_secret_namespaces: args.shared_secret_namespaces.iter().cloned().collect(),
        cross_namespace_secrets: if args.allow_cross_namespace_secrets {
            CrossNamespaceSecrets::Allowed
        } else {
            CrossNamespaceSecrets::ByConsent
        },
    };
    let collection = CollectionDefaults {
        included_namespaces: args.default_included_namespaces.iter().cloned().collect(),
        excluded_namespaces: args.default_excluded_namespaces.iter().cloned().collect(),
        scrub_keys: args.scrub_keys.clone(),
    };
    let engine = Arc::new(Engine::new(Store::new()));
    let metrics = Arc::new(Metrics::new(&engine).context("metrics cannot be registered")?);
    let readiness = Arc::new(Readiness::default());
    let stop = CancellationToken::new();
    let mut servers = tokio::task::JoinSet::new();
    if let Some(address) = health_address {
        servers.spawn(http::serve(address, http::health(readiness.clone()), stop.clone()));
    }
    if let Some(address) = metrics_address {
        servers.spawn(http::serve(address, http::metrics(metrics.clone()), stop.clone()));
    }
    let settings = Settings { collection, exports, watch_timeout: args.watch_timeout };
    let controller = Controller::new(client, engine, settings, readiness, metrics.clone());
    let mut operator = tokio::spawn(controller.run(stop.clone()));
    tokio::select! {
        () = termination() => tracing::info!("told to stop"),
        Some(ended) = servers.join_next() => {
            ended.context("an HTTP server ended")?.context("an HTTP address cannot be served")?;
        }
        ended = &mut operator => ended.context("the operator ended")?,
    }
    stop.cancel();
    operator.await.context("the operator did not end cleanly")?;
    metrics.shutdown();
    Ok(ExitCode::SUCCESS)
}

async fn termination() {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Reads `host:port`, `:port` (all addresses) and `0` (off).
fn bind_address(flag: &str, text: &str) -> anyhow::Result<Option<SocketAddr>> {
    if text == "0" || text.is_empty() {
        return Ok(None);
    }
    let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    let address = full.parse().with_context(|| {
        format!("{flag}: `{text}` is no address; write `127.0.0.1:8081`, `:8081`, or 0 to turn it off")
    })?;
    Ok(Some(address))
}

async fn cluster_id(client: &Client) -> anyhow::Result<String> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = namespaces.get("kube-system").await.context(
        "cannot read namespace kube-system, whose uid identifies this cluster as a writer; \
         allow it, or state --cluster-id",
    )?;
    namespace.uid().context("namespace kube-system has no uid; state --cluster-id")
}

/// The rules for addresses: what the flags allow, and never the cluster's own machinery. Where nodes and
/// endpoints may not be read, the ranges alone decide.
async fn address_policy(client: &Client, args: &RunArgs) -> AddressPolicy {
    let private = if args.allow_private_sinks { PrivateRanges::Allowed } else { PrivateRanges::Refused };
    let mut own: Vec<std::net::IpAddr> = Vec::new();
    let endpoints: Api<Endpoints> = Api::namespaced(client.clone(), "default");
    if let Ok(Some(found)) = endpoints.get_opt("kubernetes").await {
        let addresses =
            found.subsets.unwrap_or_default().into_iter().flat_map(|set| set.addresses.unwrap_or_default());
        own.extend(addresses.filter_map(|address| address.ip.parse::<std::net::IpAddr>().ok()));
    }
    let nodes: Api<Node> = Api::all(client.clone());
    match nodes.list(&ListParams::default()).await {
        Ok(nodes) => {
            let addresses = nodes.items.into_iter().filter_map(|node| node.status?.addresses).flatten();
            own.extend(addresses.filter_map(|address| address.address.parse::<std::net::IpAddr>().ok()));
        }
        Err(error) => tracing::warn!(
            error = crate::error::chain(&error),
            "cannot list nodes: sinks at a node's address are not refused as such"
        ),
    }
    let policy = AddressPolicy::guarded(private).refuse(own);
    args.allow_sink_cidr.iter().fold(policy, |policy, net| policy.allow(*net))
}

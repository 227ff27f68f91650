//! `kollect run`: reads flags, prepares the operator and runs it until it is told to stop. The operator
//! itself is in `reconcile`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use k8s_openapi::api::core::v1::Namespace;
use kollect_sink_core::{ClaimMode, Writer};
use kollect_snapshot::store::Store;
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch as watch_channel;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::rules::{CollectionArgs, SinkArgs, check_cluster_name};
use super::webhook::WebhookArgs;
use crate::client;
use crate::connection_test::ConnectionTests;
use crate::engine::Engine;
use crate::http;
use crate::metrics::Metrics;
use crate::own_addresses::OwnAddresses;
use crate::readiness::Readiness;
use crate::reconcile::Controller;
use crate::reconcile::controller::Settings;
use crate::telemetry::{self, LogArgs};
use crate::watch;
use crate::webhook;

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

    /// What is collected
    #[command(flatten)]
    pub collection: CollectionArgs,
    /// Seconds after which a watch request is renewed
    #[arg(
        long,
        env = "KOLLECT_WATCH_TIMEOUT",
        default_value_t = 290,
        value_parser = clap::value_parser!(u32).range(5..=294),
        help_heading = "Collection"
    )]
    pub watch_timeout: u32,

    /// Seconds for which rows stay of a kind that is not served any more
    #[arg(long, env = "KOLLECT_VANISHED_AFTER", default_value_t = 600, hide = true)]
    pub vanished_after: u64,

    /// Seconds after which a cluster inventory without any target is degraded
    #[arg(long, env = "KOLLECT_NO_TARGETS_AFTER", default_value_t = 300, hide = true)]
    pub no_targets_after: u64,

    /// Seconds after which the addresses of nodes and the API server, which no sink may have, are read again
    #[arg(long, env = "KOLLECT_OWN_ADDRESSES_EVERY", default_value_t = 600, hide = true)]
    pub own_addresses_every: u64,

    /// How sinks are reached
    #[command(flatten)]
    pub sinks: SinkArgs,

    /// Where /healthz and /readyz are served; 0 turns them off
    #[arg(long, env = "KOLLECT_HEALTH_PROBE_BIND_ADDRESS", default_value = ":8081", help_heading = "HTTP")]
    pub health_probe_bind_address: String,
    /// Where /metrics is served, in plain HTTP; 0 turns it off
    #[arg(long, env = "KOLLECT_METRICS_BIND_ADDRESS", default_value = "0", help_heading = "HTTP")]
    pub metrics_bind_address: String,

    /// The validating webhook
    #[command(flatten)]
    pub webhook: WebhookArgs,

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
    check_cluster_name(&args.cluster_name)?;
    let collection = args.collection.defaults()?;
    let config = client::config(args.context.as_deref()).await?;
    let host = client::host(&config).to_owned();
    let client = client::connect(config, args.watch_timeout)?;
    let cluster_id = match &args.cluster_id {
        Some(id) => id.clone(),
        None => cluster_id(&client).await?,
    };
    let own_addresses = OwnAddresses::new(&client, &host);
    own_addresses.read().await;
    let exports = args.sinks.settings(
        Writer::new(&format!("{cluster_id}/{}", args.release)),
        &args.cluster_name,
        if args.take_over { ClaimMode::TakeOver } else { ClaimMode::Own },
        args.sinks.addresses(own_addresses.known()),
    );
    let every = Duration::from_secs(args.own_addresses_every.max(1));
    let _following = AbortOnDropHandle::new(tokio::spawn(own_addresses.follow(every)));
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
    let (ceilings, ruling) = watch_channel::channel(Arc::default());
    if let Some(settings) = args.webhook.settings(&args.release, collection.clone()) {
        servers.spawn(webhook::serve(settings, client.clone(), ruling, stop.clone()));
    }
    let watches = watch::Settings {
        watch_timeout: args.watch_timeout,
        vanished_after: Duration::from_secs(args.vanished_after),
        one_by_one: !collection.watch_namespaces.is_empty(),
    };
    let settings = Settings {
        collection,
        exports,
        watches,
        no_targets_after: Duration::from_secs(args.no_targets_after),
    };
    let tests = ConnectionTests::new(client.clone(), settings.exports.clone(), metrics.clone());
    let tests = AbortOnDropHandle::new(tokio::spawn(tests.run(args.watch_timeout, stop.clone())));
    let controller = Controller::new(client, engine, settings, readiness, metrics.clone(), ceilings);
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
    tests.await.context("connection tests did not end cleanly")?;
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

//! `kollect verify`: reads flags, compares, prints the report. The comparison itself is in `crate::verify`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use kollect_sink_core::address::RefusedAddresses;
use kollect_sink_core::{ClaimMode, Writer};
use kube::Client;

use super::interruption::interrupted;
use super::printed::{Format, complain, print};
use super::rules::{CollectionArgs, SinkArgs, check_cluster_name};
use super::subject::SubjectArgs;
use crate::collect::manifests::Manifests;
use crate::collect::progress::{Progress, Wish};
use crate::export::secrets::Secrets;
use crate::own_addresses::OwnAddresses;
use crate::verify::source::{self, Source};
use crate::verify::{self, Error, Request, objects, text};

/// Flags of `kollect verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  kollect verify --cluster-name prod
  kollect verify --context prod --cluster-name prod -n platform --inventory all
  kollect verify --cluster-name prod --output json | jq '.exports[] | select(.verdict != \"inSync\")'
  kubectl get deployments,namespaces -A -o json > dump.json
  kollect verify --cluster-name prod --from dump.json --config ./kollect

Give it the flags that the operator runs with: --cluster-name, those of collection and those of sinks.
It writes nothing: a reader's rights suffice, in the cluster and in the sinks.
Exit codes: 0 all equal; 1 a difference, or something could not be checked; 2 nothing usable; 130 interrupted.")]
pub struct VerifyArgs {
    /// The exports
    #[command(flatten)]
    subject: SubjectArgs,

    /// Read the objects from manifests or kubectl dumps, and Secrets from --config; - is standard input
    #[arg(
        long,
        value_name = "DIR|FILE|-",
        env = "KOLLECT_FROM",
        requires = "config",
        conflicts_with_all = ["context", "kubeconfig"],
        help_heading = "From where"
    )]
    from: Option<PathBuf>,
    /// Seconds within which differences may vanish: both sides are read again meanwhile; 0 looks once
    #[arg(long, value_name = "SECONDS", env = "KOLLECT_SETTLE", default_value_t = 10, help_heading = "How")]
    settle: u32,
    /// Differing rows that are named, for each inventory and sink
    #[arg(long, value_name = "ROWS", env = "KOLLECT_LIMIT", default_value_t = 20, help_heading = "How")]
    limit: usize,
    /// How the report is written
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        value_enum,
        env = "KOLLECT_OUTPUT",
        default_value = "text",
        help_heading = "How"
    )]
    output: Format,
    /// No progress and no notes, only the report and what went wrong
    #[arg(long, short, env = "KOLLECT_QUIET", help_heading = "How")]
    quiet: bool,

    /// What is collected
    #[command(flatten)]
    collection: CollectionArgs,
    /// How sinks are reached
    #[command(flatten)]
    sinks: SinkArgs,
}

/// Runs the command.
///
/// # Errors
/// Nothing can be compared.
pub async fn run(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    tokio::select! {
        biased;
        interrupted = interrupted("nothing was compared to its end") => Ok(interrupted),
        outcome = work(args) => outcome,
    }
}

async fn work(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    check_cluster_name(&args.subject.cluster_name)?;
    let progress = Progress::new(if args.quiet { Wish::Quiet } else { Wish::Automatic });
    let request = args.request().await?;
    let report = verify::verify(request, &progress).await?;
    complain(&report.findings, args.quiet);
    print(&report, text::text, args.output)?;
    Ok(ExitCode::from(report.verdict.code()))
}

impl VerifyArgs {
    async fn request(&self) -> anyhow::Result<Request> {
        let defaults = self.collection.defaults()?;
        let choice = self.subject.choice();
        let manifests = self.subject.config.as_deref().map(Manifests::open_with_secrets).transpose()?;
        let cluster = match &self.from {
            Some(_) => None,
            None => Some(
                source::cluster(self.subject.kubeconfig.as_deref(), self.subject.context.as_deref()).await?,
            ),
        };
        let client = cluster.as_ref().map(|(_, config)| Client::try_from(config.clone())).transpose();
        let client = client.map_err(|error| Error::Client(Box::new(error)))?;
        let host = cluster.as_ref().map(|(_, config)| crate::client::host(config));
        let mut own = RefusedAddresses::default();
        if let Some((client, host)) = client.as_ref().zip(host) {
            let addresses = OwnAddresses::new(client, host);
            addresses.read().await;
            own = addresses.known();
        }
        let addresses = self.sinks.addresses(own);
        // Nothing is claimed: nobody has to be named as a writer.
        let settings =
            self.sinks.settings(Writer::default(), &self.subject.cluster_name, ClaimMode::Own, addresses);
        let (index, problems, given) = match (manifests, &client) {
            (Some(manifests), _) => (manifests.index, manifests.problems, manifests.secrets),
            (None, Some(client)) => {
                let within = match &choice.namespaces {
                    none if none.is_empty() => &defaults.watch_namespaces,
                    some => some,
                };
                (objects::read(client, within).await?, Vec::new(), Vec::new())
            }
            (None, None) => Default::default(),
        };
        let secrets = match client {
            Some(client) => Secrets::new(client, settings.clone()),
            None => Secrets::given(given, settings.clone()),
        };
        let source = match (&self.from, cluster) {
            (Some(path), _) if path.as_os_str() == "-" => Source::Stdin,
            (Some(path), _) => Source::Path(path.clone()),
            (None, Some((name, config))) => Source::Cluster(name, Box::new(config)),
            (None, None) => return Err(Error::Nothing("there is neither a cluster nor a dump").into()),
        };
        Ok(Request {
            index,
            problems,
            source,
            choice,
            defaults,
            settings,
            secrets,
            limit: self.limit,
            settle: Duration::from_secs(self.settle.into()),
        })
    }
}

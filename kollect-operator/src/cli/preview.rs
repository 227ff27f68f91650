//! `kollect preview`: reads flags, collects a few rows where that is asked for, prints what sinks would do. The previews
//! themselves are made in `crate::preview`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueHint};
use jiff::Timestamp;
use kube::{Client, Config};

use super::interruption::interrupted;
use super::printed::{Format, complain, print};
use super::rules::{CollectionArgs, check_cluster_name};
use super::subject::SubjectArgs;
use crate::collect::Done;
use crate::collect::manifests::Manifests;
use crate::collect::progress::{Progress, Wish};
use crate::preview::subject::Chosen;
use crate::preview::{Error, Request, text};
use crate::verify::objects;
use crate::verify::source::{self, Source};

/// Flags of `kollect preview`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  kollect preview --config ./kollect --example                 without a cluster, of made-up rows
  kollect preview --config ./kollect --sample                  of the rows of a small built-in cluster
  kubectl get deployments,namespaces -A -o json | kollect preview --config ./kollect --from -
  kollect preview -n platform --sink warehouse --example       a sink of the cluster, whatever it collects
  kollect preview --config ./kollect --example --output json | jq -r '.exports[].preview.ddl // empty' | psql

It shows what the first export into an empty destination would do: the DDL, paths, keys, columns and a document, made
by the functions that export. It connects to no sink, needs no Secret and writes nothing. Give it the flags that the
operator runs with: --cluster-name, and those of collection.
Exit codes: 0 all could be previewed; 1 a part of it; 2 nothing usable; 130 interrupted.")]
pub struct PreviewArgs {
    /// The exports
    #[command(flatten)]
    subject: SubjectArgs,

    /// Read rows from manifests or kubectl dumps; - is standard input
    #[arg(
        long,
        value_name = "DIR|FILE|-",
        env = "KOLLECT_FROM",
        value_hint = ValueHint::AnyPath,
        requires = "config",
        conflicts_with_all = ["context", "kubeconfig"],
        help_heading = "From where"
    )]
    from: Option<PathBuf>,
    /// Read rows from a small cluster that comes with the binary
    #[arg(
        long,
        requires = "config",
        conflicts_with_all = ["context", "kubeconfig", "from"],
        help_heading = "From where"
    )]
    sample: bool,
    /// Make a row up for each kind of each target, and list no objects
    #[arg(long, env = "KOLLECT_EXAMPLE", conflicts_with_all = ["from", "sample"], help_heading = "From where")]
    example: bool,
    /// Rows that are shown of each inventory
    #[arg(
        long,
        value_name = "ROWS",
        env = "KOLLECT_ROWS",
        default_value_t = 3,
        value_parser = clap::value_parser!(u16).range(1..=1000),
        help_heading = "How"
    )]
    rows: u16,
    /// How previews are written
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
    /// No progress and no notes, only previews and what went wrong
    #[arg(long, short, env = "KOLLECT_QUIET", help_heading = "How")]
    quiet: bool,

    /// What is collected
    #[command(flatten)]
    collection: CollectionArgs,
}

/// Runs the command.
///
/// # Errors
/// Nothing can be previewed.
pub async fn run(args: PreviewArgs) -> anyhow::Result<ExitCode> {
    tokio::select! {
        biased;
        interrupted = interrupted("nothing was previewed") => Ok(interrupted),
        outcome = work(args) => outcome,
    }
}

async fn work(args: PreviewArgs) -> anyhow::Result<ExitCode> {
    check_cluster_name(&args.subject.cluster_name)?;
    let cluster =
        if args.needs_cluster() {
            let cluster =
                source::cluster(args.subject.kubeconfig.as_deref(), args.subject.context.as_deref()).await;
            Some(cluster.context(
                "a cluster is needed, unless there are --config and --example, --from or --sample",
            )?)
        } else {
            None
        };
    let request = args.request(cluster.as_ref().map(|(_, config)| config)).await?;
    let chosen = request.choose()?;
    let done = args.gather(&request, &chosen, cluster).await?;
    let report = request.report(&chosen, done).await;
    complain(&report.findings, args.quiet);
    print(&report, text::text, args.output)?;
    Ok(ExitCode::from(report.code()))
}

impl PreviewArgs {
    /// Whether Kollect's objects or rows come from a cluster.
    fn needs_cluster(&self) -> bool {
        self.subject.config.is_none() || !(self.example || self.sample || self.from.is_some())
    }

    async fn request(&self, cluster: Option<&Config>) -> anyhow::Result<Request> {
        let choice = self.subject.choice();
        let defaults = self.collection.defaults()?;
        let (index, problems) = match (&self.subject.config, cluster) {
            (Some(config), _) => {
                let manifests = Manifests::open_any(config)?;
                (manifests.index, manifests.problems)
            }
            (None, Some(config)) => {
                let client = Client::try_from(config.clone()).context("cannot use the cluster")?;
                let within = match &choice.namespaces {
                    none if none.is_empty() => &defaults.watch_namespaces,
                    some => some,
                };
                (objects::read(&client, within).await?, Vec::new())
            }
            (None, None) => return Err(Error::Nothing("there are neither manifests nor a cluster").into()),
        };
        Ok(Request {
            index,
            problems,
            choice,
            defaults,
            cluster_name: self.subject.cluster_name.clone(),
            rows: self.rows.into(),
            at: Timestamp::now(),
        })
    }

    /// Collects the chosen inventories; nothing where rows are made up, or nothing has to be collected.
    async fn gather(
        &self,
        request: &Request,
        chosen: &Chosen,
        cluster: Option<(String, Config)>,
    ) -> anyhow::Result<Option<Done>> {
        let source = match (&self.from, cluster) {
            _ if self.example || chosen.index.all_targets().next().is_none() => return Ok(None),
            _ if self.sample => Source::Sample,
            (Some(path), _) if path.as_os_str() == "-" => Source::Stdin,
            (Some(path), _) => Source::Path(path.clone()),
            (None, Some((name, config))) => Source::Cluster(name, Box::new(config)),
            (None, None) => return Ok(None),
        };
        let progress = Progress::new(if self.quiet { Wish::Quiet } else { Wish::Automatic });
        Ok(Some(source.gather(&chosen.index, &request.defaults, &progress).await?))
    }
}

//! `kollect collect`: reads flags, runs the pass, prints tables and the summary. The pass itself is in
//! `crate::collect`.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use jiff::Timestamp;
use kollect_sink_objectstore::format::Format;

use super::interruption::interrupted;
use crate::collect::manifests::Manifests;
use crate::collect::output::{Document, Output};
use crate::collect::preset::{self, PRESETS};
use crate::collect::progress::{Progress, Wish};
use crate::collect::summary::{self, Detail, Verdict};
use crate::collect::table::Extent;
use crate::collect::{self, Done, Request, Source, tables};
use crate::error::chain;

/// Width of a table that no terminal shows.
const WIDTH: usize = 120;

/// Flags of `kollect collect`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  kollect collect --sample
  kollect collect deployments images --context 'prod-*' --output inventory
  kollect collect ingresses --namespace shop --namespace payments
  kollect collect --config ./kollect --from ./must-gather.local.123
  kubectl get cronjobs -A -o yaml | kollect collect cronjobs --from - --output - > cronjobs.ndjson

Rows are the operator's: a config that pleases here can be applied as it is.
Exit codes: 0 success; 1 something was skipped or failed, the rest is there; 2 nothing usable; 130 interrupted.")]
pub struct CollectArgs {
    /// What to collect, by name of presets (see --list-presets) [default: deployments]
    #[arg(value_name = "PRESET", env = "KOLLECT_PRESETS", value_delimiter = ',', conflicts_with = "config")]
    presets: Vec<String>,
    /// Collect what the profiles, targets and inventories in this folder or file describe
    #[arg(long, value_name = "DIR", env = "KOLLECT_CONFIG", help_heading = "What")]
    config: Option<PathBuf>,
    /// Print the presets, and what each collects
    #[arg(long, help_heading = "What")]
    list_presets: bool,
    /// Look only at these namespaces, where a target names none (repeatable)
    #[arg(
        long,
        short,
        value_name = "NAME",
        env = "KOLLECT_NAMESPACE",
        value_delimiter = ',',
        help_heading = "What"
    )]
    namespace: Vec<String>,
    /// Further keys whose values are replaced (repeatable)
    #[arg(
        long,
        value_name = "KEY",
        env = "KOLLECT_SCRUB_KEYS",
        value_delimiter = ',',
        help_heading = "What"
    )]
    scrub_keys: Vec<String>,

    /// Contexts of the kubeconfig, * and ? allowed (repeatable) [default: the current one]
    #[arg(
        long,
        value_name = "GLOB",
        env = "KOLLECT_CONTEXT",
        value_delimiter = ',',
        help_heading = "From where"
    )]
    context: Vec<String>,
    /// The kubeconfig [default: that of KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE", env = "KOLLECT_KUBECONFIG", help_heading = "From where")]
    kubeconfig: Option<PathBuf>,
    /// Read manifests, kubectl dumps or a must-gather tree; - is standard input
    #[arg(
        long,
        value_name = "DIR|FILE|-",
        env = "KOLLECT_FROM",
        conflicts_with_all = ["context", "kubeconfig"],
        help_heading = "From where"
    )]
    from: Option<PathBuf>,
    /// Read a small cluster that comes with the binary
    #[arg(long, conflicts_with_all = ["context", "kubeconfig", "from"], help_heading = "From where")]
    sample: bool,
    /// Name of the cluster in rows and paths [default: that of the context or file]
    #[arg(long, value_name = "NAME", env = "KOLLECT_CLUSTER_NAME", help_heading = "From where")]
    cluster_name: Option<String>,

    /// Write files below a folder (`<cluster>/<namespace>/<inventory>.<format>`), one file, or - for
    /// standard output
    #[arg(long, short, value_name = "DIR|FILE|-", env = "KOLLECT_OUTPUT", help_heading = "Into what")]
    output: Option<String>,
    /// Format of the files (repeatable) [default: parquet and ndjson; ndjson on standard output]
    #[arg(
        long,
        value_name = "FORMAT",
        env = "KOLLECT_FORMAT",
        value_delimiter = ',',
        requires = "output",
        value_parser = PossibleValuesParser::new(FORMATS).try_map(format),
        help_heading = "Into what"
    )]
    format: Vec<Format>,
    /// Do not cut the table's values
    #[arg(long, env = "KOLLECT_WIDE", help_heading = "Into what")]
    wide: bool,
    /// No progress and no summary, only the table and what went wrong
    #[arg(long, short, env = "KOLLECT_QUIET", help_heading = "Into what")]
    quiet: bool,
}

const FORMATS: [&str; 5] = ["parquet", "ndjson", "json", "yaml", "csv"];

fn format(name: String) -> Result<Format, String> {
    Format::ALL.into_iter().find(|format| format.as_str() == name).ok_or(name)
}

/// Runs the command.
///
/// # Errors
/// It cannot be run at all.
pub async fn run(args: CollectArgs) -> anyhow::Result<ExitCode> {
    if args.list_presets {
        return list_presets();
    }
    tokio::select! {
        biased;
        interrupted = interrupted("files that were not finished are not there") => Ok(interrupted),
        outcome = work(args) => outcome,
    }
}

async fn work(args: CollectArgs) -> anyhow::Result<ExitCode> {
    let output = args.output.as_deref().map(|output| Output::parse(output, &args.format)).transpose()?;
    let manifests = manifests(&args, output.as_ref())?;
    let index = manifests.index.clone();
    let inventories = index.all_inventories().count();
    output.iter().try_for_each(|output| output.holds(inventories))?;
    let progress = Progress::new(if args.quiet { Wish::Quiet } else { Wish::Automatic });
    let mut done = collect::collect(&args.request(), manifests, &progress).await?;

    let mut documents = Vec::new();
    if let Some(output) = &output {
        output.holds(inventories * done.len())?;
        for one in &mut done {
            documents.push(if one.is_useful() { write(output, one).await } else { Vec::new() });
        }
    }
    let gathered: Vec<_> = done.iter().filter(|done| done.is_useful()).map(|done| &done.gathered).collect();
    let extent = extent(args.wide);
    let shown = if matches!(output, Some(Output::Stdout(_))) {
        tables::write(&gathered, &index, extent, &mut io::stderr().lock()).await
    } else {
        tables::write(&gathered, &index, extent, &mut io::BufWriter::new(io::stdout().lock())).await
    };
    match shown {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        shown => shown.map_err(collect::Error::Stdout)?,
    }
    let detail = if args.quiet { Detail::Problems } else { Detail::Full };
    let mut err = io::stderr().lock();
    for (at, one) in done.iter().enumerate() {
        let written = documents.get(at).map(Vec::as_slice).unwrap_or_default();
        // Without standard error there is nobody to tell.
        let _ = err.write_all(summary::text(one, written, detail).as_bytes());
    }
    Ok(ExitCode::from(Verdict::of(&done).code()))
}

/// Writes the documents of one source; a failure becomes a finding of it.
async fn write(output: &Output, done: &mut Done) -> Vec<Document> {
    match output.write(&done.gathered, Timestamp::now()).await {
        Ok(documents) => documents,
        Err(failed) if failed.is_broken_pipe() => Vec::new(),
        Err(failed) => {
            done.gathered.fail(&failed.place, &chain(&failed.source));
            Vec::new()
        }
    }
}

fn manifests(args: &CollectArgs, output: Option<&Output>) -> anyhow::Result<Manifests> {
    let mut manifests = match &args.config {
        Some(config) => Manifests::open(config)?,
        None if args.presets.is_empty() => preset::manifests([preset::DEFAULT])?,
        None => {
            let names: BTreeSet<&str> = args.presets.iter().map(String::as_str).collect();
            preset::manifests(names)?
        }
    };
    manifests.complete();
    manifests.exported_to_files = output.is_some();
    Ok(manifests)
}

impl CollectArgs {
    fn request(&self) -> Request {
        let source = match &self.from {
            _ if self.sample => Source::Sample,
            Some(path) if path.as_os_str() == "-" => Source::Stdin,
            Some(path) => Source::Path(path.clone()),
            None => Source::Clusters { kubeconfig: self.kubeconfig.clone(), contexts: self.context.clone() },
        };
        Request {
            source,
            cluster_name: self.cluster_name.clone(),
            namespaces: self.namespace.iter().cloned().collect(),
            scrub_keys: self.scrub_keys.clone(),
        }
    }
}

fn extent(wide: bool) -> Extent {
    if wide {
        return Extent::Free;
    }
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || io::stdout().is_terminal().then(|| comfy_table::Table::new().width()).flatten();
    let width = columns.or_else(|| terminal().map(usize::from)).filter(|width| *width >= 40);
    Extent::Columns(width.unwrap_or(WIDTH))
}

fn list_presets() -> anyhow::Result<ExitCode> {
    let width = PRESETS.iter().map(|preset| preset.name.len()).max().unwrap_or_default();
    let mut out = io::stdout().lock();
    for preset in PRESETS {
        writeln!(out, "{:width$}  {}", preset.name, preset.about())?;
    }
    Ok(ExitCode::SUCCESS)
}

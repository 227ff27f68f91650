//! `collect`: one pass over clusters or files, by the same engine as the operator's, into a table and into
//! files. It installs nothing, watches nothing and writes to no sink.

pub mod cluster;
pub mod cluster_name;
pub mod contexts;
pub mod document;
pub mod error;
pub mod finding;
pub mod folder;
pub mod manifests;
pub mod output;
pub mod pass;
pub mod pattern;
pub mod preset;
pub mod printable;
pub mod progress;
pub mod summary;
pub mod table;
pub mod tables;
pub mod texts;

use std::collections::BTreeSet;
use std::path::PathBuf;

use futures::{StreamExt, stream};
use tokio::task;

use crate::engine::CollectionDefaults;
use crate::error::chain;
use crate::index::{Index, ObjectName};
use cluster::Reached;
use contexts::Context;
pub use error::Error;
use finding::Weight;
use manifests::Manifests;
use pass::{Gathered, Pass};
use progress::Progress;
use texts::{Stop, Texts};

/// Clusters that are read at the same time.
const CLUSTERS_AT_ONCE: usize = 8;

/// Where objects come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The clusters of a kubeconfig's contexts.
    Clusters {
        /// The kubeconfig; by default that of the environment.
        kubeconfig: Option<PathBuf>,
        /// Patterns of contexts; empty is the current one.
        contexts: Vec<String>,
    },
    /// A folder or a file.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// The built-in sample cluster.
    Sample,
}

/// What is to be collected.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where objects come from.
    pub source: Source,
    /// Name of the cluster, in place of the source's.
    pub cluster_name: Option<String>,
    /// Namespaces to look at, where targets name none; empty is all.
    pub namespaces: BTreeSet<String>,
    /// Further keys whose values are scrubbed.
    pub scrub_keys: Vec<String>,
}

/// How a pass over one source went.
#[derive(Debug)]
pub struct Done {
    /// What it brought.
    pub gathered: Gathered,
    /// Whether the source could be read at all.
    pub usable: bool,
}

impl Done {
    /// Whether anything that was asked for could be read, if only to find that there is none. What is not
    /// useful is neither shown nor written: it would replace better files.
    pub fn is_useful(&self) -> bool {
        self.usable && (self.gathered.kinds_read > 0 || self.gathered.rows() > 0)
    }
}

/// Collects what `manifests` describe from every source that is requested, sources side by side. Dropping the
/// future ends it.
///
/// # Errors
/// The request cannot be carried out at all. What goes wrong with one source, kind or file is a finding.
pub async fn collect(
    request: &Request,
    manifests: Manifests,
    progress: &Progress,
) -> Result<Vec<Done>, Error> {
    if let Some(name) = &request.cluster_name
        && !cluster_name::is_valid(name)
    {
        return Err(Error::ClusterName { name: name.clone() });
    }
    let defaults = CollectionDefaults {
        included_namespaces: request.namespaces.clone(),
        scrub_keys: request.scrub_keys.clone(),
        ..CollectionDefaults::default()
    };
    let named = |name: &str| request.cluster_name.clone().unwrap_or_else(|| cluster_name::from_source(name));
    let begin = |name: &str| {
        let cluster = named(name);
        let bar = progress.bar(&cluster);
        let pass = Pass::new(&cluster, &manifests.index, &defaults, bar);
        manifests.report(&pass.findings);
        pass
    };
    match &request.source {
        Source::Clusters { kubeconfig, contexts } => {
            let contexts = contexts::choose(kubeconfig.as_deref(), contexts).await?;
            if contexts.len() > 1 && request.cluster_name.is_some() {
                return Err(Error::OneName { contexts: contexts.len() });
            }
            let passes: Vec<(Context, Pass)> = contexts
                .into_iter()
                .map(|context| (begin(&context.name), context))
                .map(|(pass, context)| (context, pass))
                .collect();
            let read = stream::iter(passes).map(|(context, pass)| cluster_pass(context, pass));
            Ok(read.buffered(CLUSTERS_AT_ONCE).collect().await)
        }
        Source::Path(path) => {
            let path = path.clone();
            let name = source_name(&path);
            texts_pass(begin(&name), move || Texts::below(&path)).await.map(|done| vec![done])
        }
        Source::Stdin => texts_pass(begin("stdin"), Texts::stdin).await.map(|done| vec![done]),
        Source::Sample => texts_pass(begin("sample"), || Ok(Texts::sample())).await.map(|done| vec![done]),
    }
}

/// The last part of a path: what its owner calls the dump.
fn source_name(path: &std::path::Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

async fn cluster_pass(context: Context, pass: Pass) -> Done {
    let reached = match context.config {
        Ok(config) => cluster::read(&pass, config).await,
        Err(error) => {
            pass.findings.add(Weight::Failed, format!("context {}", context.name), chain(&error));
            Reached::No
        }
    };
    Done { gathered: pass.finish(), usable: reached == Reached::Yes }
}

/// Reads texts into a pass, on a thread that may block. Dropping the future asks it to end.
pub(crate) async fn texts_pass(
    pass: Pass,
    open: impl FnOnce() -> Result<Texts, Error> + Send + 'static,
) -> Result<Done, Error> {
    // Asks the thread to end when this future is dropped.
    struct Guard(Stop);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.ask();
        }
    }
    let guard = Guard(Stop::default());
    let stop = guard.0.clone();
    let read = task::spawn_blocking(move || {
        open().map(|texts| {
            texts.read(&pass, &stop);
            pass
        })
    });
    let pass = read.await.map_err(|error| Error::Interrupted(Box::new(error)))??;
    let usable = pass.objects() > 0;
    if !usable {
        pass.findings.add(Weight::Failed, "nothing was read", "the source holds no Kubernetes object");
    }
    Ok(Done { gathered: pass.finish(), usable })
}

/// The attributes of a target in its profile's order, as a table shows them.
pub fn attributes(index: &Index, target: &kollect_sink_core::Target) -> Vec<String> {
    use kollect_api::profile::ExportMode;

    let profile = index.profile_of(&ObjectName::from(target));
    let profile = profile.and_then(|name| index.profiles.get(&name));
    let Some(profile) = profile.and_then(|stored| stored.object.as_ref().ok()) else { return Vec::new() };
    let mut names: Vec<String> =
        profile.spec.attributes.iter().map(|attribute| attribute.name.clone()).collect();
    if profile.spec.export.mode == ExportMode::Resource {
        names.push(profile.spec.export.as_.clone());
    }
    names
}

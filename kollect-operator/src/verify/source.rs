//! Where the inventory's own rows come from: a pass of `collect` over a cluster or a dump. It knows no sinks.

use std::path::{Path, PathBuf};

use kube::Config;

use super::error::Error;
use crate::collect::cluster::{Reached, read};
use crate::collect::contexts;
use crate::collect::pass::Pass;
use crate::collect::progress::Progress;
use crate::collect::texts::Texts;
use crate::collect::{Done, texts_pass};
use crate::engine::CollectionDefaults;
use crate::index::Index;

/// How a user who may not list the whole cluster names namespaces.
const NAMESPACES: &str =
    "name others by includedNamespaces of the targets, or by --default-included-namespaces as the operator";

/// Where objects are read.
#[derive(Clone, Debug)]
pub enum Source {
    /// A cluster, by the name of its context. It is read anew at each look.
    Cluster(String, Box<Config>),
    /// A file or folder with objects. It is read once.
    Path(PathBuf),
    /// Standard input. It is read once.
    Stdin,
    /// The built-in sample cluster.
    Sample,
}

/// The one cluster that is meant, and the name of its context.
///
/// # Errors
/// The kubeconfig cannot be used, or the pattern matches several contexts.
pub async fn cluster(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<(String, Config), Error> {
    let patterns: Vec<String> = context.map(str::to_owned).into_iter().collect();
    let mut chosen = contexts::choose(kubeconfig, &patterns).await?;
    match (chosen.pop(), chosen.is_empty()) {
        (Some(context), true) => Ok((context.name, context.config?)),
        (last, _) => {
            let names = chosen.into_iter().chain(last).map(|context| context.name);
            Err(Error::Contexts { contexts: names.collect() })
        }
    }
}

impl Source {
    /// Whether a second look may see other rows.
    pub fn moves(&self) -> bool {
        matches!(self, Self::Cluster(..))
    }

    /// Collects what `index` describes. Of a dump, each kind that it holds any object of counts as whole. A source
    /// of which nothing could be read that was asked for is not usable.
    ///
    /// # Errors
    /// A dump cannot be read. What goes wrong within a source is a finding.
    pub async fn gather(
        &self,
        index: &Index,
        defaults: &CollectionDefaults,
        progress: &Progress,
    ) -> Result<Done, Error> {
        let pass = |name: &str| {
            let mut pass = Pass::new(name, index, defaults, progress.bar(name));
            pass.to_name_namespaces = NAMESPACES;
            pass
        };
        let done = match self {
            Self::Cluster(name, config) => {
                let pass = pass(name);
                let reached = read(&pass, (**config).clone()).await;
                Done { gathered: pass.finish(), usable: reached == Reached::Yes }
            }
            Self::Path(path) => {
                let path = path.clone();
                let name = path.display().to_string();
                texts_pass(pass(&name), move || Texts::below(&path).map(Texts::with_whole_kinds)).await?
            }
            Self::Stdin => texts_pass(pass("stdin"), || Texts::stdin().map(Texts::with_whole_kinds)).await?,
            Self::Sample => texts_pass(pass("sample"), || Ok(Texts::sample())).await?,
        };
        let asked = index.all_targets().next().is_some();
        Ok(Done { usable: if asked { done.is_useful() } else { done.usable }, ..done })
    }
}

//! Why nothing can be verified at all. What cannot be verified of one inventory or sink is in the report.

use crate::collect;

/// Nothing can be verified.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Objects or manifests cannot be read.
    #[error(transparent)]
    Collect(#[from] collect::Error),
    /// The kubeconfig names several clusters.
    #[error("one cluster is looked at, but {} contexts were chosen: {}", contexts.len(), contexts.join(", "))]
    Contexts {
        /// The contexts that match.
        contexts: Vec<String>,
    },
    /// The cluster cannot be used.
    #[error("the cluster's configuration cannot be used")]
    Client(#[source] Box<kube::Error>),
    /// The Kollect objects of the cluster cannot be read.
    #[error("cannot list {plural}: {advice}")]
    Objects {
        /// The resource.
        plural: &'static str,
        /// What to do.
        advice: String,
    },
    /// A name that was asked for does not exist.
    #[error("there is no {what} {name:?}; there are: {}", known(there))]
    NoSuch {
        /// What was asked for.
        what: &'static str,
        /// The name as given.
        name: String,
        /// The names that there are.
        there: Vec<String>,
    },
    /// There is nothing to compare.
    #[error("nothing to verify: {0}")]
    Nothing(&'static str),
}

fn known(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

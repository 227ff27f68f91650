//! Why a pass cannot be made at all. What goes wrong within one is a finding.

use std::io;
use std::path::PathBuf;

/// A pass cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A preset that does not exist.
    #[error("there is no preset {name:?};{} --list-presets shows all", near.map(|near| format!(" did you mean {near:?}?")).unwrap_or_default())]
    UnknownPreset {
        /// The name as given.
        name: String,
        /// The name that may have been meant.
        near: Option<&'static str>,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A config describes no collection.
    #[error("{} holds no KollectTarget; there must be at least a KollectProfile and a KollectTarget", path.display())]
    NoTargets {
        /// The folder.
        path: PathBuf,
    },
    /// The kubeconfig cannot be used.
    #[error(
        "cannot use the kubeconfig; give one by --kubeconfig or KUBECONFIG, or read files with --from, or try --sample"
    )]
    Kubeconfig(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No context has such a name.
    #[error("no context matches {pattern:?}; the kubeconfig has: {}", contexts.join(", "))]
    NoContext {
        /// The pattern as given.
        pattern: String,
        /// The contexts that there are.
        contexts: Vec<String>,
    },
    /// A name that the user gave for the cluster cannot be one.
    #[error("{name:?} cannot name a cluster: use 1 to 63 of A-Z a-z 0-9 . _ -, and not ., .. or _")]
    ClusterName {
        /// The name as given.
        name: String,
    },
    /// One name for several clusters.
    #[error(
        "--cluster-name names one cluster, but {contexts} contexts were chosen; leave it out, or choose one context"
    )]
    OneName {
        /// How many contexts were chosen.
        contexts: usize,
    },
    /// One file for several documents.
    #[error("{} would hold {documents} documents; give --output a folder, or choose one --format, one context and one inventory", path.display())]
    OneFile {
        /// The file.
        path: PathBuf,
        /// How many documents there are.
        documents: usize,
    },
    /// A file's name and the format that was asked for differ.
    #[error("{} and --format {format} contradict each other; leave out --format, or rename the file", path.display())]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// The format that was asked for.
        format: &'static str,
    },
    /// A file's name names no format that can be written.
    #[error("{} cannot be written: name a file that ends in .parquet, .ndjson, .json, .yaml or .csv, or a folder", path.display())]
    UnknownExtension {
        /// The file.
        path: PathBuf,
    },
    /// A binary format towards a terminal.
    #[error("parquet is binary: redirect the output, or write a file with --output FILE.parquet")]
    BinaryToTerminal,
    /// A format that cannot be written.
    #[error("the format cannot be written")]
    Format(#[source] kollect_sink_objectstore::Error),
    /// Rows cannot be written to standard output.
    #[error("cannot write to standard output")]
    Stdout(#[source] io::Error),
    /// Reading ended by a fault of ours.
    #[error("reading ended early")]
    Interrupted(#[source] Box<dyn std::error::Error + Send + Sync>),
}

//! Flags that say which exports a command is about, and where Kollect's objects are. They read none.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::verify::subject::Choice;

/// The chosen inventories and sinks, and their cluster.
#[derive(Args, Clone, Debug)]
pub struct SubjectArgs {
    /// Namespaces of inventories and sinks (repeatable) [default: all]
    #[arg(
        long,
        short,
        value_name = "NAME",
        env = "KOLLECT_NAMESPACE",
        value_delimiter = ',',
        help_heading = "What"
    )]
    namespace: Vec<String>,
    /// Inventories, as NAME or NAMESPACE/NAME (repeatable) [default: all]
    #[arg(
        long,
        value_name = "NAME",
        env = "KOLLECT_INVENTORY",
        value_delimiter = ',',
        help_heading = "What"
    )]
    inventory: Vec<String>,
    /// Sinks, as NAME or NAMESPACE/NAME (repeatable) [default: all]
    #[arg(long, value_name = "NAME", env = "KOLLECT_SINK", value_delimiter = ',', help_heading = "What")]
    sink: Vec<String>,
    /// Take Kollect's objects from this folder or file instead of the cluster
    #[arg(
        long,
        value_name = "DIR|FILE",
        env = "KOLLECT_CONFIG",
        value_hint = ValueHint::AnyPath,
        help_heading = "What"
    )]
    pub config: Option<PathBuf>,

    /// Context of the kubeconfig, * and ? allowed [default: the current one]
    #[arg(long, value_name = "GLOB", env = "KOLLECT_CONTEXT", help_heading = "From where")]
    pub context: Option<String>,
    /// The kubeconfig [default: that of KUBECONFIG, or ~/.kube/config]
    #[arg(
        long,
        value_name = "FILE",
        env = "KOLLECT_KUBECONFIG",
        value_hint = ValueHint::FilePath,
        help_heading = "From where"
    )]
    pub kubeconfig: Option<PathBuf>,
    /// Name of the cluster as the operator has it; sinks may state another
    #[arg(
        long,
        value_name = "NAME",
        env = "KOLLECT_CLUSTER_NAME",
        default_value = "",
        help_heading = "From where"
    )]
    pub cluster_name: String,
}

impl SubjectArgs {
    /// Which inventories and sinks are meant.
    pub fn choice(&self) -> Choice {
        Choice {
            namespaces: self.namespace.iter().cloned().collect(),
            inventories: self.inventory.iter().cloned().collect(),
            sinks: self.sink.iter().cloned().collect(),
        }
    }
}

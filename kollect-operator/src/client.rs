//! Clients of an API server. They read nothing by themselves.

use anyhow::Context;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};

/// Connects to the cluster of a context, or to the one that the environment names.
///
/// # Errors
/// No usable configuration.
pub async fn connect(context: Option<&str>) -> anyhow::Result<Client> {
    let config = match context {
        None => Config::infer().await.context(
            "no cluster is configured: set KUBECONFIG, state --context, or run in a pod with a service account",
        )?,
        Some(context) => {
            let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
            Config::from_kubeconfig(&options)
                .await
                .with_context(|| format!("context `{context}` of the kubeconfig cannot be used"))?
        }
    };
    from_config(config)
}

fn from_config(mut config: Config) -> anyhow::Result<Client> {
    // Retries are ours: a watch resumes and a list repeats by itself.
    config.default_retry = false;
    config.headers.push((
        http_header("user-agent"),
        axum::http::HeaderValue::from_static(concat!("kollect/", env!("CARGO_PKG_VERSION"))),
    ));
    Client::try_from(config).context("the cluster's configuration cannot be used")
}

fn http_header(name: &'static str) -> axum::http::HeaderName {
    axum::http::HeaderName::from_static(name)
}

//! Clients of an API server. They read nothing by themselves.

use std::time::Duration;

use anyhow::Context;
use kube::client::ClientBuilder;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use tower::timeout::TimeoutLayer;

/// How long an answer may take to begin. A server under load lets a request wait for a quarter of its own limit, 15 s.
const ANSWER: Duration = Duration::from_secs(20);

/// How much longer than a watch a connection may be silent: the server ends a watch with words.
const GRACE: Duration = Duration::from_secs(5);

/// Connects to the cluster of a configuration. Its watches are to end after
/// `watch_timeout` seconds; what is silent for longer is taken for dead, and an answer that does not begin within 20 s
/// is an error.
///
/// # Errors
/// The configuration cannot be used.
pub fn connect(config: Config, watch_timeout: u32) -> anyhow::Result<Client> {
    from_config(config, ANSWER, Duration::from_secs(u64::from(watch_timeout)) + GRACE)
}

/// The host of the API server: a name or an address.
pub fn host(config: &Config) -> &str {
    let host = config.cluster_url.host().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']')
}

/// The cluster of a context, or the one that the environment names.
///
/// # Errors
/// No usable configuration.
pub async fn config(context: Option<&str>) -> anyhow::Result<Config> {
    Ok(match context {
        None => Config::infer().await.context(
            "no cluster is configured: set KUBECONFIG, state --context, or run in a pod with a service account",
        )?,
        Some(context) => {
            let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
            Config::from_kubeconfig(&options)
                .await
                .with_context(|| format!("context `{context}` of the kubeconfig cannot be used"))?
        }
    })
}

fn from_config(mut config: Config, answer: Duration, silence: Duration) -> anyhow::Result<Client> {
    // Retries are ours: a watch resumes and a list repeats by itself.
    config.default_retry = false;
    config.headers.push((
        http_header("user-agent"),
        axum::http::HeaderValue::from_static(concat!("kollect/", env!("CARGO_PKG_VERSION"))),
    ));
    // A connection can die without a word, and waits for one for ever otherwise.
    config.read_timeout = Some(silence);
    config.reset_reader_on_write = true;
    let builder = ClientBuilder::try_from(config).context("the cluster's configuration cannot be used")?;
    Ok(builder.with_layer(&TimeoutLayer::new(answer)).build())
}

fn http_header(name: &'static str) -> axum::http::HeaderName {
    axum::http::HeaderName::from_static(name)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Namespace;
    use kube::Api;
    use kube::api::ListParams;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_millis(300);
    const NEVER: Duration = Duration::from_secs(3600);

    /// Lists from a server that says `words` and then nothing more, without closing.
    async fn list_from_one_who_falls_silent(
        words: &'static str,
        answer: Duration,
        silence: Duration,
    ) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(words.as_bytes()).await.unwrap();
            stream.read_to_end(&mut request).await
        });
        let client = from_config(Config::new(url.parse().unwrap()), answer, silence).unwrap();
        let namespaces: Api<Namespace> = Api::all(client);
        let error = namespaces.list(&ListParams::default()).await.unwrap_err();
        server.abort();
        crate::error::chain(&error)
    }

    #[tokio::test]
    async fn an_answer_that_does_not_begin_is_an_error() {
        let error = list_from_one_who_falls_silent("", SOON, NEVER).await;
        assert!(error.contains("timed out"), "{error}");
    }

    #[tokio::test]
    async fn silence_where_an_answer_should_begin_ends_too() {
        let error = list_from_one_who_falls_silent("", NEVER, SOON).await;
        assert!(error.contains("timed out"), "{error}");
    }

    #[tokio::test]
    async fn an_answer_that_does_not_go_on_is_an_error() {
        let begun = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{";
        let error = list_from_one_who_falls_silent(begun, NEVER, SOON).await;
        assert!(error.contains("timed out") || error.contains("body"), "{error}");
    }
}

//! Plain HTTP endpoints of the operator: health and metrics. They show no row.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::readiness::Readiness;

/// `/healthz` and `/readyz`. They say nothing but whether.
pub fn health(readiness: Arc<Readiness>) -> Router {
    let ready = move || async move {
        if readiness.ready() {
            (StatusCode::OK, "ok\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "the Kollect kinds have not been listed yet\n")
        }
    };
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready))
}

/// `/metrics`.
pub fn metrics(metrics: Arc<Metrics>) -> Router {
    let text = move || async move {
        match tokio::task::spawn_blocking(move || metrics.text()).await {
            Ok(text) => {
                ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
            }
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    };
    Router::new().route("/metrics", get(text))
}

/// Serves until `stop`.
///
/// # Errors
/// The address cannot be bound.
pub async fn serve(address: SocketAddr, router: Router, stop: CancellationToken) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

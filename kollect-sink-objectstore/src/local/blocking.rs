//! Calls that block, on threads that may. It decides nothing.

use std::sync::Arc;

use kollect_sink_core::{Error, ErrorKind, ProbeDepth, ProbeReport, Result};
use tokio::{task, time};

use super::config::Config;
use super::probe;
use crate::put::Caller;

pub(super) async fn blocking<T, F>(config: &Arc<Config>, call: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&Config, &Caller) -> Result<T> + Send + 'static,
{
    let config = config.clone();
    let (_waiting, caller) = Caller::new();
    let ended = task::spawn_blocking(move || call(&config, &caller)).await;
    ended.unwrap_or_else(|error| {
        Err(Error::caused_by(ErrorKind::Protocol, "a call to the folder did not end by itself", error))
    })
}

pub(super) async fn probe(config: &Arc<Config>, depth: ProbeDepth) -> ProbeReport {
    let probe = blocking(config, move |config, _| Ok(probe::probe(config, depth)));
    match time::timeout(probe::LIMIT, probe).await {
        Ok(Ok(report)) => report,
        Ok(Err(_)) | Err(_) => probe::timed_out(),
    }
}

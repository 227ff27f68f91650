//! Lists what a scope holds, from the documents themselves. It keeps no list of its own: a document has no
//! digests but those of its contents, so recorded and recomputed listings are the same.

use futures::stream::{self, StreamExt};
use kollect_sink_core::{Batches, Held, Result as SinkResult, Scope, SourceError};
use tokio::sync::mpsc;
use tokio::task;

use super::config::Config;
use super::connect::Missing;
use super::place::Place;
use crate::error::Error;
use crate::format;

/// Rows per batch.
const BATCH: usize = 1000;

/// Batches that are read ahead.
const QUEUE: usize = 2;

pub(super) type Sender = mpsc::Sender<SinkResult<Vec<Held>>>;

/// What `read` sends. Nothing is read before the first poll; a dropped stream ends the reading.
pub(super) fn listing<F>(read: F) -> Batches<'static, Held>
where
    F: FnOnce(&Sender) -> SinkResult<()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(QUEUE);
    let start = stream::once(async move {
        // Detached: it ends when the receiver does.
        drop(task::spawn_blocking(move || {
            if let Err(error) = read(&sender) {
                // Nobody listens any more: then nobody needs the error either.
                let _ = sender.blocking_send(Err(error));
            }
        }));
        receiver
    });
    let batches = start.flat_map(|receiver| {
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) })
    });
    batches.map(|batch| batch.map_err(|error| SourceError(Box::new(error)))).boxed()
}

/// The rows of `scope`, ascending by key.
pub(super) fn read(config: &Config, scope: &Scope, sender: &Sender) -> SinkResult<()> {
    let Some(place) = Place::open(config, scope, Missing::Leave)? else { return Ok(()) };
    // Not held while reading: writers leave the files of the newest export alone, or put new ones in their place.
    let manifest = {
        let _lock = place.lock_for_reading()?;
        place.manifest()?
    };
    let mut batch = Vec::with_capacity(BATCH);
    let send =
        |batch: &mut Vec<Held>| sender.blocking_send(Ok(std::mem::take(batch))).map_err(|_| Error::Abandoned);
    for export in manifest.iter().flat_map(|manifest| &manifest.current) {
        for entry in &export.files {
            let read = format::read(export.encoding()?, place.read(entry)?, &mut |held| {
                batch.push(held);
                if batch.len() >= BATCH { send(&mut batch) } else { Ok(()) }
            });
            read.map_err(|error| named(error, &entry.path))?;
        }
    }
    if !batch.is_empty() {
        send(&mut batch)?;
    }
    Ok(())
}

/// Says which document is damaged.
fn named(error: Error, path: &str) -> Error {
    match error {
        Error::Garbled { problem, source, .. } => Error::Garbled { path: path.to_owned(), problem, source },
        Error::Codec { source, .. } => Error::Codec { doing: format!("read {path}"), source },
        other => other,
    }
}

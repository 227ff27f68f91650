//! What the folder remembers of a scope, and who may write it. It is the same for all layouts.

use kollect_sink_core::{Checkpoint, Claim, Result as SinkResult, Scope, fence};

use super::config::Config;
use super::connect::Missing;
use super::place::Place;
use crate::error::Result;
use crate::manifest::Manifest;
use crate::put::Caller;

/// What the folder remembers of a scope; without digest where files are missing or a write was interrupted.
pub(super) fn checkpoint(config: &Config, scope: &Scope) -> SinkResult<Option<Checkpoint>> {
    let Some(place) = Place::open(config, scope, Missing::Leave)? else { return Ok(None) };
    // Waits for a commit that a dropped future left under way.
    let _lock = place.lock_for_reading()?;
    let Some(manifest) = place.manifest()? else { return Ok(None) };
    Ok(Some(as_found(&place, &manifest)?))
}

/// Takes the scope.
pub(super) fn claim(
    config: &Config,
    scope: &Scope,
    claim: &Claim,
    caller: &Caller,
) -> SinkResult<Checkpoint> {
    let place = Place::for_writing(config, scope)?;
    let lock = place.lock()?;
    place.sweep(&lock)?;
    let stored = place.manifest()?;
    let checkpoint = fence::claim(stored.as_ref().map(|stored| &stored.checkpoint), claim)?;
    let manifest = match stored {
        Some(stored) => Manifest { checkpoint, ..stored },
        None => Manifest::empty(scope, checkpoint),
    };
    caller.still_waits()?;
    place.put_manifest(&lock, &manifest)?;
    Ok(as_found(&place, &manifest)?)
}

/// Deletes what the scope holds; the checkpoint stays.
pub(super) fn remove(config: &Config, scope: &Scope, held: &Checkpoint, caller: &Caller) -> SinkResult<()> {
    let Some(place) = Place::open(config, scope, Missing::Leave)? else { return Ok(()) };
    if place.manifest()?.is_none() {
        return Ok(());
    }
    let lock = place.lock()?;
    let Some(before) = place.manifest()? else { return Ok(()) };
    place.sweep(&lock)?;
    let retired = fence::retire(Some(&before.checkpoint), held)?;
    caller.still_waits()?;
    place.remove_left_overs(&lock, &before);
    let next = match retired {
        // Done before, perhaps not to its end.
        None => before,
        Some(checkpoint) => {
            let mut next = Manifest::empty(scope, checkpoint);
            next.obsolete = before.files().cloned().collect();
            place.put_manifest(&lock, &next)?;
            place.remove(&lock, &next.obsolete);
            next
        }
    };
    Ok(place.remove_unnamed_rows(&lock, &next)?)
}

fn as_found(place: &Place, manifest: &Manifest) -> Result<Checkpoint> {
    let mut checkpoint = manifest.checkpoint.clone();
    let files = manifest.current.iter().flat_map(|export| export.files.iter().chain(&export.shards));
    let whole = manifest.current.is_some() && files.clone().all(|file| place.has(file));
    if !whole || !place.unnamed(manifest)?.is_empty() {
        checkpoint.digest = None;
    }
    Ok(checkpoint)
}

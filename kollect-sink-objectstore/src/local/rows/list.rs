//! Lists what a scope holds: as the parts of the manifest record it, or from the documents. Its memory is the
//! rows' entries, some 400 bytes a row.

use kollect_sink_core::{Digest, Held, Listing, Result as SinkResult, Row, Scope};

use super::place::file_entry;
use crate::error::{Error, Result};
use crate::local::config::Config;
use crate::local::connect::Missing;
use crate::local::list::Sender;
use crate::local::place::Place;
use crate::rows::{Entry, Form, attributes};

/// Rows per batch.
const BATCH: usize = 1000;

pub(super) fn read(config: &Config, scope: &Scope, listing: Listing, sender: &Sender) -> SinkResult<()> {
    let Some(place) = Place::open(config, scope, Missing::Leave)? else { return Ok(()) };
    let mut entries = Vec::new();
    let mut form = None;
    {
        // The parts go when a later manifest does not name them any more.
        let _lock = place.lock_for_reading()?;
        if let Some(current) = place.manifest()?.and_then(|manifest| manifest.current) {
            form = current.content.and_then(|content| Some(Form::new(current.encoding().ok()?, content)));
            for part in &current.shards {
                entries.extend(place.entries(&part.path)?);
            }
        }
    }
    let Some(form) = form else { return Ok(()) };
    entries.sort_unstable_by(|one, other| one.identity.key().cmp(&other.identity.key()));
    for entries in entries.chunks(BATCH) {
        let held = entries.iter().filter_map(|entry| match listing {
            Listing::Recorded => Some(Ok(recorded(entry))),
            Listing::Recomputed => recomputed(&place, entry, form).transpose(),
        });
        let batch = held.collect::<Result<Vec<Held>>>()?;
        sender.blocking_send(Ok(batch)).map_err(|_| Error::Abandoned)?;
    }
    Ok(())
}

fn recorded(entry: &Entry) -> Held {
    Held {
        key: entry.identity.to_key(),
        partition: entry.identity.partition(),
        name: Some(entry.identity.name().into()),
        digest: entry.digest,
    }
}

/// The row as its document has it; `None` where that is gone.
fn recomputed(place: &Place, entry: &Entry, form: Form) -> Result<Option<Held>> {
    if !place.exists(&entry.path)? {
        return Ok(None);
    }
    let attributes = attributes(place.read(&file_entry(entry))?, entry.form.unwrap_or(form));
    Ok(Some(match attributes {
        Ok(attributes) => Held::of(&Row::new(entry.identity.clone(), attributes)),
        // It stands there, and is no document of ours any more: it differs.
        Err(Error::Codec { .. } | Error::Garbled { .. }) => {
            Held { digest: Digest([0; 16]), ..recorded(entry) }
        }
        Err(other) => return Err(other),
    }))
}

//! One document per row, whatever the destination: what is remembered of each, which paths belong to which, and
//! the documents' bytes. It does no I/O.

mod content;
mod entry;
mod index;
mod ledger;
#[cfg(test)]
mod tests;

pub(crate) use content::{Form, attributes, document};
pub(crate) use entry::{Entry, SHARDS, read_entries, shard_of, write_entries};
pub(crate) use index::index;
pub(crate) use ledger::{Ledger, Place};

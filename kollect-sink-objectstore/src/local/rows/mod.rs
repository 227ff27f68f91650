//! A document per row in a folder. Changes cost what they change: the documents of the rows, and the parts of the
//! manifest that name those.
//!
//! - Before documents are written or removed, a file beside the manifest's parts says which. Whatever happens
//!   then, what is there is known to be ours, and in doubt: `checkpoint` gives no digest, and a full pass mends it.
//! - Documents change one after the other, so readers see a mix while a step is under way. The manifest is put
//!   last; a reader that goes by it and by the hashes that it names can tell.
//! - Only paths that the manifest or such a file names are overwritten or removed. A path where anything else
//!   stands, or where two rows meet, is an error that names it.

mod list;
mod place;
mod sink;
mod step;
mod write;

pub(super) use sink::Tree;

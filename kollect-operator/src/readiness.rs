//! Whether the process lives and is ready, for the health endpoints. It serves nothing.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the process is ready.
#[derive(Debug, Default)]
pub struct Readiness {
    synced: AtomicBool,
}

impl Readiness {
    /// The caches of the Kollect kinds have synced.
    pub fn caches_synced(&self) {
        self.synced.store(true, Ordering::Relaxed);
    }

    /// Whether `/readyz` answers well.
    pub fn ready(&self) -> bool {
        self.synced.load(Ordering::Relaxed)
    }
}

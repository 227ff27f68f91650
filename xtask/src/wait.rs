//! Waiting for something to become true. A deadline here ends a wait that would never end; it measures nothing.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Asks until the answer is `Some`, and returns it.
///
/// # Errors
/// What `ask` fails with, or after `within` that `what` did not happen.
pub fn until<T>(what: &str, within: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + within;
    let mut pause = Duration::from_millis(20);
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if Instant::now() >= end {
            bail!("{what}: not within {} s", within.as_secs());
        }
        sleep(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(250));
    }
}

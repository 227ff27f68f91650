//! Ctrl-C of a command that has nothing to finish. The operator stops in its own way.

use std::process::ExitCode;
use std::time::Duration;

use tokio::signal;

/// Told to end by Ctrl-C, as shells expect it.
const INTERRUPTED: u8 = 130;
/// What does not end by itself after Ctrl-C is left.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Waits for Ctrl-C and says `message`; the caller then drops its work.
pub async fn interrupted(message: &str) -> ExitCode {
    if signal::ctrl_c().await.is_err() {
        // Without a handler the signal ends the process by itself.
        std::future::pending::<()>().await;
    }
    eprintln!("interrupted: {message}");
    // The work is dropped now; where it stands in a call that blocks, the process does not wait for it.
    std::thread::spawn(|| {
        std::thread::sleep(PATIENCE);
        std::process::exit(i32::from(INTERRUPTED));
    });
    ExitCode::from(INTERRUPTED)
}

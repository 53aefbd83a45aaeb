//! Nothing hangs: a test that does is ended and named.

use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// A test may take so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends the test process if it is not dropped in time.
#[derive(Debug)]
#[must_use = "the watchdog goes home when it is dropped"]
pub struct Watchdog {
    _leash: Sender<()>,
}

/// A watchdog that waits 30 seconds.
pub fn watchdog() -> Watchdog {
    watchdog_for(PATIENCE)
}

/// A watchdog that waits for `patience`, for tests that do a lot.
///
/// # Panics
///
/// If no thread can be started.
pub fn watchdog_for(patience: Duration) -> Watchdog {
    let test = thread::current().name().unwrap_or("unnamed").to_owned();
    let (leash, leashed) = channel();
    thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || {
            let outcome = leashed.recv_timeout(patience);
            if outcome == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("watchdog: test {test} hangs: not done after {patience:?}");
                std::process::abort();
            }
        })
        .expect("a thread for the watchdog");
    Watchdog { _leash: leash }
}

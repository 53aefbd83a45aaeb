//! Nothing hangs: a test that does is ended and named.

use std::io::{Write, stderr};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// A test may take so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Ends the test process if it is not dropped in time.
#[derive(Debug)]
#[must_use = "the watchdog goes home when it is dropped"]
pub struct Watchdog {
    _leash: Sender<()>,
}

/// A watchdog that waits two minutes.
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
    watch(format!("test {test}"), patience)
}

/// A watchdog over a part of a test, which it names; waits two minutes.
///
/// # Panics
///
/// If no thread can be started.
pub fn watchdog_over(part: &str) -> Watchdog {
    watch(part.to_owned(), PATIENCE)
}

fn watch(what: String, patience: Duration) -> Watchdog {
    let (leash, leashed) = channel();
    thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || {
            let outcome = leashed.recv_timeout(patience);
            if outcome == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                // Not `eprintln`: the test runner keeps its text back, and would die with it.
                let _ = writeln!(stderr(), "watchdog: {what} hangs: not done after {patience:?}");
                std::process::abort();
            }
        })
        .expect("a thread for the watchdog");
    Watchdog { _leash: leash }
}

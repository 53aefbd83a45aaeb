//! Ends the program if a contender hangs, and says which.

use std::process;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Far longer than any run takes on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Watches one run until it is dropped.
#[derive(Debug)]
pub(super) struct Watchdog {
    _alive: Sender<()>,
}

impl Watchdog {
    /// # Panics
    ///
    /// If no thread can be started.
    pub(super) fn watch(case: &'static str, contender: &'static str) -> Self {
        let (alive, gone) = mpsc::channel();
        thread::spawn(move || {
            if gone.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                eprintln!("conc-bench: {contender} hangs in {case}: no end after {PATIENCE:?}");
                process::exit(1);
            }
        });
        Self { _alive: alive }
    }
}

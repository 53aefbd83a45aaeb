//! Work that takes its time.

use std::time::{Duration, Instant};

/// Keeps this thread busy, and its CPU: for work that is to cost something.
pub fn keep_busy(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {
        std::hint::spin_loop();
    }
}

//! The CPU time of this process.

use std::time::Duration;

/// The CPU time that all threads of this process have used so far; zero where the system cannot
/// tell.
#[cfg(unix)]
pub(super) fn cpu_time() -> Duration {
    use nix::time::{ClockId, clock_gettime};

    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(not(unix))]
pub(super) fn cpu_time() -> Duration {
    Duration::ZERO
}

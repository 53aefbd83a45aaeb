//! Jobs that are busy for a given time.
//!
//! Counted work, not a look at the clock: a worker that is pushed off its CPU has lost that time,
//! and its job must not be shorter for it.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Of this process.
static STEPS_PER_MICROSECOND: OnceLock<f64> = OnceLock::new();

/// Keeps the CPU busy for about so long, without a system call.
pub(super) fn busy_for(duration: Duration) {
    steps((duration.as_secs_f64() * 1e6 * pace()) as u64);
}

/// How many steps this process takes in a microsecond. The first call finds out, which takes some
/// milliseconds.
pub(super) fn pace() -> f64 {
    *STEPS_PER_MICROSECOND.get_or_init(calibrate)
}

/// Takes over the pace of another process, so that the same job is as much work in both.
///
/// # Panics
///
/// If this process already has one.
pub(super) fn set_pace(steps_per_microsecond: f64) {
    STEPS_PER_MICROSECOND.set(steps_per_microsecond).expect("set before the first job");
}

fn steps(count: u64) {
    let mut state = black_box(1_u64);
    for _ in 0..count {
        // A chain of multiplications: no step can begin before the last one has ended.
        state = black_box(state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1));
    }
}

/// The best of some tries: whatever interrupts a try makes it slower, never faster.
fn calibrate() -> f64 {
    const STEPS: u64 = 1_000_000;
    const TRIES: usize = 10;
    let micros = || {
        let begin = Instant::now();
        steps(STEPS);
        begin.elapsed().as_secs_f64() * 1e6
    };
    let best = (0..TRIES).map(|_| micros()).fold(f64::INFINITY, f64::min);
    STEPS as f64 / best
}

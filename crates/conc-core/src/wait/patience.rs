//! How long to look again before sleeping.

#[cfg(not(conc_loom))]
use policy::Policy;
use std::time::Duration;

/// How long to look again before sleeping: about 1 µs of spinning, about 8 µs of yielding.
///
/// Waking a sleeper on another core costs tens of microseconds on virtual machines, a spinning
/// partner answers in a fraction of one; so it pays to look for a moment before sleeping. It does
/// not pay where there is one CPU (no spinning), nor where other threads compute: a yield that
/// took more than 100 µs makes the whole process stop yielding for 10 ms.
///
/// # Examples
///
/// ```
/// use conc_core::wait::Patience;
///
/// fn poll_for(mut ready: impl FnMut() -> bool) -> bool {
///     let mut patience = Patience::new();
///     while !ready() {
///         if !patience.pause() {
///             return false; // Time to sleep.
///         }
///     }
///     true
/// }
/// assert!(poll_for(|| true));
/// assert!(!poll_for(|| false));
/// ```
#[derive(Debug, Default)]
pub struct Patience {
    policy: Policy,
}

impl Patience {
    /// Fresh patience.
    #[must_use]
    pub const fn new() -> Self {
        Self { policy: Policy::new() }
    }

    /// Fresh patience that yields for so long, for partners that are known to take longer: a
    /// process that starts, say. More than two wake-ups of a sleeper cost, some 60 to 100 µs, is
    /// never worth it.
    #[must_use]
    pub const fn yielding(yields: Duration) -> Self {
        Self { policy: Policy::yielding(yields) }
    }

    /// Lets a moment pass; `false` when it is time to sleep.
    #[must_use]
    pub fn pause(&mut self) -> bool {
        self.policy.pause()
    }

    /// Starts anew after something was found.
    pub fn reset(&mut self) {
        self.policy.reset();
    }
}

/// A model has no time: sleeping at once reaches the same states.
#[cfg(conc_loom)]
#[derive(Debug, Default)]
struct Policy;

#[cfg(conc_loom)]
impl Policy {
    const fn new() -> Self {
        Self
    }

    const fn yielding(_yields: Duration) -> Self {
        Self
    }

    fn pause(&mut self) -> bool {
        false
    }

    fn reset(&mut self) {}
}

#[cfg(not(conc_loom))]
mod policy {
    use crate::sync::{AtomicU64, Ordering, spin_loop, yield_now};
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    /// Spinning costs the other side nothing and is over when a partner on another core answers.
    const SPIN: Duration = Duration::from_micros(1);
    /// Yielding lets a partner run that shares our core.
    const YIELD: Duration = Duration::from_micros(8);
    /// A yield that took so long went to somebody who computes: the machine is busy.
    const BUSY_YIELD: Duration = Duration::from_micros(100);
    /// For so long after a busy yield nobody here yields again.
    const BUSY_MEMORY: Duration = Duration::from_millis(10);
    /// Pauses between two looks at the clock.
    const PAUSES_A_LOOK: u32 = 8;

    #[derive(Debug)]
    pub(super) struct Policy {
        started: Option<Instant>,
        yields: Duration,
    }

    impl Default for Policy {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Policy {
        pub(super) const fn new() -> Self {
            Self::yielding(YIELD)
        }

        pub(super) const fn yielding(yields: Duration) -> Self {
            Self { started: None, yields }
        }

        pub(super) fn reset(&mut self) {
            self.started = None;
        }

        pub(super) fn pause(&mut self) -> bool {
            let now = Instant::now();
            let waited = now - *self.started.get_or_insert(now);
            if waited < SPIN && cpus() > 1 {
                for _ in 0..PAUSES_A_LOOK {
                    spin_loop();
                }
                return true;
            }
            if waited >= SPIN + self.yields || machine_is_busy(now) {
                return false;
            }
            yield_now();
            let after = Instant::now();
            // A partner that takes longer may itself have run meanwhile, and whoever it woke.
            if after - now >= BUSY_YIELD.max(self.yields * 4) {
                remember_busy(after);
            }
            true
        }
    }

    /// Until when yielding is given up, in nanoseconds since [`origin`]. A hint that all threads
    /// share and none depends on.
    static BUSY_UNTIL: AtomicU64 = AtomicU64::new(0);

    fn machine_is_busy(now: Instant) -> bool {
        // ORDERING: Relaxed. Only a hint.
        let until = BUSY_UNTIL.load(Ordering::Relaxed);
        until != 0 && nanos_since_origin(now) < until
    }

    #[cold]
    fn remember_busy(now: Instant) {
        // ORDERING: Relaxed. Only a hint.
        BUSY_UNTIL.store(nanos_since_origin(now + BUSY_MEMORY), Ordering::Relaxed);
    }

    fn nanos_since_origin(moment: Instant) -> u64 {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        let origin = *ORIGIN.get_or_init(Instant::now);
        u64::try_from(moment.saturating_duration_since(origin).as_nanos()).unwrap_or(u64::MAX)
    }

    fn cpus() -> usize {
        static CPUS: OnceLock<usize> = OnceLock::new();
        *CPUS.get_or_init(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }
}

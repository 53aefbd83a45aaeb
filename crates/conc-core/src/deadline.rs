//! The moment at which a wait gives up.

use std::time::{Duration, Instant};

/// The moment at which a wait gives up: where `Duration` and `Instant` meet.
///
/// Every bounded call of the family (`*_timeout`, `*_deadline`) turns its argument into one of
/// these once, at the door, so that spurious wake-ups and retries never stretch the time. Inside,
/// `Option<Deadline>` is the only form: `None` waits for ever.
///
/// # Examples
///
/// ```
/// use conc_core::Deadline;
/// use std::time::Duration;
///
/// let soon = Deadline::after(Duration::from_secs(5)).expect("five seconds are representable");
/// assert!(!soon.is_past());
/// assert!(soon.remaining() <= Duration::from_secs(5));
///
/// // Further away than the clock can count is the same as never.
/// assert_eq!(Deadline::after(Duration::MAX), None);
/// ```
///
/// # Python
///
/// A `timeout` in seconds, where `None` is for ever and negative numbers mean something else in
/// each module. A `Duration` cannot be negative; zero looks once.
#[doc(alias = "timeout")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// `duration` from now; `None` if the clock cannot count so far, which is never.
    #[must_use]
    pub fn after(duration: Duration) -> Option<Self> {
        Instant::now().checked_add(duration).map(Self)
    }

    /// The given moment.
    #[must_use]
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// The moment as an `Instant`.
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// The time left; zero when the moment is past.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether the moment has come.
    #[must_use]
    pub fn is_past(self) -> bool {
        Instant::now() >= self.0
    }
}

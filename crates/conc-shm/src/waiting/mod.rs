//! Waiting for what other processes do, for all objects that have events: look again for a moment,
//! then sleep; find out who is gone; futures.

mod future;
mod sleep;
#[cfg(test)]
mod tests;
mod wakers;

pub(crate) use future::{Looking, looking};
pub(crate) use sleep::{is_abandoned, look_after, wait, watch};
pub(crate) use wakers::Wakers;

use crate::event::Event;
use crate::segment::Segment;
use conc_core::sync::{AtomicBool, AtomicU64};

/// An object that this process has attached, and in which somebody waits.
pub(crate) trait Host: Send + Sync + 'static {
    /// What can be waited for.
    type Happening: Copy + Send + 'static;

    /// What says that it happened.
    fn event(&self, happening: Self::Happening) -> &Event;

    /// The futures that wait for it.
    fn wakers(&self, happening: Self::Happening) -> &Wakers;

    fn segment(&self) -> &Segment;

    fn presence(&self) -> &Presence;

    /// A sleep was announced: the condition is looked at next. Here an object whose notifiers
    /// have no fence waits until what they have stored has arrived.
    fn announced(&self) {}

    /// Whether nobody is left who could make it happen. Asks the system.
    fn is_alone(&self, _happening: Self::Happening) -> bool {
        let members = self.segment().members();
        members.ever_others() && !members.others_alive()
    }
}

/// What this process knows about the others, and wants to know.
#[derive(Debug)]
pub(crate) struct Presence {
    /// When it was last found that somebody is left, in milliseconds.
    asked: AtomicU64,
    /// A thread of this process looks after the dead.
    watched: AtomicBool,
}

impl Presence {
    pub(crate) const fn new() -> Self {
        Self { asked: AtomicU64::new(0), watched: AtomicBool::new(false) }
    }
}

/// Why a wait ended in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// The deadline came.
    TimedOut,
    /// Everybody else is gone.
    Abandoned,
}

/// What a waiter's look may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It will look again soon.
    Awake,
    /// It is about to sleep: whatever is slow had its time.
    BeforeSleep,
    /// It will not look again: everybody else is gone. A look that has something to say to that
    /// says it now.
    Over,
}

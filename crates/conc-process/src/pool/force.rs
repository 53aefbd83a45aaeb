//! How workers are ended by force, with all that they have started.

use crate::client::Kin;
use crate::sys::tree;
use parking_lot::Mutex;
use std::os::fd::AsFd;
use std::sync::Arc;

/// What is between a worker and those who would end it.
pub(super) struct Force {
    kin: Arc<Kin>,
    /// What was done to it last.
    last: Last,
    /// Held by whoever carries it out: nobody lets go on what another has stopped.
    hand: Arc<Mutex<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Last {
    Nothing,
    Asked,
    Killed,
}

/// The end of a worker, to be carried out outside of the pool's lock. It is stopped.
#[must_use = "a worker that is stopped waits for its end"]
pub(super) struct Ending {
    kin: Arc<Kin>,
    hand: Arc<Mutex<()>>,
    kills: bool,
}

impl Force {
    pub(super) fn new(kin: Arc<Kin>) -> Self {
        Self { kin, last: Last::Nothing, hand: Arc::default() }
    }

    /// Asks it to end: SIGTERM. Once.
    pub(super) fn ask(&mut self) -> Option<Ending> {
        self.go_on(Last::Asked)
    }

    /// Ends it. Once.
    pub(super) fn kill(&mut self) -> Option<Ending> {
        self.go_on(Last::Killed)
    }

    fn go_on(&mut self, to: Last) -> Option<Ending> {
        if self.last >= to {
            return None;
        }
        self.last = to;
        // From here on it does nothing. It may have ended.
        let _ = self.kin.signal(libc::SIGSTOP);
        let (kin, hand) = (Arc::clone(&self.kin), Arc::clone(&self.hand));
        Some(Ending { kin, hand, kills: to == Last::Killed })
    }
}

impl Ending {
    /// Carries it out. Takes some ten microseconds if the worker has no children, and half a second,
    /// or fifty looks, if they are too many or too fast. What is left then, or cannot be seen because the
    /// kernel keeps no lists of children, ends with the group or with the program.
    pub(super) fn carry_out(self) {
        let Self { kin, hand, kills } = self;
        let _held = hand.lock();
        // Whoever dies of SIGTERM has no time to end what it has started.
        if kills || !tree::survives(kin.pid, libc::SIGTERM) {
            let _ = tree::end_below(kin.pid, kin.handle.as_fd());
        }
        // It may have ended.
        if kills {
            let _ = kin.signal_group(libc::SIGKILL);
            let _ = kin.signal(libc::SIGKILL);
        } else {
            let _ = kin.signal_group(libc::SIGTERM);
            let _ = kin.signal_group(libc::SIGCONT);
        }
    }
}

//! Which process, among all that the system ever ran.

use crate::sys::process::{Stat, own_pid};
use nix::errno::Errno;

/// Bits of a process's number: Linux has at most 2^22.
const PID_BITS: u32 = 22;
/// Bits of a start time: ticks of hundredths of a second for some centuries. The highest bit of an
/// identity is 0.
const START_BITS: u32 = 41;

/// Number and start time: no two processes of one run of the system have both in common. Never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity(u64);

impl Identity {
    /// This process.
    pub(crate) fn own() -> Result<Self, Errno> {
        let stat = Stat::own()?;
        // `/proc` of another namespace: its numbers are not ours.
        if stat.pid != own_pid() {
            return Err(Errno::ENOTSUP);
        }
        Self::new(stat.pid, stat.start).ok_or(Errno::ENOTSUP)
    }

    fn new(pid: i32, start: u64) -> Option<Self> {
        let pid = u64::try_from(pid).ok().filter(|pid| (1..1 << PID_BITS).contains(pid))?;
        (start < 1 << START_BITS).then_some(Self(start << PID_BITS | pid))
    }

    /// Somebody who had this number before, and has died.
    #[cfg(test)]
    pub(crate) fn predecessor(self) -> Self {
        Self(self.0 - (1 << PID_BITS))
    }

    /// As it is in a row; `None`: nobody.
    pub(super) fn from_bits(bits: u64) -> Option<Self> {
        Some(Self(bits)).filter(|identity| identity.0 != 0)
    }

    pub(super) fn bits(self) -> u64 {
        self.0
    }

    pub(super) fn pid(self) -> i32 {
        (self.0 & ((1 << PID_BITS) - 1)) as i32
    }

    pub(super) fn start(self) -> u64 {
        self.0 >> PID_BITS
    }
}

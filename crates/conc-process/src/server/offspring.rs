//! The children that live.

use crate::protocol::Frame;
use crate::sys::socket::Mode;
use crate::sys::{fork, socket};
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};

struct Child {
    /// It ends with the client.
    bound: bool,
    /// Where its end is told.
    channel: Option<OwnedFd>,
}

/// The children that live or are not buried yet, by their numbers.
#[derive(Default)]
pub(super) struct Offspring(HashMap<i32, Child>);

impl Offspring {
    pub(super) fn add(&mut self, pid: i32, bound: bool, channel: Option<OwnedFd>) {
        self.0.insert(pid, Child { bound, channel });
    }

    pub(super) fn detach(&mut self, pid: i32) {
        if let Some(child) = self.0.get_mut(&pid) {
            child.bound = false;
        }
    }

    /// Ends a child, if it is one that was not reaped.
    pub(super) fn kill(&self, pid: i32) {
        if self.0.contains_key(&pid) {
            // It may be dead already.
            let _ = fork::kill(pid, libc::SIGKILL);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reaps the dead and tells of them. Adopted orphans are reaped as well.
    pub(super) fn bury(&mut self) {
        while let Some((pid, status)) = fork::reap_any() {
            if let Some(Child { channel: Some(channel), .. }) = self.0.remove(&pid) {
                // A client that is gone does not care.
                let _ =
                    socket::send(channel.as_fd(), &Frame::Ended(status).encode(), &[], Mode::Try);
            }
        }
    }

    /// Ends those that are to end with the client, and what is left of their groups.
    pub(super) fn kill_bound(&mut self) {
        for (&pid, child) in &self.0 {
            if child.bound {
                // Not reaped yet, so both numbers are still theirs. One of the two may be gone.
                let _ = fork::kill_group(pid, libc::SIGKILL);
                let _ = fork::kill(pid, libc::SIGKILL);
            }
        }
    }
}

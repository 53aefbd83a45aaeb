//! The children that live.

use crate::protocol::Frame;
use crate::sys::socket::Mode;
use crate::sys::{fork, socket};
use nix::errno::Errno;
use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

struct Child {
    /// It ends with the client.
    bound: bool,
    /// Where its end is told.
    channel: Option<OwnedFd>,
}

/// The children that live or are not buried yet, by their numbers.
#[derive(Default)]
pub(super) struct Offspring {
    known: HashMap<i32, Child>,
    /// Ends that could not be told yet, because the child has filled its channel.
    untold: Vec<(OwnedFd, i32)>,
    /// Groups of dead children that were to end with the client, as long as they have members.
    left: HashSet<i32>,
    /// Sweep the groups when there are so many.
    sweep_at: usize,
    /// Some child was to live on: not every orphan is to end with the client.
    any_detached: bool,
}

/// Fewer groups than this are not worth a look.
const FIRST_SWEEP: usize = 64;

impl Offspring {
    pub(super) fn add(&mut self, pid: i32, bound: bool, channel: Option<OwnedFd>) {
        // The number has begun a new life.
        self.left.remove(&pid);
        self.any_detached |= !bound;
        self.known.insert(pid, Child { bound, channel });
    }

    pub(super) fn detach(&mut self, pid: i32) {
        if let Some(child) = self.known.get_mut(&pid) {
            child.bound = false;
            self.any_detached = true;
        }
    }

    /// Ends a child and what is left of its group, if it is one that was not reaped.
    pub(super) fn kill(&self, pid: i32) {
        if self.known.contains_key(&pid) {
            // Not reaped yet, so both numbers are still its own. One of the two may be gone.
            let _ = fork::kill_group(pid, libc::SIGKILL);
            let _ = fork::kill(pid, libc::SIGKILL);
        }
    }

    /// Whether all have ended.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether the ends of all that have ended are told.
    pub(super) fn is_told(&self) -> bool {
        self.untold.is_empty()
    }

    /// Can be written when an end can be told.
    pub(super) fn untold(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.untold.iter().map(|(channel, _)| channel.as_fd())
    }

    /// Tells the ends that could not be told before.
    pub(super) fn tell(&mut self) {
        self.untold.retain(|(channel, status)| !tell(channel, *status));
    }

    /// Reaps the dead and tells of them. Adopted orphans are reaped as well.
    pub(super) fn bury(&mut self) {
        while let Some((pid, status)) = fork::reap_any() {
            let Some(Child { bound, channel }) = self.known.remove(&pid) else { continue };
            if bound && fork::has_members(pid) {
                self.leave(pid);
            }
            self.untold.extend(
                channel.filter(|channel| !tell(channel, status)).map(|channel| (channel, status)),
            );
        }
    }

    /// Remembers the group of a dead child.
    fn leave(&mut self, group: i32) {
        if self.left.len() >= self.sweep_at {
            self.left.retain(|&group| fork::has_members(group));
            self.sweep_at = (self.left.len() * 2).max(FIRST_SWEEP);
        }
        self.left.insert(group);
    }

    /// The orphans that this process has adopted from children which were to end with the client.
    /// Where a child was to live on, whose an orphan is can only be told by its group.
    fn orphans(&self) -> impl Iterator<Item = i32> {
        fork::own_children().into_iter().filter(|pid| {
            !self.known.contains_key(pid)
                && (!self.any_detached
                    || fork::group_of(*pid).is_some_and(|group| self.left.contains(&group)))
        })
    }

    /// Whether there are orphans that are to end with the client.
    pub(super) fn has_orphans(&self) -> bool {
        self.orphans().next().is_some()
    }

    /// Ends the orphans that are to end with the client; whether there were any.
    pub(super) fn kill_orphans(&self) -> bool {
        let mut any = false;
        for pid in self.orphans() {
            any = true;
            // Not reaped yet. It may be dead.
            let _ = fork::kill(pid, libc::SIGKILL);
        }
        any
    }

    /// Ends those that are to end with the client, and what is left of their groups.
    pub(super) fn kill_bound(&mut self) {
        for (&pid, child) in &self.known {
            if child.bound {
                self.kill(pid);
            }
        }
    }
}

/// Tells how a child ended. `false`: its channel is full.
fn tell(channel: &OwnedFd, status: i32) -> bool {
    let frame = Frame::Ended(status).encode();
    // A client that is gone does not care.
    socket::send(channel.as_fd(), &frame, &[], Mode::Try) != Err(Errno::EAGAIN)
}

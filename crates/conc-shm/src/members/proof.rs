//! The proof that a process has died.
//!
//! It is dead if there is no process of its number, or one that began at another time, or if its
//! pidfd says so. Nothing else is a proof: not silence, not a time-out, not that it is stopped.

use super::Identity;
use crate::sys::{poll, process};
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// What is known about a process.
pub(super) enum Fate {
    /// It has died, and never comes back.
    Dead,
    /// It has not; a handle that says when it does.
    Alive(OwnedFd),
    /// The system does not say, for want of descriptors, say. Not dead.
    Unknown,
}

/// Looks at a process.
pub(super) fn fate(of: Identity) -> Fate {
    let handle = match process::open(of.pid()) {
        Ok(handle) => Some(handle),
        Err(Errno::ESRCH) => return Fate::Dead,
        Err(_) => None,
    };
    // Whoever has the number now; the handle was opened before. If it began when ours did, it is
    // ours, and so is the handle. If not, ours is gone, whomever the handle is of.
    match process::Stat::of(of.pid()) {
        Ok(now) if now.start != of.start() => Fate::Dead,
        Ok(now) => match handle {
            Some(handle) if now.pid == of.pid() => match poll::has_ended(handle.as_fd()) {
                Some(true) => Fate::Dead,
                _ => Fate::Alive(handle),
            },
            _ => Fate::Unknown,
        },
        // It may have died just now, or `/proc` may hide it: the handle is of somebody who had
        // this number, which is the only one that had it or a successor.
        Err(_) => match handle.as_ref().and_then(|handle| poll::has_ended(handle.as_fd())) {
            Some(true) => Fate::Dead,
            _ => Fate::Unknown,
        },
    }
}

/// Whether a process has died for certain.
pub(super) fn is_dead(process: Identity) -> bool {
    matches!(fate(process), Fate::Dead)
}

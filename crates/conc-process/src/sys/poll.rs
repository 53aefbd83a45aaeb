//! Wait for descriptors until a deadline.

use conc_core::Deadline;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::BorrowedFd;

/// Waits until one of `descriptors` can be read or has ended; which of them. All `false`: the
/// deadline came first.
pub(crate) fn readable<const N: usize>(
    descriptors: [BorrowedFd<'_>; N],
    deadline: Option<Deadline>,
) -> Result<[bool; N], Errno> {
    let mut waits = descriptors.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    loop {
        match poll(&mut waits, timeout(deadline)) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
            // The time that `poll` can count may be shorter than the deadline.
            Ok(0) if !deadline.is_some_and(Deadline::is_past) => {}
            Ok(_) => return Ok(waits.map(|wait| wait.any().unwrap_or(true))),
        }
    }
}

/// Waits until one of `descriptors` can be read or has ended, or one of `writable` can be written
/// or has ended; which of the former.
pub(crate) fn either<'a, const N: usize>(
    descriptors: [BorrowedFd<'a>; N],
    writable: impl Iterator<Item = BorrowedFd<'a>>,
) -> Result<[bool; N], Errno> {
    let readable = descriptors.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    let writable = writable.map(|fd| PollFd::new(fd, PollFlags::POLLOUT));
    let mut waits: Vec<PollFd<'_>> = readable.into_iter().chain(writable).collect();
    loop {
        match poll(&mut waits, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
            Ok(_) => {
                let mut found = waits.iter().map(|wait| wait.any().unwrap_or(true));
                return Ok([(); N].map(|()| found.next().unwrap_or(false)));
            }
        }
    }
}

/// Which of `descriptors` can be read or have ended by now: pidfds, sockets that are never read.
pub(crate) fn ended(descriptors: &[BorrowedFd<'_>]) -> Result<Vec<bool>, Errno> {
    let mut waits: Vec<PollFd<'_>> =
        descriptors.iter().map(|&fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    loop {
        match poll(&mut waits, PollTimeout::ZERO) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(waits.iter().map(|wait| wait.any().unwrap_or(true)).collect()),
        }
    }
}

/// Whether all peers of a socket have closed it.
pub(crate) fn has_hung_up(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    let mut wait = [PollFd::new(socket, PollFlags::empty())];
    loop {
        match poll(&mut wait, PollTimeout::ZERO) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
            Ok(_) => {
                let [wait] = wait;
                return Ok(wait.revents().is_some_and(|now| now.contains(PollFlags::POLLHUP)));
            }
        }
    }
}

/// Rounded up, so that no wait ends early.
fn timeout(deadline: Option<Deadline>) -> PollTimeout {
    let Some(deadline) = deadline else { return PollTimeout::NONE };
    let millis = deadline.remaining().as_nanos().div_ceil(1_000_000);
    PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
}

//! Wait for many descriptors.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::BorrowedFd;

/// Which of `descriptors` can be read or have ended; waits so many milliseconds for the first. A
/// signal ends the wait, too.
pub(crate) fn readable(
    descriptors: &[BorrowedFd<'_>],
    milliseconds: u16,
) -> Result<Vec<bool>, Errno> {
    let mut waits: Vec<PollFd<'_>> =
        descriptors.iter().map(|&fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    match poll(&mut waits, PollTimeout::from(milliseconds)) {
        Ok(_) => Ok(waits.iter().map(|wait| wait.any().unwrap_or(true)).collect()),
        Err(Errno::EINTR) => Ok(vec![false; descriptors.len()]),
        Err(error) => Err(error),
    }
}

/// Whether the process behind a pidfd has ended. `None`: the system does not say.
pub(crate) fn has_ended(process: BorrowedFd<'_>) -> Option<bool> {
    let mut wait = [PollFd::new(process, PollFlags::POLLIN)];
    loop {
        match poll(&mut wait, PollTimeout::ZERO) {
            Ok(_) => {
                let [wait] = wait;
                return wait.any();
            }
            Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

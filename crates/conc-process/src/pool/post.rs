//! What cannot lie in a ring: descriptors, and files with what is too large for it.
//!
//! One message for an entry, ahead of the entry's claim word, over a pair of sockets. Each names its
//! entry, so that what was sent for one that was stolen is passed over.

use crate::sys::socket::{self, Mode, Received};
use nix::errno::Errno;
use std::os::fd::{BorrowedFd, OwnedFd};

/// Sends descriptors for an entry.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    entry: u64,
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    socket::send(socket, &entry.to_le_bytes(), descriptors, Mode::Try)
}

/// Receives what was sent for an entry.
pub(super) fn receive(socket: BorrowedFd<'_>, entry: u64) -> Result<Vec<OwnedFd>, &'static str> {
    loop {
        let mut number = [0; 8];
        let received = socket::receive(socket, &mut number, Mode::Try);
        let Received { length, descriptors, truncated } =
            received.map_err(|_| "its descriptors have not arrived")?;
        if length != number.len() {
            return Err("its descriptors have not arrived");
        }
        let number = u64::from_le_bytes(number);
        if number > entry {
            return Err("its descriptors were lost");
        }
        if number == entry && truncated {
            return Err("no descriptor is free for those that are in it");
        }
        if number == entry {
            return Ok(descriptors);
        }
    }
}

/// Closes what was sent for entries before this one: they were taken back.
pub(super) fn discard_before(socket: BorrowedFd<'_>, entry: u64) {
    let mut number = [0; 8];
    while socket::peek(socket, &mut number) == Ok(number.len())
        && u64::from_le_bytes(number) < entry
    {
        drop(socket::receive(socket, &mut number, Mode::Try));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn what_was_sent_for_another_entry_is_passed_over() {
        let _watchdog = conc_tests::watchdog();
        let (ours, theirs) = socket::pair().unwrap();
        for (entry, count) in [(3, 1), (5, 2)] {
            send(ours.as_fd(), entry, &vec![ours.as_fd(); count]).unwrap();
        }
        assert_eq!(receive(theirs.as_fd(), 5).unwrap().len(), 2);
        assert!(receive(theirs.as_fd(), 5).is_err(), "it has been received");
        send(ours.as_fd(), 9, &[ours.as_fd()]).unwrap();
        assert!(receive(theirs.as_fd(), 8).is_err());
    }

    #[test]
    fn what_nobody_will_ask_for_is_closed() {
        let _watchdog = conc_tests::watchdog();
        let (ours, theirs) = socket::pair().unwrap();
        discard_before(theirs.as_fd(), 9);
        for entry in [3, 4, 7] {
            send(ours.as_fd(), entry, &[ours.as_fd()]).unwrap();
        }
        discard_before(theirs.as_fd(), 5);
        discard_before(theirs.as_fd(), 7);
        assert_eq!(receive(theirs.as_fd(), 7).unwrap().len(), 1);
    }
}

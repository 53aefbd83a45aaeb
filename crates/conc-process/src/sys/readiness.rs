//! Wait for many descriptors at once, each known by a token.

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::os::fd::BorrowedFd;

/// Events that one wait may bring.
const EVENTS: usize = 64;

/// Descriptors and their tokens. One shot: after its event a descriptor is silent until
/// [`again`](Self::again), so that nobody else looks while one does.
#[derive(Debug)]
pub(crate) struct Readiness(Epoll);

impl Readiness {
    pub(crate) fn new() -> Result<Self, Errno> {
        Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map(Self)
    }

    pub(crate) fn add(&self, descriptor: BorrowedFd<'_>, token: u64) -> Result<(), Errno> {
        self.0.add(descriptor, event(token))
    }

    pub(crate) fn again(&self, descriptor: BorrowedFd<'_>, token: u64) -> Result<(), Errno> {
        self.0.modify(descriptor, &mut event(token))
    }

    /// Forgets a descriptor, if it is there.
    pub(crate) fn forget(&self, descriptor: BorrowedFd<'_>) {
        // An error means that it is not there, which is what we want.
        let _ = self.0.delete(descriptor);
    }

    /// The tokens of descriptors that can be read or have ended; none after so many milliseconds.
    pub(crate) fn wait(&self, milliseconds: Option<u16>) -> Result<Vec<u64>, Errno> {
        let mut events = [EpollEvent::empty(); EVENTS];
        let timeout = milliseconds.map_or(EpollTimeout::NONE, EpollTimeout::from);
        loop {
            match self.0.wait(&mut events, timeout) {
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
                Ok(count) => return Ok(events.iter().take(count).map(EpollEvent::data).collect()),
            }
        }
    }
}

fn event(token: u64) -> EpollEvent {
    EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLONESHOT, token)
}

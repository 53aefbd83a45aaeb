//! One thread that waits for many processes, while there are any.
//!
//! `join` needs no thread. A [`Job`](conc_core::Job) of a process, or a captured stderr, needs
//! somebody who looks when nobody waits: this thread starts with the first of them, and ends when
//! it has been idle for a while.

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::thread;

/// Something to be looked at whenever its descriptor says so.
pub(crate) trait Watch: Send {
    /// What to wait for.
    fn descriptor(&self) -> BorrowedFd<'_>;

    /// Looks; `true`: this was the last time.
    fn look(&mut self) -> bool;
}

/// An idle thread ends after so many milliseconds.
const IDLE: u16 = 500;
/// Events that one wait may bring.
const EVENTS: usize = 64;

/// What the thread waits for.
#[derive(Default)]
pub(crate) struct Supervisor {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `Some` while the thread runs.
    epoll: Option<Arc<Epoll>>,
    watches: HashMap<u64, Box<dyn Watch>>,
    /// Taken out by the thread, which looks at them right now.
    out: usize,
    next: u64,
}

impl Supervisor {
    /// Looks at `watch` from now on.
    pub(crate) fn add(self: &Arc<Self>, watch: Box<dyn Watch>) -> io::Result<()> {
        let mut state = self.state.lock();
        let epoll = match &state.epoll {
            Some(epoll) => Arc::clone(epoll),
            None => {
                let epoll = Arc::new(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?);
                let (this, theirs) = (Arc::clone(self), Arc::clone(&epoll));
                thread::Builder::new()
                    .name("conc-supervisor".to_owned())
                    .spawn(move || this.run(&theirs))?;
                state.epoll = Some(Arc::clone(&epoll));
                epoll
            }
        };
        state.next += 1;
        let token = state.next;
        // One shot: nobody else looks while the thread does.
        epoll.add(watch.descriptor(), EpollEvent::new(interest(), token))?;
        state.watches.insert(token, watch);
        Ok(())
    }

    fn run(&self, epoll: &Epoll) {
        let mut events = [EpollEvent::empty(); EVENTS];
        loop {
            let count = match epoll.wait(&mut events, EpollTimeout::from(IDLE)) {
                Err(Errno::EINTR) => continue,
                // The watches are dropped: what they owe, they settle so.
                Err(_) => return self.stop(),
                Ok(count) => count,
            };
            if count == 0 && self.stop_if_idle() {
                return;
            }
            for event in events.iter().take(count) {
                self.serve(epoll, event.data());
            }
        }
    }

    fn serve(&self, epoll: &Epoll, token: u64) {
        let Some(mut watch) = self.take(token) else { return };
        // Not under the lock: this runs callbacks, which may start processes.
        let done = watch.look();
        let mut state = self.state.lock();
        state.out -= 1;
        let again = &mut EpollEvent::new(interest(), token);
        if done || epoll.modify(watch.descriptor(), again).is_err() {
            // An error means that it is not there, which is what we want.
            let _ = epoll.delete(watch.descriptor());
            drop(state);
            drop(watch);
        } else {
            state.watches.insert(token, watch);
        }
    }

    fn take(&self, token: u64) -> Option<Box<dyn Watch>> {
        let mut state = self.state.lock();
        let watch = state.watches.remove(&token)?;
        state.out += 1;
        Some(watch)
    }

    fn stop_if_idle(&self) -> bool {
        let mut state = self.state.lock();
        let idle = state.watches.is_empty() && state.out == 0;
        if idle {
            state.epoll = None;
        }
        idle
    }

    fn stop(&self) {
        let watches = {
            let mut state = self.state.lock();
            state.epoll = None;
            std::mem::take(&mut state.watches)
        };
        drop(watches);
    }
}

fn interest() -> EpollFlags {
    EpollFlags::EPOLLIN | EpollFlags::EPOLLONESHOT
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Supervisor").field("watches", &state.watches.len()).finish_non_exhaustive()
    }
}

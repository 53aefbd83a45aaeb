//! One thread that waits for many processes, while there are any.
//!
//! `join` needs no thread. A [`Job`](conc_core::Job) of a process, or a captured stderr, needs
//! somebody who looks when nobody waits: this thread starts with the first of them, and ends when
//! it has been idle for a while.

use crate::client::Server;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::thread;

/// Something to be looked at whenever its descriptor says so.
pub(crate) trait Watch: Send {
    /// What to wait for. May change with a look.
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
    /// Servers whose death concerns all who wait.
    servers: HashMap<u64, Arc<Server>>,
    /// Taken out by the thread, which looks at them right now.
    out: usize,
    next: u64,
}

impl State {
    /// A number that no event has had.
    fn token(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Supervisor {
    /// Looks at `watch` from now on, whenever its descriptor says so, and when `server` dies.
    pub(crate) fn add(
        self: &Arc<Self>,
        watch: Box<dyn Watch>,
        server: Option<&Arc<Server>>,
    ) -> io::Result<()> {
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
        let news =
            server.filter(|server| !state.servers.values().any(|known| Arc::ptr_eq(known, server)));
        if let Some(server) = news {
            let token = state.token();
            epoll.add(server.handle(), EpollEvent::new(interest(), token))?;
            state.servers.insert(token, Arc::clone(server));
        }
        let token = state.token();
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
                for token in self.concerned(epoll, event.data()) {
                    self.serve(epoll, token);
                }
            }
        }
    }

    /// Whom an event concerns: one, or all if a server died.
    fn concerned(&self, epoll: &Epoll, token: u64) -> Vec<u64> {
        let mut state = self.state.lock();
        let Some(server) = state.servers.remove(&token) else { return vec![token] };
        // An error means that it is not there, which is what we want.
        let _ = epoll.delete(server.handle());
        state.watches.keys().copied().collect()
    }

    fn serve(&self, epoll: &Epoll, token: u64) {
        let Some(mut watch) = self.take(token) else { return };
        // Not under the lock: this runs callbacks, which may start processes.
        let before = watch.descriptor().as_raw_fd();
        let done = watch.look();
        let now = watch.descriptor();
        let mut state = self.state.lock();
        state.out -= 1;
        let goes_on = !done && {
            let mut event = EpollEvent::new(interest(), token);
            let same = now.as_raw_fd() == before;
            let again = if same { epoll.modify(now, &mut event) } else { epoll.add(now, event) };
            again.is_ok()
        };
        if goes_on {
            state.watches.insert(token, watch);
        } else {
            // An error means that it is not there, which is what we want.
            let _ = epoll.delete(now);
            drop(state);
            drop(watch);
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
            state.servers.clear();
        }
        idle
    }

    fn stop(&self) {
        let watches = {
            let mut state = self.state.lock();
            state.epoll = None;
            state.servers.clear();
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

//! One thread that waits for many processes, while there are any.
//!
//! `join` needs no thread. A [`Job`](conc_core::Job) of a process, or a captured stderr, needs
//! somebody who looks when nobody waits: this thread starts with the first of them, and ends when
//! it has been idle for a while.

use crate::client::Server;
use crate::sys::readiness::Readiness;
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

/// A thread without watches ends after so many milliseconds. One with watches sleeps until there is
/// something to see.
const IDLE: u16 = 500;

/// What the thread waits for.
#[derive(Default)]
pub(crate) struct Supervisor {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `Some` while the thread runs.
    readiness: Option<Arc<Readiness>>,
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
        let readiness = match &state.readiness {
            Some(readiness) => Arc::clone(readiness),
            None => {
                let readiness = Arc::new(Readiness::new()?);
                let (this, theirs) = (Arc::clone(self), Arc::clone(&readiness));
                thread::Builder::new()
                    .name("conc-supervisor".to_owned())
                    .spawn(move || this.run(&theirs))?;
                state.readiness = Some(Arc::clone(&readiness));
                readiness
            }
        };
        let news =
            server.filter(|server| !state.servers.values().any(|known| Arc::ptr_eq(known, server)));
        if let Some(server) = news {
            let token = state.token();
            readiness.add(server.handle(), token)?;
            state.servers.insert(token, Arc::clone(server));
        }
        let token = state.token();
        readiness.add(watch.descriptor(), token)?;
        state.watches.insert(token, watch);
        Ok(())
    }

    fn run(&self, readiness: &Readiness) {
        loop {
            // If there is no waiting any more, the watches are dropped: what they owe, they settle
            // so.
            let idle = self.state.lock().watches.is_empty().then_some(IDLE);
            let Ok(ready) = readiness.wait(idle) else { return self.stop() };
            if ready.is_empty() && self.stop_if_idle() {
                return;
            }
            for token in ready.into_iter().flat_map(|token| self.concerned(readiness, token)) {
                self.serve(readiness, token);
            }
        }
    }

    /// Whom an event concerns: one, or all if a server died.
    fn concerned(&self, readiness: &Readiness, token: u64) -> Vec<u64> {
        let mut state = self.state.lock();
        let Some(server) = state.servers.remove(&token) else { return vec![token] };
        readiness.forget(server.handle());
        state.watches.keys().copied().collect()
    }

    fn serve(&self, readiness: &Readiness, token: u64) {
        let Some(mut watch) = self.take(token) else { return };
        // Not under the lock: this runs callbacks, which may start processes.
        let before = watch.descriptor().as_raw_fd();
        let done = watch.look();
        let now = watch.descriptor();
        let mut state = self.state.lock();
        state.out -= 1;
        let goes_on = !done && {
            let same = now.as_raw_fd() == before;
            let again = if same { readiness.again(now, token) } else { readiness.add(now, token) };
            again.is_ok()
        };
        if goes_on {
            state.watches.insert(token, watch);
        } else {
            readiness.forget(now);
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
            state.readiness = None;
            state.servers.clear();
        }
        idle
    }

    fn stop(&self) {
        let watches = {
            let mut state = self.state.lock();
            state.readiness = None;
            state.servers.clear();
            std::mem::take(&mut state.watches)
        };
        drop(watches);
    }
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Somebody may hold the lock; in a copy of this process, for ever.
        let watches = self.state.try_lock().map(|state| state.watches.len());
        f.debug_struct("Supervisor").field("watches", &watches).finish_non_exhaustive()
    }
}

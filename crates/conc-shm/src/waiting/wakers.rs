//! Futures that wait.
//!
//! A future that finds nothing announces itself as a sleeper would, looks again, and leaves its
//! waker with the ticket. One thread for each direction of an object, started with the first such
//! future and gone soon after the last, sleeps in their place: until the event is not what the
//! oldest ticket says, or for a [`SLICE`]. Then all of them look for themselves.

use super::{Host, look_after, watch};
use crate::event::{SLICE, Ticket};
use crate::sys::signals;
use conc_core::Deadline;
use conc_core::sync::{Condvar, Mutex};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

/// The thread stays for so long without futures.
const LINGER: Duration = Duration::from_millis(200);

/// Futures that wait for one kind of event.
#[derive(Debug)]
pub(crate) struct Wakers {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: Vec<(u64, Ticket, Waker)>,
    next: u64,
    served: bool,
}

/// A future's place among the waiting. Forgotten when it is woken.
#[derive(Debug, Default)]
pub(crate) struct Pending(Option<u64>);

impl Wakers {
    pub(crate) fn new() -> Self {
        let state = State { waiting: Vec::new(), next: 0, served: false };
        Self { state: Mutex::new(state), came: Condvar::new() }
    }

    /// Wakes all futures.
    pub(crate) fn nudge(&self) {
        let waiting = std::mem::take(&mut self.state.lock().waiting);
        wake_each(waiting);
    }

    fn remove(&self, number: u64) -> bool {
        let mut state = self.state.lock();
        let place = state.waiting.iter().position(|(known, _, _)| *known == number);
        // Dropped outside of the lock: a waker's drop is somebody else's code.
        let removed = place.map(|place| state.waiting.swap_remove(place));
        drop(state);
        removed.is_some()
    }
}

/// Has the future woken when the event is not what the ticket says any more.
pub(super) fn wake_later<H: Host>(
    host: &Arc<H>,
    happening: H::Happening,
    ticket: Ticket,
    pending: &mut Pending,
    waker: &Waker,
) {
    let wakers = host.wakers(happening);
    if let Some(number) = pending.0.take() {
        wakers.remove(number);
    }
    let waker = waker.clone();
    let mut state = wakers.state.lock();
    let number = state.next;
    state.next += 1;
    state.waiting.push((number, ticket, waker));
    pending.0 = Some(number);
    let served = std::mem::replace(&mut state.served, true);
    drop(state);
    wakers.came.notify_one();
    if !served {
        let host = Arc::clone(host);
        let thread = thread::Builder::new().name("conc-shm-wake".into());
        if signals::blocked(|| thread.spawn(move || serve(&*host, happening))).is_err() {
            wakers.state.lock().served = false;
            // No thread: the executor has to ask again and again.
            wakers.nudge();
        }
    }
    watch(&**host);
}

/// The future is done or dropped. `took`: it found what it waited for.
pub(super) fn wake_no_more<H: Host>(
    host: &H,
    happening: H::Happening,
    pending: &mut Pending,
    took: bool,
) {
    let Some(number) = pending.0.take() else { return };
    let was_waiting = host.wakers(happening).remove(number);
    if !was_waiting && !took {
        // It was woken for something and did not look: that is somebody else's now.
        host.event(happening).notify_one();
    }
}

/// Wakes them, whatever the wake of one of them does.
fn wake_each(waiting: Vec<(u64, Ticket, Waker)>) {
    for (_, _, waker) in waiting {
        // A waker is somebody else's code. The panic was reported; its payload may be the next.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            std::mem::forget(payload);
        }
    }
}

/// The thread that serves the futures. If it panics, the next future starts another one.
struct Serving<'a>(&'a Wakers);

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        // One that ends in peace has said so under the lock: there may be a successor.
        if thread::panicking() {
            self.0.state.lock().served = false;
            self.0.nudge();
        }
    }
}

/// Sleeps in the place of the futures.
fn serve<H: Host>(host: &H, happening: H::Happening) {
    let wakers = host.wakers(happening);
    let _serving = Serving(wakers);
    loop {
        let mut state = wakers.state.lock();
        let patience = Instant::now() + LINGER;
        while state.waiting.is_empty() {
            if wakers.came.wait_until(&mut state, patience).timed_out() && state.waiting.is_empty()
            {
                state.served = false;
                return;
            }
        }
        let Some((_, ticket, _)) = state.waiting.first() else { continue };
        let ticket = *ticket;
        drop(state);
        if !host.event(happening).wait(ticket, Deadline::after(SLICE)) {
            look_after(host);
        }
        let woken = std::mem::take(&mut wakers.state.lock().waiting);
        if woken.is_empty() {
            // The futures are gone, and this wake-up was for somebody.
            host.event(happening).notify_one();
        }
        wake_each(woken);
    }
}

//! Sleep until something happened that had not happened when we looked.
//!
//! # Layout
//!
//! Two words: `epoch` counts the events, `sleepers` the threads that sleep or are about to.
//!
//! # Transitions
//!
//! ```text
//!   waiter                                  notifier
//!   ──────                                  ────────
//!   1. sleepers += 1                        A. change the condition
//!   2. fence(SeqCst)                        B. fence(SeqCst)
//!   3. ticket = epoch                       C. sleepers == 0? done
//!   4. look at the condition again          D. epoch += 1
//!   5. sleep while epoch == ticket          E. wake
//!   6. sleepers -= 1
//! ```
//!
//! # Invariants
//!
//! 1. *No wake-up is lost.* Of the two fences one is first. If the waiter's is (2 before B), the
//!    notifier sees the waiter at C and moves the epoch; the waiter then either sees the new epoch
//!    at 3, and with it the condition at 4 (edge `event_count.epoch`), or it does not sleep at 5.
//!    If the notifier's is (B before 2), the waiter sees the condition at 4.
//! 2. The epoch may wrap: a ticket is only mistaken for a fresh one if exactly 2³² events pass
//!    between 3 and 5.
//!
//! After Dmitry Vyukov's eventcount (2010) and the one in Facebook's Folly.

use crate::Deadline;
use crate::sync::{AtomicU32, Ordering, fence};
use crate::sys::futex::{self, Scope, Wake};

/// A condition variable for lock-free code: sleep until something happened that had not happened
/// when we looked.
///
/// # Memory ordering
///
/// What a notifier did before it notified is visible to a waiter whose second look comes after
/// [`prepare`](Self::prepare), or which was woken by that notification.
///
/// # Fairness
///
/// Sleepers are woken in the order in which they fell asleep, where the system's futex does so.
/// A thread that has not slept yet may find the event first.
///
/// # Examples
///
/// ```
/// use conc_core::wait::EventCount;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// let ready = Arc::new((AtomicBool::new(false), EventCount::new()));
/// let waiter = std::thread::spawn({
///     let ready = Arc::clone(&ready);
///     move || {
///         let (flag, event) = &*ready;
///         while !flag.load(Ordering::Acquire) {
///             let ticket = event.prepare();
///             if !flag.load(Ordering::Acquire) {
///                 ticket.wait(None);
///             }
///         }
///     }
/// });
/// ready.0.store(true, Ordering::Release);
/// ready.1.notify_one();
/// waiter.join().unwrap();
/// ```
#[derive(Debug)]
pub struct EventCount {
    epoch: AtomicU32,
    sleepers: AtomicU32,
}

/// A place in the queue of sleepers, between the first step and the sleep. Dropped: given up.
#[derive(Debug)]
#[must_use = "look at the condition again, then wait"]
pub struct Ticket<'a> {
    event: &'a EventCount,
    epoch: u32,
}

impl EventCount {
    /// An event that nobody waits for.
    #[must_use]
    pub fn new() -> Self {
        Self { epoch: AtomicU32::new(0), sleepers: AtomicU32::new(0) }
    }

    /// Announces that the caller will sleep unless a second look finds something.
    pub fn prepare(&self) -> Ticket<'_> {
        // ORDERING: Relaxed. The fence below orders it.
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        // ORDERING(event_count.dekker): SeqCst. Announce, then look; a notifier changes, then asks.
        fence(Ordering::SeqCst);
        // ORDERING(event_count.epoch): Acquire. A new epoch shows what was changed before it.
        let epoch = self.epoch.load(Ordering::Acquire);
        Ticket { event: self, epoch }
    }

    /// Wakes one sleeper, if there is any.
    #[inline]
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes all sleepers.
    pub fn notify_all(&self) {
        self.notify(u32::MAX);
    }

    /// Wakes up to `count` sleepers. Costs a fence when nobody sleeps.
    #[inline]
    pub fn notify(&self, count: u32) {
        // ORDERING(event_count.dekker): SeqCst. Change, then ask for sleepers.
        fence(Ordering::SeqCst);
        self.notify_fenced(count);
    }

    /// [`notify`](Self::notify) for a caller that has a `fence(SeqCst)` between its change and
    /// this call already.
    #[inline]
    pub fn notify_fenced(&self, count: u32) {
        // ORDERING: Relaxed. The fence orders it.
        if self.sleepers.load(Ordering::Relaxed) != 0 {
            self.wake(count);
        }
    }

    /// Threads that sleep or are about to. A hint: stale at once.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        // ORDERING: Relaxed. Only a hint.
        self.sleepers.load(Ordering::Relaxed) as usize
    }

    #[cold]
    fn wake(&self, count: u32) {
        // ORDERING(event_count.epoch): Release. Who sees this epoch sees the change before it.
        self.epoch.fetch_add(1, Ordering::Release);
        futex::wake(&raw const self.epoch, count, Scope::Private);
    }
}

impl Default for EventCount {
    fn default() -> Self {
        Self::new()
    }
}

impl Ticket<'_> {
    /// Sleeps until notified after [`EventCount::prepare`], or until the deadline; `false` if the
    /// deadline came first. May return without a reason: look again.
    pub fn wait(self, deadline: Option<Deadline>) -> bool {
        futex::wait(&self.event.epoch, self.epoch, deadline, Scope::Private) != Wake::TimedOut
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        // ORDERING: Relaxed. A notifier that still counts us wakes in vain.
        self.event.sleepers.fetch_sub(1, Ordering::Relaxed);
    }
}

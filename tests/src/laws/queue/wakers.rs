//! Who is to be woken when something changes.

use std::sync::{Mutex, PoisonError};
use std::task::Waker;

/// Wakers of futures that wait for one thing.
///
/// All are woken each time: who is dropped meanwhile takes nobody's wake-up along.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    list: Mutex<Registered>,
}

#[derive(Debug, Default)]
struct Registered {
    next: u64,
    wakers: Vec<(u64, Waker)>,
}

/// The place of one future among them; given up when it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    wakers: &'a Wakers,
    key: Option<u64>,
}

impl Wakers {
    pub(super) fn place(&self) -> Place<'_> {
        Place { wakers: self, key: None }
    }

    pub(super) fn wake_all(&self) {
        let woken = std::mem::take(&mut self.lock().wakers);
        woken.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registered> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// The next [`Wakers::wake_all`] wakes this one. Look again afterwards.
    pub(super) fn register(&mut self, waker: &Waker) {
        self.give_up();
        let mut list = self.wakers.lock();
        list.next += 1;
        self.key = Some(list.next);
        let entry = (list.next, waker.clone());
        list.wakers.push(entry);
    }

    fn give_up(&mut self) {
        if let Some(key) = self.key.take() {
            // Dropped after the lock: a waker may run foreign code.
            let mut list = self.wakers.lock();
            let place = list.wakers.iter().position(|(other, _)| *other == key);
            let waker = place.map(|place| list.wakers.swap_remove(place));
            drop(list);
            drop(waker);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}

//! The futex as loom sees it: a table of sleepers under one lock.
//!
//! After the model in the shadow simulator (`vasi-sync`), with one condition variable a sleeper so
//! that counts are exact. There is no clock: a wait with a deadline times out at once, which is
//! one of the histories that a real one allows.

use super::{Scope, Wake};
use crate::Deadline;
use crate::sync::{AtomicU32, Ordering};
use loom::sync::{Condvar, Mutex};
use std::sync::Arc;

struct Sleeper {
    address: usize,
    bell: Arc<Condvar>,
}

loom::lazy_static! {
    static ref TABLE: Mutex<Vec<Sleeper>> = Mutex::new(Vec::new());
}

pub(super) fn wait(
    word: &AtomicU32,
    expected: u32,
    deadline: Option<Deadline>,
    _scope: Scope,
) -> Wake {
    let mut sleepers = TABLE.lock().unwrap();
    // ORDERING: Relaxed. A waker changes the word before it takes the table's lock.
    if word.load(Ordering::Relaxed) != expected {
        return Wake::Changed;
    }
    if deadline.is_some() {
        drop(sleepers);
        loom::thread::yield_now();
        return Wake::TimedOut;
    }
    let bell = Arc::new(Condvar::new());
    let address = std::ptr::from_ref(word).addr();
    sleepers.push(Sleeper { address, bell: Arc::clone(&bell) });
    while sleepers.iter().any(|sleeper| Arc::ptr_eq(&sleeper.bell, &bell)) {
        sleepers = bell.wait(sleepers).unwrap();
    }
    Wake::Woken
}

pub(super) fn wake(word: *const AtomicU32, count: u32, _scope: Scope) -> usize {
    let mut woken = 0;
    let mut sleepers = TABLE.lock().unwrap();
    while woken < count as usize {
        let Some(place) = sleepers.iter().position(|sleeper| sleeper.address == word.addr()) else {
            break;
        };
        sleepers.remove(place).bell.notify_one();
        woken += 1;
    }
    woken
}

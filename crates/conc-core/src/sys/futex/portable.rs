//! A futex out of a table of mutexes and condition variables, for systems without one.
//!
//! Each address hashes to a bucket; a bucket is a lock around a list of sleepers, each with a
//! condition variable of its own so that a wake reaches the one it means. Looking at the word and
//! joining the list happen under the bucket's lock, as the kernel does it.

use super::{Scope, Wake};
use crate::Deadline;
use crate::sync::{AtomicU32, Condvar, Mutex, Ordering};
use std::sync::Arc;
use std::time::Duration;

const BUCKETS: usize = 64;
const _: () = assert!(BUCKETS.is_power_of_two(), "the hash is masked");

/// How often a sleeper on shared memory looks for itself, since another process cannot wake it.
const SHARED_LOOK: Duration = Duration::from_millis(1);

struct Sleeper {
    address: usize,
    bell: Arc<Bell>,
}

#[derive(Default)]
struct Bell {
    rung: Condvar,
}

static TABLE: [Mutex<Vec<Sleeper>>; BUCKETS] = [const { Mutex::new(Vec::new()) }; BUCKETS];

fn bucket(address: usize) -> &'static Mutex<Vec<Sleeper>> {
    // Fibonacci hashing: neighbouring words land in different buckets.
    let hash = (address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    &TABLE[hash as usize & (BUCKETS - 1)]
}

pub(super) fn wait(
    word: &AtomicU32,
    expected: u32,
    deadline: Option<Deadline>,
    scope: Scope,
) -> Wake {
    if scope == Scope::Shared {
        return wait_shared(word, expected, deadline);
    }
    let address = std::ptr::from_ref(word).addr();
    let bucket = bucket(address);
    let mut sleepers = bucket.lock();
    // ORDERING: Relaxed. A waker changes the word before it takes this bucket's lock.
    if word.load(Ordering::Relaxed) != expected {
        return Wake::Changed;
    }
    let bell = Arc::new(Bell::default());
    sleepers.push(Sleeper { address, bell: Arc::clone(&bell) });
    loop {
        let timed_out = match deadline {
            None => {
                bell.rung.wait(&mut sleepers);
                false
            }
            Some(deadline) => bell.rung.wait_until(&mut sleepers, deadline.instant()).timed_out(),
        };
        // A waker takes a sleeper off the list; who is still on it was not woken.
        let place = sleepers.iter().position(|sleeper| Arc::ptr_eq(&sleeper.bell, &bell));
        match place {
            None => return Wake::Woken,
            Some(place) if timed_out => {
                sleepers.remove(place);
                return Wake::TimedOut;
            }
            Some(_) => {}
        }
    }
}

fn wait_shared(word: &AtomicU32, expected: u32, deadline: Option<Deadline>) -> Wake {
    // ORDERING: Relaxed. The caller's own load orders what it does next.
    if word.load(Ordering::Relaxed) != expected {
        return Wake::Changed;
    }
    let nap = deadline.map_or(SHARED_LOOK, |deadline| deadline.remaining().min(SHARED_LOOK));
    if nap.is_zero() {
        return Wake::TimedOut;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "nobody can wake us; a parked thread's token is the user's"
    )]
    std::thread::sleep(nap);
    Wake::Woken
}

pub(super) fn wake(word: *const AtomicU32, count: u32, scope: Scope) -> usize {
    if scope == Scope::Shared {
        return 0; // Sleepers of that kind look for themselves.
    }
    let mut woken = 0;
    let mut sleepers = bucket(word.addr()).lock();
    while woken < count as usize {
        let Some(place) = sleepers.iter().position(|sleeper| sleeper.address == word.addr()) else {
            break;
        };
        sleepers.remove(place).bell.rung.notify_one();
        woken += 1;
    }
    woken
}

#[cfg(test)]
mod tests {
    use super::{Scope, Wake, wait, wake};
    use crate::Deadline;
    use crate::sync::{AtomicU32, Ordering};
    use conc_tests::watchdog;
    use std::time::{Duration, Instant};

    #[test]
    fn a_changed_word_is_not_slept_on() {
        let _watchdog = watchdog();
        let word = AtomicU32::new(7);
        assert_eq!(wait(&word, 8, None, Scope::Private), Wake::Changed);
        assert_eq!(wait(&word, 8, None, Scope::Shared), Wake::Changed);
    }

    #[test]
    fn a_time_out_never_comes_early() {
        let _watchdog = watchdog();
        let word = AtomicU32::new(0);
        let started = Instant::now();
        let limit = Duration::from_millis(20);
        assert_eq!(wait(&word, 0, Deadline::after(limit), Scope::Private), Wake::TimedOut);
        assert!(started.elapsed() >= limit);
    }

    #[test]
    fn wake_reaches_exactly_as_many_as_asked() {
        let _watchdog = watchdog();
        let word = AtomicU32::new(0);
        let woken = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    assert_eq!(wait(&word, 0, None, Scope::Private), Wake::Woken);
                    woken.fetch_add(1, Ordering::SeqCst);
                });
            }
            let mut called = 0;
            while called < 2 {
                called += wake(&raw const word, 2 - called as u32, Scope::Private);
                std::thread::yield_now();
            }
            while woken.load(Ordering::SeqCst) < 2 {
                std::thread::yield_now();
            }
            while wake(&raw const word, 1, Scope::Private) == 0 {
                std::thread::yield_now();
            }
        });
        assert_eq!(woken.load(Ordering::SeqCst), 3);
    }
}

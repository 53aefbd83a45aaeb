//! Values that misbehave at the end of a job, and limits of time at their extremes.

#![cfg(feature = "auto-init")]

use conc_core::{JoinError, PortableFd};
use conc_process::Pool;
use conc_tests::{await_stopped, watchdog};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

fn held_up(gate: PortableFd) -> usize {
    let mut gate = UnixStream::from(gate.into_inner());
    gate.write_all(b"!").unwrap();
    gate.read(&mut [0]).unwrap()
}

fn occupy(pool: &Pool) -> (conc_core::Job<usize>, UnixStream) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let job = pool.submit(held_up, PortableFd::new(theirs)).unwrap();
    ours.read_exact(&mut [0]).unwrap();
    (job, ours)
}

#[test]
fn a_destructor_that_panics_in_the_pools_thread_stops_nobody() {
    let _watchdog = watchdog();
    #[derive(Serialize, Deserialize)]
    struct Brittle(u64);
    impl Drop for Brittle {
        fn drop(&mut self) {
            assert!(thread::current().name() != Some("conc-pool"), "let go");
        }
    }
    let pool = pool(1);
    let (running, gate) = occupy(&pool);
    drop(pool.submit(Brittle, 3).unwrap());
    let last = pool.submit(square, 7).unwrap();
    drop(gate);
    assert_eq!((running.join(), last.join()), (Ok(0), Ok(49)));
}

#[test]
fn a_result_that_panics_when_read_is_an_error_in_its_place_of_a_map() {
    let _watchdog = watchdog();
    #[derive(Debug, PartialEq)]
    struct Bad(u8);
    impl Serialize for Bad {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.serialize_u8(self.0)
        }
    }
    impl<'de> Deserialize<'de> for Bad {
        fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            match u8::deserialize(d)? {
                2 => panic!("not two"),
                n => Ok(Self(n)),
            }
        }
    }
    let pool = pool(1);
    let make = |n: u8| Bad(n);
    assert!(pool.apply(make, 2).unwrap_err().is_panic());
    let results: Vec<_> = pool.map(make, 0..4).batch_len(4).collect();
    assert!(results[2].as_ref().unwrap_err().is_panic());
}

#[test]
fn a_map_may_have_all_the_time() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let results: Vec<_> = pool.map(square, 0..4).timeout(Duration::MAX).collect();
    assert_eq!(results, [Ok(0), Ok(1), Ok(4), Ok(9)]);
}

#[test]
fn a_map_may_have_no_time() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let forever = |_: u64| loop {
        thread::park();
    };
    let results: Vec<Result<(), _>> = pool.map(forever, 0..4).timeout(Duration::ZERO).collect();
    assert!(results.iter().all(|result| *result == Err(JoinError::TimedOut)));
}

#[test]
fn what_is_cancelled_in_the_queue_goes_at_once() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (_running, _gate) = occupy(&pool);
    // Fill the ring.
    let _jobs: Vec<_> = (0..300).map(|n| pool.submit(square, n).unwrap()).collect();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let waiting = pool.submit(held_up, PortableFd::new(theirs)).unwrap();
    assert!(waiting.cancel());
    drop(waiting);
    // While the job before it runs; a watchdog watches.
    assert_eq!(ours.read(&mut [0]).unwrap(), 0, "closed");
}

#[test]
fn what_a_worker_did_not_begin_leaves_no_descriptors_with_it() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let pid = pool.apply(|()| std::process::id(), ()).unwrap() as i32;
    // SAFETY: the call takes numbers.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGSTOP) }, 0);
    await_stopped(pid);
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    assert!(pool.submit(held_up, PortableFd::new(theirs)).unwrap().cancel());
    // SAFETY: the call takes numbers.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGCONT) }, 0);
    assert_eq!(pool.apply(square, 3), Ok(9));
    assert_eq!(ours.read(&mut [0]).expect("closed"), 0);
}

#[test]
fn a_copy_that_returns_from_its_job_is_no_second_worker() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let fork = |n: u64| {
        // SAFETY: not sound, and that is what is tried.
        unsafe { libc::fork() };
        (n, vec![n; 500])
    };
    let big = |n: u64| vec![n; 500];
    for round in 0..5 {
        // The copy may end before or after the worker; what it says must not count.
        let _ = pool.apply(fork, round);
        let jobs: Vec<_> = (0..500).map(|n| pool.submit(big, n).unwrap()).collect();
        for (n, job) in (0..).zip(jobs) {
            assert!(job.join() == Ok(vec![n; 500]), "the result of {n} is another's");
        }
    }
}

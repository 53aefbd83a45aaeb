//! Descriptors in the arguments and results of a pool's jobs: each arrives once, none is left over.

#![cfg(feature = "auto-init")]

use conc_core::{Job, PortableFd, SubmitError};
use conc_process::Pool;
use conc_tests::laws::scene::Scratch;
use conc_tests::watchdog;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

fn pair() -> (UnixStream, PortableFd) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (ours, PortableFd::new(theirs))
}

/// Says that it runs, and waits for the end of the other side.
fn held_up(gate: PortableFd) -> usize {
    let mut gate = UnixStream::from(gate.into_inner());
    gate.write_all(b"!").unwrap();
    gate.read(&mut [0]).unwrap()
}

/// A job that runs until the stream is dropped.
fn occupy(pool: &Pool) -> (Job<usize>, UnixStream) {
    let (mut ours, theirs) = pair();
    let job = pool.submit(held_up, theirs).unwrap();
    ours.read_exact(&mut [0]).unwrap();
    (job, ours)
}

fn say((to, n): (PortableFd, u8)) -> u8 {
    UnixStream::from(to.into_inner()).write_all(&[n]).unwrap();
    n
}

/// The first time, every third dies.
fn say_or_die((to, n, path): (PortableFd, u8, String)) -> u8 {
    if n % 3 == 0 && File::create_new(format!("{path}{n}")).is_ok() {
        std::process::abort();
    }
    say((to, n))
}

/// All that is said, until nobody is left who could say more.
fn all_of(mut stream: UnixStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_job_that_is_run_again_gets_its_descriptors_again() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(2).retries(3).build().unwrap();
    let folder = Scratch::new();
    let key = folder.join("").to_str().unwrap().to_owned();
    let items = |numbers: std::ops::Range<u8>| -> (Vec<_>, Vec<_>) {
        let item = |n| {
            let (ours, theirs) = pair();
            (ours, (theirs, n, key.clone()))
        };
        numbers.map(item).unzip()
    };
    let (ours, arguments) = items(0..30);
    let jobs: Vec<_> =
        arguments.into_iter().map(|argument| pool.submit(say_or_die, argument).unwrap()).collect();
    for (n, (job, ours)) in (0..).zip(jobs.into_iter().zip(ours)) {
        assert_eq!(job.join(), Ok(n));
        assert_eq!(all_of(ours), [n]);
    }
    let (ours, arguments) = items(100..130);
    let results: Result<Vec<_>, _> = pool.map(say_or_die, arguments).collect();
    assert_eq!(results, Ok((100..130).collect()));
    for (n, ours) in (100..).zip(ours) {
        assert_eq!(all_of(ours), [n]);
    }
}

#[test]
fn a_job_that_is_stolen_back_takes_its_descriptors_along() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let (long, gate) = occupy(&pool);
    let (ours, jobs): (Vec<_>, Vec<_>) = (0..100)
        .map(|n| {
            let (ours, theirs) = pair();
            (ours, pool.submit(say, (theirs, n)).unwrap())
        })
        .unzip();
    for (n, job) in (0..).zip(jobs) {
        assert_eq!(job.join(), Ok(n));
    }
    drop(gate);
    long.join().unwrap();
    for (n, ours) in (0..).zip(ours) {
        assert_eq!(all_of(ours), [n], "stream {n}");
    }
}

#[test]
fn a_job_that_is_cancelled_before_its_worker_leaves_no_descriptors() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (long, gate) = occupy(&pool);
    let (ours, theirs) = pair();
    assert!(pool.submit(say, (theirs, 1)).unwrap().cancel());
    drop(gate);
    long.join().unwrap();
    assert_eq!(pool.apply(square, 3), Ok(9));
    assert_eq!(all_of(ours), []);
}

#[test]
fn a_map_that_is_dropped_leaves_no_descriptors_behind_the_next() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (ours, items): (Vec<_>, Vec<_>) = (0..20)
        .map(|n| {
            let (ours, theirs) = pair();
            (ours, (theirs, n))
        })
        .unzip();
    let mut map = pool.map(say, items);
    assert_eq!(map.next(), Some(Ok(0)));
    drop(map);
    // Those of an item that was taken back from its worker go with the next that come.
    let (last, theirs) = pair();
    assert_eq!(pool.apply(say, (theirs, 7)), Ok(7));
    assert_eq!(all_of(last), [7]);
    for ours in ours {
        assert!(all_of(ours).len() <= 1);
    }
}

#[test]
fn so_many_fit_into_one_argument_and_no_more() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let back = |many: Vec<PortableFd>| many;
    let open = |_| PortableFd::new(File::open("/dev/null").unwrap());
    for count in [1, 100, 253] {
        let many = (0..count).map(open).collect();
        assert_eq!(pool.apply(back, many).unwrap().len(), count);
    }
    let refused = pool.submit(back, (0..254).map(open).collect()).unwrap_err();
    assert!(matches!(refused, SubmitError::NotEncoded { .. }), "{refused}");
    assert_eq!(refused.into_inner().len(), 254, "they come back");
    assert_eq!(pool.apply(square, 3), Ok(9));
}

#[test]
fn a_pipe_that_nobody_reads_is_an_error_of_the_write() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let mut ends = [0; 2];
    // SAFETY: there is room for two.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: nobody else has them.
    let [reading, writing] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    drop(reading);
    let write = |pipe: PortableFd| File::from(pipe.into_inner()).write(b"!").is_err();
    assert_eq!(pool.apply(write, PortableFd::new(writing)), Ok(true), "and no signal");
}

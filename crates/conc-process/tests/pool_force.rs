//! What a pool does when somebody uses force, or forks.

#![cfg(feature = "auto-init")]

use conc_core::{JoinError, KillError, PortableFd};
use conc_process::{Builder, Pool, Process};
use conc_tests::watchdog;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::mpsc::channel;

fn square(n: u64) -> u64 {
    n * n
}

/// Says its number and waits for an answer.
fn held_up(gate: PortableFd) -> u32 {
    let mut gate = UnixStream::from(gate.into_inner());
    gate.write_all(&std::process::id().to_le_bytes()).unwrap();
    // Its end is as good as an answer.
    let _ = gate.read(&mut [0]).unwrap();
    7
}

/// A job that runs, its process, and what holds it up.
fn occupy(pool: &Pool) -> (conc_core::Job<u32>, i32, UnixStream) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let job = pool.submit(held_up, PortableFd::new(theirs)).unwrap();
    let mut pid = [0; 4];
    ours.read_exact(&mut pid).unwrap();
    (job, i32::from_le_bytes(pid), ours)
}

fn signal(pid: i32, signal: i32) {
    // SAFETY: the call takes numbers only; the process runs a job of ours.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

#[test]
fn a_kill_hits_its_job_alone() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).build().unwrap();
    let (running, _, _gate) = occupy(&pool);
    let queued: Vec<_> = (0..20).map(|n| pool.submit(square, n).unwrap()).collect();
    assert!(queued[3].kill().is_ok() && queued[3].is_cancelled());
    assert!(queued[4].cancel());
    assert_eq!(running.kill(), Ok(()));
    assert!(matches!(running.join(), Err(JoinError::Killed { .. })));
    for (n, job) in (0..).zip(queued) {
        let expected = if n == 3 || n == 4 { Err(JoinError::Cancelled) } else { Ok(n * n) };
        job.wait();
        assert_eq!(job.kill(), Err(KillError::Finished));
        assert_eq!(job.join(), expected);
    }
    assert_eq!(pool.stats().workers.iter().map(|worker| worker.lost).sum::<u64>(), 1);
}

#[test]
fn a_worker_that_is_stopped_keeps_one_job_until_it_goes_on() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(2).build().unwrap();
    let (job, pid, gate) = occupy(&pool);
    signal(pid, libc::SIGSTOP);
    drop(gate);
    let others: Vec<_> = (0..50).map(|n| pool.submit(square, n).unwrap()).collect();
    for (n, other) in (0..).zip(others) {
        assert_eq!(other.join(), Ok(n * n));
    }
    assert!(!job.is_finished());
    signal(pid, libc::SIGCONT);
    assert_eq!(job.join(), Ok(7));
}

#[test]
fn a_stopped_worker_is_ended_by_termination() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).build().unwrap();
    let (job, pid, _gate) = occupy(&pool);
    signal(pid, libc::SIGSTOP);
    pool.terminate();
    assert!(matches!(job.join(), Err(JoinError::Killed { .. })));
}

#[test]
fn what_a_job_started_dies_with_its_worker() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).build().unwrap();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    // The command inherits the writing end, which is closed when it has ended.
    let start = |out: PortableFd| -> u32 {
        Command::new("sleep").arg("1000").stdout(out.into_inner()).spawn().unwrap();
        std::process::abort()
    };
    let job = pool.submit(start, PortableFd::new(theirs)).unwrap();
    assert!(matches!(job.join(), Err(JoinError::Killed { .. })));
    assert_eq!(ours.read(&mut [0]).unwrap(), 0);
}

#[test]
fn workers_end_with_a_parent_that_is_killed() {
    let _watchdog = watchdog();
    fn parent(out: PortableFd) {
        let pool = Pool::builder().workers(2).build().unwrap();
        let hold = |out: PortableFd| {
            UnixStream::from(out.into_inner()).write_all(b"!").unwrap();
            loop {
                std::thread::park();
            }
        };
        let out = UnixStream::from(out.into_inner());
        let jobs: Vec<conc_core::Job<()>> = (0..2)
            .map(|_| pool.submit(hold, PortableFd::new(out.try_clone().unwrap())).unwrap())
            .collect();
        drop(out);
        jobs.into_iter().for_each(|job| drop(job.join()));
    }
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let parent = Process::spawn(parent, PortableFd::new(theirs)).unwrap();
    ours.read_exact(&mut [0; 2]).unwrap();
    parent.kill().unwrap();
    assert_eq!(ours.read(&mut [0]).unwrap(), 0, "nobody holds it any more");
}

#[test]
fn callbacks_that_panic_and_callbacks_that_submit_harm_nobody() {
    let _watchdog = watchdog();
    let pool = std::sync::Arc::new(Pool::builder().workers(1).build().unwrap());
    let mut bad = pool.submit(square, 1).unwrap();
    bad.on_finish(|_| panic!("a bad callback"));
    assert_eq!(bad.join(), Ok(1));
    let (send, receive) = channel();
    let mut job = pool.submit(square, 2).unwrap();
    let theirs = std::sync::Arc::clone(&pool);
    job.on_finish(move |_| send.send(theirs.submit(square, 3).unwrap()).unwrap());
    assert_eq!(job.join(), Ok(4));
    assert_eq!(receive.recv().unwrap().join(), Ok(9));
}

#[test]
fn in_a_copy_of_this_process_a_pool_is_inert() {
    let _watchdog = watchdog();
    fn forks(_: ()) -> bool {
        let pool = Pool::builder().workers(1).build().unwrap();
        // SAFETY: the copy asks the pool, which takes no lock there, and ends.
        let copy = unsafe {
            Builder::new().fork(|| {
                let refused = pool.submit(square, 1).is_err();
                let map = pool.map(square, 0..2).all(|result| result == Err(JoinError::Forked));
                pool.shutdown();
                refused && map && pool.is_closed() && pool.stats().workers.is_empty()
            })
        };
        let inert = copy.unwrap().join().unwrap();
        inert && pool.apply(square, 4) == Ok(16)
    }
    assert_eq!(Process::spawn(forks, ()).unwrap().join(), Ok(true));
}

#[test]
fn a_pool_survives_its_fork_server() {
    let _watchdog = watchdog();
    // In a process of its own: its fork server is its own, too.
    fn survives(_: ()) -> (bool, bool) {
        let pool = Pool::builder().workers(2).build().unwrap();
        let server = pool.apply(|()| std::os::unix::process::parent_id(), ()).unwrap();
        let (running, _, _gate) = occupy(&pool);
        signal(server as i32, libc::SIGKILL);
        let named = matches!(
            running.join(),
            Err(JoinError::ServerDied | JoinError::Killed { .. } | JoinError::Abandoned)
        );
        let results = pool.terms().retries(5).submit(square, 5).unwrap().join();
        (named, results == Ok(25))
    }
    assert_eq!(Process::spawn(survives, ()).unwrap().join(), Ok((true, true)));
}

#[test]
fn descriptors_that_nobody_takes_are_closed() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).build().unwrap();
    let (_running, _, gate) = occupy(&pool);
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let waiting = pool.submit(held_up, PortableFd::new(theirs)).unwrap();
    assert!(waiting.cancel());
    drop(gate);
    drop(pool);
    assert_eq!(ours.read(&mut [0]).unwrap(), 0);
}

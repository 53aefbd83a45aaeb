//! Pools whose workers are killed all the time.

#![cfg(feature = "auto-init")]

use conc_core::{Job, JoinError};
use conc_process::Pool;
use conc_tests::{watchdog, watchdog_for};
use std::collections::HashSet;
use std::fs;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// The storms take a while on machines that do something else.
const STORM: Duration = Duration::from_secs(240);

fn spread(n: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
}

/// Jobs of mixed length: most of a microsecond, some of a hundred, few of a millisecond.
fn work(n: u64) -> u64 {
    let rounds = match spread(n) % 1_000 {
        0..10 => 300_000,
        10..100 => 30_000,
        _ => 100,
    };
    black_box((0..rounds).fold(0_u64, |sum, k| black_box(sum ^ k).wrapping_mul(31)));
    n ^ 0xABCD
}

/// Kills random workers of `pool` as long as `during` runs; how many, and what came of it.
fn storm<T>(pool: &Pool, during: impl FnOnce() -> T) -> (u64, T) {
    let (stop, killed) = (AtomicBool::new(false), AtomicU64::new(0));
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            let mut seen = None;
            for round in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let stats = pool.stats();
                let workers = stats.workers.iter();
                let pids: Vec<_> = workers.filter_map(|worker| worker.pid).collect();
                // Workers that are killed one after the other while they start are the end of a
                // pool: some work has to be done in between.
                let done = Some(stats.jobs());
                if !pids.is_empty() && seen != done {
                    seen = done;
                    let pid = pids[spread(round) as usize % pids.len()];
                    // SAFETY: the call takes numbers only; a worker that has just ended is not
                    // reaped by us, and nobody takes its number so fast.
                    let result = unsafe { libc::kill(pid as i32, libc::SIGKILL) };
                    killed.fetch_add(u64::from(result == 0), Ordering::Relaxed);
                }
                // Not to wait for something: to let workers live for a moment.
                thread::park_timeout(Duration::from_micros(500 + spread(round) % 3_000));
            }
        });
        struct Stop<'s>(&'s AtomicBool);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _stop = Stop(&stop);
        during()
    });
    (killed.into_inner(), outcome)
}

#[test]
fn with_retries_all_results_of_a_hundred_thousand_jobs_are_exact() {
    let _watchdog = watchdog_for(STORM);
    let pool = Pool::builder().workers(3).retries(1_000).build().unwrap();
    let (killed, ()) = storm(&pool, || {
        let results = pool.map(work, 0..50_000);
        let mut count = 0;
        for (n, result) in (0..).zip(results) {
            assert_eq!(result, Ok(n ^ 0xABCD));
            count += 1;
        }
        assert_eq!(count, 50_000);
        let jobs: Vec<Job<u64>> = (0..50_000).map(|n| pool.submit(work, n).unwrap()).collect();
        for (n, job) in (0..).zip(jobs) {
            assert_eq!(job.join(), Ok(n ^ 0xABCD));
        }
    });
    eprintln!("{killed} workers were killed");
    assert!(killed > 0);
    pool.shutdown();
}

#[test]
fn without_retries_every_loss_is_named() {
    let _watchdog = watchdog_for(STORM);
    let pool = Pool::builder().workers(3).build().unwrap();
    let (killed, lost) = storm(&pool, || {
        let check = |n: u64, result: Result<u64, JoinError>| match result {
            Ok(value) => {
                assert_eq!(value, n ^ 0xABCD);
                0
            }
            Err(JoinError::Killed { signal, .. }) => {
                assert_eq!(signal.number(), libc::SIGKILL);
                1
            }
            Err(other) => panic!("{n}: {other}"),
        };
        let mut lost = 0;
        for (n, result) in (0..).zip(pool.map(work, 0..25_000)) {
            lost += check(n, result);
        }
        let mut seen = HashSet::new();
        for (n, result) in pool.map_unordered(work, 0..25_000) {
            assert!(seen.insert(n), "{n} came twice");
            lost += check(n as u64, result);
        }
        assert_eq!(seen.len(), 25_000);
        let jobs: Vec<Job<u64>> = (0..50_000).map(|n| pool.submit(work, n).unwrap()).collect();
        for (n, job) in (0..).zip(jobs) {
            lost += check(n, job.join());
        }
        lost
    });
    eprintln!("{killed} workers were killed, {lost} jobs were lost");
    assert!(killed > 0 && lost <= killed, "{lost} losses of {killed} deaths");
    assert_eq!(pool.stats().workers.iter().map(|worker| worker.lost).sum::<u64>(), lost);
    pool.shutdown();
}

/// What this process has: children, descriptors, mapped segments.
fn belongings() -> (usize, usize, usize) {
    let children = fs::read_dir("/proc/self/task").unwrap().flatten().map(|task| {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.split_whitespace().count()
    });
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let segments = maps.lines().filter(|line| line.contains("memfd:")).count();
    (children.sum(), descriptors, segments)
}

/// The workers of the fork server that this process has, whose child each worker is.
fn grandchildren() -> usize {
    let mut count = 0;
    for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let path = format!("/proc/{child}/task/{child}/children");
            count += fs::read_to_string(path).unwrap_or_default().split_whitespace().count();
        }
    }
    count
}

/// In a process of its own: nobody else opens files there.
#[test]
fn fifty_pools_leave_nothing_behind() {
    let _watchdog = watchdog();
    fn rounds(_: ()) {
        let mut before = None;
        for round in 0..50 {
            let pool = Pool::builder().workers(2).build().unwrap();
            let crash = |n: u64| if n == 7 { std::process::abort() } else { n };
            assert_eq!(pool.map(crash, 0..20).filter(Result::is_ok).count(), 19);
            let running = pool.submit(|n: u64| n, round).unwrap();
            match round % 3 {
                0 => pool.shutdown(),
                1 => pool.terminate(),
                _ => {}
            }
            drop(pool);
            running.wait();
            // A dropped pool ends a moment later; watched from outside.
            while grandchildren() > 0 {
                thread::yield_now();
            }
            // The first rounds start what stays: the server, the supervisor.
            if round == 5 {
                before = Some(settled(None));
            }
        }
        let before = before.unwrap();
        let now = settled(Some(before));
        // What was still being closed when it was counted first may be gone by now.
        assert!(no_more(now, before), "{now:?} after {before:?}");
    }
    conc_process::Process::spawn(rounds, ()).unwrap().join().unwrap();
}

/// Whether nothing came to these belongings.
fn no_more(now: (usize, usize, usize), before: (usize, usize, usize)) -> bool {
    now.0 <= before.0 && now.1 <= before.1 && now.2 <= before.2
}

/// Belongings once the pool's threads have let go of them, if they ever do.
fn settled(expected: Option<(usize, usize, usize)>) -> (usize, usize, usize) {
    for _ in 0..20_000 {
        let now = belongings();
        if expected.map_or(now.2 == 0, |expected| no_more(now, expected)) {
            return now;
        }
        thread::park_timeout(Duration::from_millis(1));
    }
    belongings()
}

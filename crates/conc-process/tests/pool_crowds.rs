//! Many pools, many workers, many threads that use them, many descriptors.

#![cfg(feature = "auto-init")]

use conc_core::{JoinError, as_completed};
use conc_process::{Pool, Process};
use conc_tests::{watchdog, watchdog_for};
use std::collections::HashSet;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

#[test]
fn many_threads_use_one_pool() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let fragile = |n: u64| match n % 100 {
        37 => std::process::abort(),
        _ => n * n,
    };
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let pool = &pool;
            scope.spawn(move || {
                let items = thread * 1_000..thread * 1_000 + 300;
                match thread % 4 {
                    0 => {
                        let jobs = items.map(|n| pool.submit(square, n).unwrap());
                        let sum: u64 = as_completed(jobs).map(|(_, n)| n.unwrap()).sum();
                        assert!(sum > 0);
                    }
                    1 => {
                        let results: Result<Vec<_>, _> = pool.map(square, items.clone()).collect();
                        assert_eq!(results, Ok(items.map(square).collect()));
                    }
                    2 => {
                        let failed = pool.map_unordered(fragile, items);
                        assert_eq!(failed.filter(|(_, result)| result.is_err()).count(), 3);
                    }
                    _ => {
                        for n in items {
                            assert_eq!(pool.apply(square, n), Ok(n * n));
                        }
                    }
                }
            });
        }
    });
    assert_eq!(pool.stats().workers.iter().map(|worker| worker.lost).sum::<u64>(), 6);
    pool.shutdown();
    assert_eq!(pool.stats().outstanding, 0);
}

#[test]
fn many_pools_live_side_by_side() {
    let _watchdog = watchdog();
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            scope.spawn(move || {
                let pools: Vec<_> = (1..=3).map(pool).collect();
                let pids: HashSet<_> = pools
                    .iter()
                    .map(|pool| pool.apply(|()| std::process::id(), ()).unwrap())
                    .collect();
                assert_eq!(pids.len(), 3, "each has workers of its own");
                for n in 0..50 {
                    for (k, pool) in (0..).zip(&pools) {
                        assert_eq!(pool.apply(square, n * k + thread), Ok(square(n * k + thread)));
                    }
                }
                let died = pools[1].apply::<(), ()>(|()| std::process::abort(), ());
                assert!(matches!(died, Err(JoinError::Killed { .. })));
                assert_eq!(pools[0].stats().restarts() + pools[2].stats().restarts(), 0);
            });
        }
    });
}

/// Lets this process have more descriptors than most have by default; whether it may have `count`.
fn raise_limit(count: u64) -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the record outlives the call.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit.rlim_cur = limit.rlim_max.min(4_096);
    // SAFETY: the record outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    limit.rlim_cur >= count
}

/// Runs `program` in a process of its own, where it sums up squares below `end`, or may not have
/// enough descriptors.
fn sums_up(program: fn(()) -> Option<u64>, end: u64) {
    match Process::spawn(program, ()).unwrap().join().unwrap() {
        Some(sum) => assert_eq!(sum, (0..end).map(square).sum()),
        None => eprintln!("NOT TRIED, the hard limit on descriptors is too low here"),
    }
}

/// In a process of its own, as the next: others have their limits and their descriptors.
#[test]
fn a_pool_of_two_hundred_workers_works() {
    let _watchdog = watchdog_for(Duration::from_secs(120));
    fn program(_: ()) -> Option<u64> {
        if !raise_limit(2_048) {
            return None;
        }
        let pool = pool(200);
        assert_eq!(pool.workers(), 200);
        assert_eq!(pool.stats().workers.iter().filter(|worker| worker.pid.is_some()).count(), 200);
        let sum = pool.map(square, 0..2_000).batch_len(1).map(Result::unwrap).sum();
        pool.shutdown();
        Some(sum)
    }
    sums_up(program, 2_000);
}

#[test]
fn numbers_of_descriptors_above_1024_are_no_problem() {
    let _watchdog = watchdog();
    fn program(_: ()) -> Option<u64> {
        if !raise_limit(2_048) {
            return None;
        }
        let files: Vec<_> = (0..1_500).map(|_| File::open("/dev/null").unwrap()).collect();
        assert!(files.last().unwrap().as_raw_fd() > 1_024);
        let pool = pool(2);
        let open = |()| std::fs::read_dir("/proc/self/fd").unwrap().count();
        assert!(pool.apply(open, ()).unwrap() < 64, "workers inherit none of them");
        assert!(pool.apply::<(), ()>(|()| std::process::abort(), ()).is_err());
        let sum = pool.map(square, 0..100).map(Result::unwrap).sum();
        pool.shutdown();
        Some(sum)
    }
    sums_up(program, 100);
}

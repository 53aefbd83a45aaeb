//! `conc_process::Pool`: ours.
//!
//! Runs in processes of its own: its fork server is a child that stays.

use super::super::thread_pool::cases::{heavy, skewed, square, tiny_map, tiny_submit};
use super::WORKERS;
use super::cases::{payload, recovery};
use crate::harness::{Bench, Contender, Group, Outcome};
use conc_core::{Job, JoinError};
use conc_process::Pool;

pub(super) fn register(group: &mut Group) {
    let how = "Pool::map, collected";
    group.add(tiny_map::NAME, Contender::alone("conc_map", how, map));
    let how = "Pool::submit for each job, then join of each";
    group.add(tiny_submit::NAME, Contender::alone("conc_submit", how, submit));
    let how = "Pool::map, summed up";
    group.add(heavy::NAME, Contender::alone("conc_map", how, map_heavy));
    group.add(skewed::NAME, Contender::alone("conc_map", how, map_skewed));
    let how = "Pool::map_unordered, summed up";
    group.add(skewed::NAME, Contender::alone("conc_map_unordered", how, map_unordered_skewed));
    let how = "Pool::apply";
    group.add(payload::NAME, Contender::alone("conc_apply", how, payloads));
    let how = "Pool of one worker: apply of a job that dies, apply of one that does not";
    group.add(recovery::NAME, Contender::alone("conc_apply", how, deaths));
}

const NO_PANIC: &str = "the work does not panic";

/// A pool for one run; nothing of it is under way when this returns.
fn with_pool(workers: usize, measure: impl FnOnce(&Pool) -> Outcome) -> Outcome {
    let pool = Pool::builder().workers(workers).build().expect("processes can be started");
    let outcome = measure(&pool);
    pool.shutdown();
    outcome
}

fn map(bench: &Bench) -> Outcome {
    with_pool(WORKERS, |pool| {
        let work = |jobs| pool.map(square, 0..jobs).collect();
        tiny_map::measure(bench, work, |squares: Result<Vec<u64>, JoinError>| {
            squares.expect(NO_PANIC)
        })
    })
}

fn submit(bench: &Bench) -> Outcome {
    with_pool(WORKERS, |pool| {
        tiny_submit::measure(bench, |jobs| {
            let submit = |n| pool.submit(square, n).expect("the pool is open");
            let jobs: Vec<Job<u64>> = (0..jobs).map(submit).collect();
            jobs.into_iter().map(|job| job.join().expect(NO_PANIC)).sum()
        })
    })
}

fn map_heavy(bench: &Bench) -> Outcome {
    with_pool(WORKERS, |pool| {
        heavy::measure(bench, |jobs| {
            pool.map(heavy::job, 0..jobs).map(|result| result.expect(NO_PANIC)).sum()
        })
    })
}

fn map_skewed(bench: &Bench) -> Outcome {
    with_pool(WORKERS, |pool| {
        skewed::measure(bench, |jobs| {
            pool.map(skewed::job, 0..jobs).map(|index| index.expect(NO_PANIC)).sum()
        })
    })
}

fn map_unordered_skewed(bench: &Bench) -> Outcome {
    with_pool(WORKERS, |pool| {
        skewed::measure(bench, |jobs| {
            let results = pool.map_unordered(skewed::job, 0..jobs);
            results.map(|(_, index)| index.expect(NO_PANIC)).sum()
        })
    })
}

fn payloads(bench: &Bench) -> Outcome {
    let text = "x".repeat(payload::LEN);
    with_pool(WORKERS, |pool| {
        payload::measure(bench, |jobs| {
            let one = |_| pool.apply(|text: String| text, text.clone()).expect(NO_PANIC).len();
            (0..jobs).map(one).sum()
        })
    })
}

fn deaths(bench: &Bench) -> Outcome {
    fn die(_: u64) -> u64 {
        let own = nix::unistd::getpid();
        nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGKILL).expect("it is this process");
        0
    }
    with_pool(1, |pool| {
        recovery::measure(bench, |deaths| {
            for death in 0..deaths {
                assert!(pool.apply(die, death).is_err(), "it dies");
                assert_eq!(pool.apply(square, death), Ok(death * death));
            }
        })
    })
}

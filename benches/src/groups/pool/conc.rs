//! `conc_process::Pool`: ours.
//!
//! Runs in processes of its own: its fork server is a child that stays.

use super::super::thread_pool::cases::{heavy, skewed, square, tiny_map, tiny_submit};
use super::WORKERS;
use super::cases::{idle, payload, recovery};
use crate::harness::{Bench, Contender, Group, Outcome};
use conc_core::{Job, JoinError};
use conc_process::{Pool, PoolBuilder};
use serde_bytes::ByteBuf;

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
    let how = "Pool::apply of a String";
    group.add(payload::NAME, Contender::alone("conc_apply", how, texts));
    let how = "Pool::apply of a serde_bytes::ByteBuf: nobody looks for UTF-8";
    group.add(payload::NAME, Contender::alone("conc_apply_bytes", how, bytes));
    let how = "Pool of one worker: apply of a job that dies, apply of one that does not";
    group.add(recovery::NAME, Contender::alone("conc_apply", how, deaths));
    let how = "a Pool, which has run a map: its threads in the parent, workers and their server";
    group.add(idle::NAME, Contender::alone("conc_pool", how, at_rest));
}

const NO_PANIC: &str = "the work does not panic";

/// A pool for one run; nothing of it is under way when this returns.
fn with_pool(workers: usize, measure: impl FnOnce(&Pool) -> Outcome) -> Outcome {
    measured(Pool::builder().workers(workers), measure)
}

/// [`with_pool`] for jobs of [`skewed`]: that they are as long in each worker as they are here is
/// seen to before the clock.
fn with_paced_pool(measure: impl FnOnce(&Pool) -> Outcome) -> Outcome {
    let builder = Pool::builder().workers(WORKERS);
    measured(builder.initializer(skewed::set_pace, skewed::pace()), measure)
}

fn measured(builder: PoolBuilder, measure: impl FnOnce(&Pool) -> Outcome) -> Outcome {
    let pool = builder.build().expect("processes can be started");
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
    with_paced_pool(|pool| {
        skewed::measure(bench, |jobs| {
            pool.map(skewed::job, 0..jobs).map(|index| index.expect(NO_PANIC)).sum()
        })
    })
}

fn map_unordered_skewed(bench: &Bench) -> Outcome {
    with_paced_pool(|pool| {
        skewed::measure(bench, |jobs| {
            let results = pool.map_unordered(skewed::job, 0..jobs);
            results.map(|(_, index)| index.expect(NO_PANIC)).sum()
        })
    })
}

fn texts(bench: &Bench) -> Outcome {
    with_pool(WORKERS, |pool| {
        let there_and_back = |text| pool.apply(|text: String| text, text).expect(NO_PANIC);
        payload::measure_in_turn(bench, "x".repeat(payload::LEN), there_and_back)
    })
}

fn bytes(bench: &Bench) -> Outcome {
    with_pool(WORKERS, |pool| {
        let there_and_back = |bytes| pool.apply(|bytes: ByteBuf| bytes, bytes).expect(NO_PANIC);
        payload::measure_in_turn(bench, ByteBuf::from(vec![b'x'; payload::LEN]), there_and_back)
    })
}

fn deaths(bench: &Bench) -> Outcome {
    with_pool(1, |pool| {
        recovery::measure(bench, |deaths| {
            for death in 0..deaths {
                assert!(pool.apply(recovery::die, death).is_err(), "it dies");
                assert_eq!(pool.apply(square, death), Ok(death * death));
            }
        })
    })
}

fn at_rest(bench: &Bench) -> Outcome {
    with_pool(WORKERS, |pool| {
        idle::measure(bench, |jobs| {
            pool.map(square, 0..jobs).map(|result| result.expect(NO_PANIC)).sum()
        })
    })
}

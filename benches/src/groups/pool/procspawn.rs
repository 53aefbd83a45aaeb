//! `procspawn::Pool`: one call at a time and worker, over sockets.

use super::super::thread_pool::cases::{square, tiny_submit};
use super::WORKERS;
use super::cases::{idle, payload, recovery};
use crate::harness::{Bench, Contender, Group, Outcome};
use procspawn::{JoinHandle, Pool};
use std::collections::VecDeque;

const NAME: &str = "procspawn";

/// Each job has descriptors from the call of `spawn` on.
const PENDING: usize = 64;

pub(super) fn register(group: &mut Group) {
    let how = "Pool::spawn for each of 10,000 jobs, at most 64 of them not yet joined";
    group.add(tiny_submit::NAME, Contender::alone(NAME, how, submit));
    let how = "Pool::spawn of a String, join";
    group.add(payload::NAME, Contender::alone(NAME, how, texts));
    let how = "Pool of one worker: spawn and join of a job that dies, of one that does not";
    group.add(recovery::NAME, Contender::alone(NAME, how, deaths));
    let how = "a Pool, which has run some jobs: two threads in the parent, and workers";
    group.add(idle::NAME, Contender::alone(NAME, how, at_rest));
}

const NO_CRASH: &str = "it does not crash";

/// A pool for one run.
fn pool(workers: usize) -> Pool {
    Pool::new(workers).expect("processes can be started")
}

fn sum_of_squares(pool: &Pool, jobs: u64) -> u64 {
    let join = |job: JoinHandle<u64>| job.join().expect(NO_CRASH);
    let mut sum = 0;
    let mut pending = VecDeque::with_capacity(PENDING);
    for number in 0..jobs {
        if pending.len() == PENDING {
            sum += pending.pop_front().map_or(0, join);
        }
        pending.push_back(pool.spawn(number, square));
    }
    sum + pending.into_iter().map(join).sum::<u64>()
}

fn submit(bench: &Bench) -> Outcome {
    let pool = pool(WORKERS);
    tiny_submit::measure_jobs(bench, tiny_submit::JOBS_FEWER, |jobs| sum_of_squares(&pool, jobs))
}

fn texts(bench: &Bench) -> Outcome {
    let pool = pool(WORKERS);
    let there_and_back = |text| pool.spawn(text, |text: String| text).join().expect(NO_CRASH);
    payload::measure_in_turn(bench, "x".repeat(payload::LEN), there_and_back)
}

fn deaths(bench: &Bench) -> Outcome {
    let pool = pool(1);
    recovery::measure(bench, |deaths| {
        for death in 0..deaths {
            assert!(pool.spawn(death, recovery::die).join().is_err(), "it dies");
            assert_eq!(pool.spawn(death, square).join().expect(NO_CRASH), death * death);
        }
    })
}

fn at_rest(bench: &Bench) -> Outcome {
    let pool = pool(WORKERS);
    idle::measure(bench, |jobs| sum_of_squares(&pool, jobs))
}

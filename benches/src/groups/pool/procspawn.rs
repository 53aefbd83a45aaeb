//! `procspawn::Pool`: one call at a time and worker, over pipes.

use super::super::thread_pool::cases::{square, tiny_submit};
use super::WORKERS;
use crate::harness::{Bench, Contender, Group, Outcome};

const NAME: &str = "procspawn";

pub(super) fn register(group: &mut Group) {
    let how = "Pool::spawn for each job, then join of each";
    group.add(tiny_submit::NAME, Contender::alone(NAME, how, submit));
}

fn submit(bench: &Bench) -> Outcome {
    let pool = procspawn::Pool::new(WORKERS).expect("processes can be started");
    tiny_submit::measure(bench, |jobs| {
        let jobs: Vec<_> = (0..jobs).map(|n| pool.spawn(n, square)).collect();
        jobs.into_iter().map(|job| job.join().expect("it does not crash")).sum()
    })
}

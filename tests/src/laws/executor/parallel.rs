//! How much runs at the same moment.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::scene::{Gate, Occupied, pass};
use crate::laws::{Law, Make, Needs};
use conc_core::executor::blocking;
use conc_core::{Capabilities, Job};
use std::path::PathBuf;

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(as_many_jobs_as_promised_run_at_once, Needs::PARALLEL),
        // Without a queue a job starts when it is submitted, and the promise is only the least.
        law!(
            no_more_jobs_than_promised_run_at_once,
            Needs::all(Capabilities::PARALLEL.union(Capabilities::CANCELS_QUEUED))
        ),
        law!(items_of_a_map_run_at_once, Needs::PARALLEL),
        law!(
            jobs_that_block_do_not_stop_others,
            Needs::all(Capabilities::PARALLEL.union(Capabilities::BLOCKING))
        ),
    ]
}

fn as_many_jobs_as_promised_run_at_once<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    for _ in 0..10 {
        let occupied = Occupied::all_of(&executor);
        assert!(occupied.jobs().iter().all(Job::is_running), "beside each other, and beside us");
        occupied.release().into_iter().zip(0..).for_each(|(job, n)| assert_eq!(job.join(), Ok(n)));
    }
}

fn no_more_jobs_than_promised_run_at_once<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let occupied = Occupied::all_of(&executor);
    let more: Vec<_> = (0..20_u64).map(|n| executor.submit(|n: u64| n, n).unwrap()).collect();
    assert!(!more.iter().any(Job::is_running));
    assert!(!more.iter().any(Job::is_finished));
    drop(occupied);
    more.into_iter().zip(0..).for_each(|(job, n)| assert_eq!(job.join(), Ok(n)));
}

fn wait((gate, n): (PathBuf, u64)) -> u64 {
    pass(&gate, n);
    n
}

fn items_of_a_map_run_at_once<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let gate = Gate::new();
    let workers = executor.parallelism() as u64;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let visitors: Vec<_> = (0..workers).map(|_| gate.visitor()).collect();
            drop(visitors);
        });
        let items = (0..workers).map(|n| (gate.key(), n));
        let results: Result<Vec<_>, _> = executor.map(wait, items).collect();
        assert_eq!(results, Ok((0..workers).collect()));
    });
}

fn jobs_that_block_do_not_stop_others<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let gate = Gate::new();
    let sleep = |(gate, n): (PathBuf, u64)| blocking(|| wait((gate, n)));
    let count = executor.parallelism() as u64 + 3;
    let sleepers: Vec<_> =
        (0..count).map(|n| executor.submit(sleep, (gate.key(), n)).unwrap()).collect();
    let visitors: Vec<_> = (0..count).map(|_| gate.visitor()).collect();
    assert_eq!(executor.submit(|n: u64| n, 1).unwrap().join(), Ok(1), "while all of them sleep");
    drop(visitors);
    sleepers.into_iter().zip(0..).for_each(|(job, n)| assert_eq!(job.join(), Ok(n)));
}

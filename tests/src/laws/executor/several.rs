//! Waiting for several jobs, of several executors.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::scene::{Gate, Occupied, Visitor, pass};
use crate::laws::{Law, Make, Needs};
use conc_core::{
    Executor, InlineExecutor, Job, JobSet, JoinError, Waitable, Waited, as_completed, wait_all,
    wait_all_timeout, wait_first, wait_first_error, wait_first_timeout,
};
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(as_completed_gives_each_job_of_several_executors_once, Needs::NOTHING),
        law!(as_completed_follows_the_order_of_the_ends, Needs::PARALLEL),
        law!(wait_first_says_which_has_ended, Needs::PARALLEL),
        law!(wait_all_waits_for_all, Needs::PARALLEL),
        law!(bounded_waits_for_several_are_never_early, Needs::PARALLEL),
        law!(wait_first_error_finds_what_failed, Needs::NOTHING),
        law!(a_set_may_grow_while_it_is_read, Needs::NOTHING),
        law!(what_is_cancelled_has_ended_for_who_waits_for_several, Needs::QUEUE),
    ]
}

fn as_completed_gives_each_job_of_several_executors_once<E: Subject>(make: Make<'_, E>) {
    let (a, b, inline) = (make(), make(), InlineExecutor::new());
    let square = |n: u64| n * n;
    let jobs: Vec<Job<u64>> = (0..300)
        .map(|n| match n % 3 {
            0 => a.submit(square, n).unwrap(),
            1 => b.submit(square, n).unwrap(),
            _ => inline.submit(square, n).unwrap(),
        })
        .collect();
    let mut seen = vec![false; jobs.len()];
    let mut results = as_completed(jobs);
    assert_eq!(results.len(), 300);
    for (place, result) in &mut results {
        assert_eq!(result, Ok((place * place) as u64));
        assert!(!std::mem::replace(&mut seen[place], true), "place {place} came twice");
    }
    assert!(seen.iter().all(|seen| *seen) && results.next().is_none());
}

fn wait((gate, n): (PathBuf, u64)) -> u64 {
    pass(&gate, n);
    n
}

/// Jobs that run, each on its own executor, and what holds each of them up.
struct Held<E> {
    _executors: Vec<E>,
    jobs: Vec<Job<u64>>,
    visitors: Vec<Option<Visitor>>,
}

impl<E: Subject> Held<E> {
    fn new(make: Make<'_, E>, count: u64) -> Self {
        let gate = Gate::new();
        let executors: Vec<E> = (0..count).map(|_| make()).collect();
        let jobs = (0..count)
            .zip(&executors)
            .map(|(n, executor)| executor.submit(wait, (gate.key(), n)).unwrap())
            .collect();
        let mut visitors: Vec<_> = (0..count).map(|_| gate.visitor()).collect();
        visitors.sort_by_key(|visitor| visitor.number);
        Self { _executors: executors, jobs, visitors: visitors.into_iter().map(Some).collect() }
    }

    fn let_go(&mut self, n: usize) {
        self.visitors[n] = None;
    }

    fn waitables(&self) -> Vec<&dyn Waitable> {
        self.jobs.iter().map(|job| job as _).collect()
    }
}

fn as_completed_follows_the_order_of_the_ends<E: Subject>(make: Make<'_, E>) {
    let mut held = Held::new(make, 3);
    let mut results = as_completed(std::mem::take(&mut held.jobs));
    for n in [1, 2, 0] {
        held.let_go(n);
        assert_eq!(results.next(), Some((n, Ok(n as u64))));
    }
    assert_eq!(results.next(), None);
}

fn wait_first_says_which_has_ended<E: Subject>(make: Make<'_, E>) {
    let mut held = Held::new(make, 3);
    assert_eq!(wait_first(&[]), None);
    assert_eq!(wait_first_timeout(&held.waitables(), Duration::ZERO), None);
    held.let_go(2);
    assert_eq!(wait_first(&held.waitables()), Some(2));
    assert_eq!(wait_first(&held.waitables()), Some(2), "again");
    held.let_go(0);
    assert_eq!(wait_first(&held.waitables()[..2]), Some(0));
}

fn wait_all_waits_for_all<E: Subject>(make: Make<'_, E>) {
    let mut held = Held::new(make, 3);
    for n in [2, 0] {
        held.let_go(n);
        assert!(!wait_all_timeout(&held.waitables(), Duration::from_millis(1)), "1 runs");
    }
    assert!(!held.jobs[1].is_finished());
    held.let_go(1);
    // The same job may be there twice.
    wait_all(&[&held.jobs[1], &held.jobs[0], &held.jobs[1]]);
    wait_all(&held.waitables());
    assert!(held.jobs.iter().all(Job::is_finished));
    assert!(wait_all_timeout(&held.waitables(), Duration::ZERO));
    wait_all(&[]);
}

fn bounded_waits_for_several_are_never_early<E: Subject>(make: Make<'_, E>) {
    let mut held = Held::new(make, 2);
    let timeout = Duration::from_millis(3);
    let timed = |wait: &mut dyn FnMut() -> bool| {
        let started = Instant::now();
        assert!(wait(), "all are running");
        assert!(started.elapsed() >= timeout, "{:?} is early", started.elapsed());
    };
    timed(&mut || wait_first_timeout(&held.waitables(), timeout).is_none());
    timed(&mut || !wait_all_timeout(&held.waitables(), timeout));
    let mut set: JobSet<_> = std::mem::take(&mut held.jobs).into_iter().collect();
    timed(&mut || set.next_finished_timeout(timeout) == Waited::TimedOut);
    held.let_go(1);
    let far = Instant::now() + Duration::from_secs(3600);
    assert_eq!(set.next_finished_deadline(far), Waited::Ended(1, Ok(1)));
    held.let_go(0);
    assert_eq!(set.next_finished_timeout(Duration::MAX), Waited::Ended(0, Ok(0)));
    assert_eq!(set.next_finished_timeout(Duration::MAX), Waited::Exhausted);
}

fn wait_first_error_finds_what_failed<E: Subject>(make: Make<'_, E>) {
    let executors = [make(), make()];
    let picky = |n: u64| assert!(n != 13, "unlucky");
    let submit = |n: u64| executors[n as usize % 2].submit(picky, n).unwrap();
    let jobs: Vec<_> = (0..20).map(submit).collect();
    let waitables: Vec<&dyn Waitable> = jobs.iter().map(|job| job as _).collect();
    assert_eq!(wait_first_error(&waitables), Some(13));
    assert_eq!(wait_first_error(&waitables[..13]), None);
    assert_eq!(wait_first_error(&[]), None);
}

fn a_set_may_grow_while_it_is_read<E: Subject>(make: Make<'_, E>) {
    let executors = [make(), make()];
    let mut set = JobSet::new();
    let submit = |n: u64| executors[n as usize % 2].submit(|n: u64| n, n).unwrap();
    // Each number below 500 begets two more, as in a walk of a tree.
    set.add(submit(1));
    let (mut sum, mut count) = (0, 0);
    while let Some((_, result)) = set.next_finished() {
        let n = result.unwrap();
        (sum, count) = (sum + n, count + 1);
        if n < 500 {
            set.extend([submit(2 * n), submit(2 * n + 1)]);
        }
    }
    assert_eq!((sum, count), ((1..1_000).sum(), 999));
}

fn what_is_cancelled_has_ended_for_who_waits_for_several<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let occupied = Occupied::all_of(&executor);
    let [a, b, c] = [0, 1, 2].map(|n| executor.submit(|n: u64| n, n).unwrap());
    assert!(b.cancel());
    assert_eq!(wait_first(&[&a, &b, &c]), Some(1));
    assert_eq!(wait_first_error(&[&a, &b, &c]), Some(1));
    let mut set: JobSet<_> = [a, b, c].into_iter().collect();
    assert_eq!(set.next_finished(), Some((1, Err(JoinError::Cancelled))));
    assert!(set.get(2).unwrap().cancel(), "while the set watches it");
    assert_eq!(set.next_finished(), Some((2, Err(JoinError::Cancelled))));
    drop(occupied);
    assert_eq!(set.next_finished(), Some((0, Ok(0))));
}

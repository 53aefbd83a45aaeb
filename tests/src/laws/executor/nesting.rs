//! Jobs that submit jobs to their own executor.
//!
//! Portable work cannot carry its executor; here it finds it in a table, which only works where
//! jobs share their submitter's memory.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::{Law, Make, Needs};
use conc_core::{Capabilities, JobSet, JoinError, Waitable, wait_all, wait_first};
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    let needs = Needs::all(Capabilities::NESTS).but_not(Capabilities::ISOLATES);
    vec![
        law!(jobs_may_wait_for_jobs_to_any_depth, needs),
        law!(jobs_may_divide_themselves, needs),
        law!(jobs_may_map, needs),
        law!(jobs_may_wait_for_several_jobs, needs),
        law!(jobs_may_wait_for_all_of_several_jobs, needs),
        law!(jobs_may_wait_with_a_bound, needs),
        law!(jobs_may_leave_jobs_behind, needs),
        law!(many_chains_of_jobs_end, needs),
    ]
}

type Table = HashMap<u64, Arc<dyn Any + Send + Sync>>;

fn table<R>(use_it: impl FnOnce(&mut Table) -> R) -> R {
    static TABLE: Mutex<Option<Table>> = Mutex::new(None);
    use_it(TABLE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// An executor that its jobs can find.
struct Known<E> {
    executor: Arc<E>,
    key: u64,
}

impl<E: Subject> Known<E> {
    fn new(make: Make<'_, E>) -> Self {
        let executor = Arc::new(make());
        let key = Arc::as_ptr(&executor).addr() as u64;
        table(|table| table.insert(key, Arc::clone(&executor) as _));
        Self { executor, key }
    }

    /// What a job calls.
    fn find(key: u64) -> Self {
        let executor = table(|table| Arc::clone(&table[&key]));
        Self { executor: executor.downcast().expect("keys are unique"), key }
    }

    /// What whoever made it calls at the end.
    fn forget(self) {
        table(|table| table.remove(&self.key));
    }
}

fn descend<E: Subject>((key, levels): (u64, u64)) -> u64 {
    if levels == 0 {
        return 0;
    }
    let known = Known::<E>::find(key);
    known.executor.submit(descend::<E>, (key, levels - 1)).unwrap().join().unwrap() + 1
}

fn jobs_may_wait_for_jobs_to_any_depth<E: Subject>(make: Make<'_, E>) {
    let known = Known::new(make);
    assert_eq!(known.executor.submit(descend::<E>, (known.key, 100)).unwrap().join(), Ok(100));
    known.forget();
}

fn fib<E: Subject>((key, n): (u64, u64)) -> u64 {
    if n < 2 {
        return n;
    }
    let known = Known::<E>::find(key);
    let before = known.executor.submit(fib::<E>, (key, n - 1)).unwrap();
    let other = fib::<E>((key, n - 2));
    before.join().unwrap() + other
}

fn jobs_may_divide_themselves<E: Subject>(make: Make<'_, E>) {
    let known = Known::new(make);
    assert_eq!(known.executor.submit(fib::<E>, (known.key, 15)).unwrap().join(), Ok(610));
    known.forget();
}

fn sum_by_map<E: Subject>((key, n): (u64, u64)) -> u64 {
    if n == 0 {
        return 1;
    }
    let known = Known::<E>::find(key);
    known.executor.map(sum_by_map::<E>, (0..n).map(|k| (key, k))).map(Result::unwrap).sum()
}

fn jobs_may_map<E: Subject>(make: Make<'_, E>) {
    let known = Known::new(make);
    // Each level gives twice the one below, from the second on.
    assert_eq!(known.executor.submit(sum_by_map::<E>, (known.key, 6)).unwrap().join(), Ok(32));
    known.forget();
}

fn sum_by_set<E: Subject>((key, n): (u64, u64)) -> u64 {
    let known = Known::<E>::find(key);
    let jobs = (0..n).map(|k| known.executor.submit(sum_by_set::<E>, (key, k)).unwrap());
    let mut set: JobSet<_> = jobs.collect();
    std::iter::from_fn(|| set.next_finished()).map(|(_, sum)| sum.unwrap()).sum::<u64>() + 1
}

fn jobs_may_wait_for_several_jobs<E: Subject>(make: Make<'_, E>) {
    let known = Known::new(make);
    assert_eq!(known.executor.submit(sum_by_set::<E>, (known.key, 6)).unwrap().join(), Ok(64));
    known.forget();
}

fn sum_by_wait_all<E: Subject>((key, n): (u64, u64)) -> u64 {
    let known = Known::<E>::find(key);
    let submit = |k| known.executor.submit(sum_by_wait_all::<E>, (key, k)).unwrap();
    let jobs: Vec<_> = (0..n).map(submit).collect();
    let waited: Vec<&dyn Waitable> = jobs.iter().map(|job| job as _).collect();
    assert_eq!(wait_first(&waited).is_some(), n > 0);
    wait_all(&waited);
    jobs.into_iter().map(|job| job.try_join().unwrap().unwrap()).sum::<u64>() + 1
}

fn jobs_may_wait_for_all_of_several_jobs<E: Subject>(make: Make<'_, E>) {
    let known = Known::new(make);
    let job = known.executor.submit(sum_by_wait_all::<E>, (known.key, 6)).unwrap();
    assert_eq!(job.join(), Ok(64));
    known.forget();
}

fn wait_with_a_bound<E: Subject>((key, levels): (u64, u64)) -> u64 {
    if levels == 0 {
        return 0;
    }
    let known = Known::<E>::find(key);
    let job = known.executor.submit(wait_with_a_bound::<E>, (key, levels - 1)).unwrap();
    assert!(job.wait_timeout(Duration::from_secs(3600)));
    job.join().unwrap() + 1
}

fn jobs_may_wait_with_a_bound<E: Subject>(make: Make<'_, E>) {
    let known = Known::new(make);
    let job = known.executor.submit(wait_with_a_bound::<E>, (known.key, 20)).unwrap();
    assert_eq!(job.join(), Ok(20));
    known.forget();
}

fn leave_behind<E: Subject>((key, levels): (u64, u64)) -> Result<(), String> {
    if levels > 0 {
        let known = Known::<E>::find(key);
        let left = known.executor.submit(leave_behind::<E>, (key, levels - 1));
        drop(left.map_err(|error| error.to_string())?);
    }
    Ok(())
}

/// Closing waits for whatever runs; work that a job adds afterwards is refused, not lost.
fn jobs_may_leave_jobs_behind<E: Subject>(make: Make<'_, E>) {
    for _ in 0..20 {
        let known = Known::new(make);
        let job = known.executor.submit(leave_behind::<E>, (known.key, 50)).unwrap();
        known.executor.shutdown();
        let result = job.join();
        let refused = Ok(Err("the executor is shut down".to_owned()));
        assert!(result == Ok(Ok(())) || result == refused, "{result:?}");
        known.forget();
    }
}

fn many_chains_of_jobs_end<E: Subject>(make: Make<'_, E>) {
    let known = Known::new(make);
    let chains = (0..30).map(|_| (known.key, 20));
    let depths: Result<Vec<_>, JoinError> = known.executor.map(descend::<E>, chains).collect();
    assert_eq!(depths, Ok(vec![20; 30]));
    known.forget();
}

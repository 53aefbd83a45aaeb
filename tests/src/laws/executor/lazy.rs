//! Maps take no more of their items than they need.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::scene::keep_busy;
use crate::laws::{Law, Make, Needs};
use std::cell::Cell;
use std::time::Duration;

/// What a costly item costs: more than any executor puts into one batch.
const COST: Duration = Duration::from_millis(1);
/// So much work may be ahead for each worker, however many items that is ...
const AHEAD_PER_WORKER: Duration = Duration::from_millis(100);
/// ... and so many items, whatever they cost.
const ITEMS_PER_WORKER: u64 = 8;
/// So many results are read.
const READ: u64 = 60;

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(nothing_is_taken_before_a_result_is_asked_for, Needs::NOTHING),
        law!(few_costly_items_are_taken_ahead, Needs::NOTHING),
        law!(few_costly_items_are_taken_ahead_unordered, Needs::NOTHING),
        law!(an_endless_source_is_no_problem, Needs::NOTHING),
        law!(a_map_that_is_dropped_early_harms_nobody, Needs::NOTHING),
    ]
}

/// Items that count how many of them have been taken.
fn counted(taken: &Cell<u64>) -> impl Iterator<Item = u64> {
    (0..).inspect(|_| taken.set(taken.get() + 1))
}

fn costly(n: u64) -> u64 {
    keep_busy(COST);
    n
}

/// How many costly items may be ahead.
fn bound(executor: &impl Subject) -> u64 {
    let per_worker = (AHEAD_PER_WORKER.as_micros() / COST.as_micros()) as u64;
    executor.parallelism() as u64 * (per_worker + ITEMS_PER_WORKER)
}

fn nothing_is_taken_before_a_result_is_asked_for<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let taken = Cell::new(0);
    drop(executor.map(|n: u64| n, counted(&taken)));
    drop(executor.map_unordered(|n: u64| n, counted(&taken)));
    drop(executor.starmap(|n: u64, m: u64| n + m, counted(&taken).map(|n| (n, n))));
    assert_eq!(taken.get(), 0);
}

fn few_costly_items_are_taken_ahead<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let taken = Cell::new(0);
    let bound = bound(&executor);
    for (given, result) in (1..=READ).zip(executor.map(costly, counted(&taken))) {
        assert_eq!(result, Ok(given - 1));
        let ahead = taken.get() - given;
        assert!(ahead <= bound, "{ahead} ahead after {given}, {bound} are enough");
    }
}

fn few_costly_items_are_taken_ahead_unordered<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let taken = Cell::new(0);
    let bound = bound(&executor);
    for (given, (place, result)) in (1..=READ).zip(executor.map_unordered(costly, counted(&taken)))
    {
        assert_eq!(result, Ok(place as u64));
        let ahead = taken.get() - given;
        assert!(ahead <= bound, "{ahead} ahead after {given}, {bound} are enough");
    }
}

fn an_endless_source_is_no_problem<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let first: Result<Vec<_>, _> = executor.map(|n: u64| n + 1, 0..).take(3_000).collect();
    assert_eq!(first, Ok((1..=3_000).collect()));
    let mut places: Vec<_> =
        executor.map_unordered(|n: u64| n, 0..).take(3_000).map(|(place, _)| place).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 3_000, "no place twice");
    let pairs = std::iter::repeat((2_u64, 3));
    assert_eq!(executor.starmap(u64::pow, pairs).nth(500), Some(Ok(8)));
}

fn a_map_that_is_dropped_early_harms_nobody<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    for given in 0..30 {
        let mut map = executor.map(|n: u64| n, 0..);
        assert!((0..given).all(|n| map.next() == Some(Ok(n))));
        drop(map);
        let mut unordered = executor.map_unordered(|n: u64| n, 0..);
        assert!((0..given).all(|_| unordered.next().is_some_and(|(_, result)| result.is_ok())));
        drop(unordered);
        assert_eq!(executor.submit(|n: u64| n + 1, given).unwrap().join(), Ok(given + 1));
    }
    executor.shutdown();
}

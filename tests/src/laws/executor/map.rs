//! Maps give what the inline executor gives.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::{Law, Make, Needs};
use conc_core::{Executor, InlineExecutor, JoinError};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(map_keeps_the_order_of_its_items, Needs::NOTHING),
        law!(map_unordered_gives_each_place_once, Needs::NOTHING),
        law!(starmap_keeps_the_order_of_its_items, Needs::NOTHING),
        law!(maps_of_nothing_are_empty, Needs::NOTHING),
        law!(maps_of_any_length_are_complete, Needs::NOTHING),
        law!(maps_side_by_side_do_not_mix, Needs::NOTHING),
        law!(maps_and_jobs_do_not_mix, Needs::NOTHING),
        law!(a_panicking_source_of_items_harms_nobody, Needs::NOTHING),
    ]
}

/// Costs of items differ by a factor of thousands, in no order.
fn uneven(n: u64) -> (u64, u64) {
    let rounds = if n % 61 == 7 { 100_000 } else { n % 5 * 20 };
    (n, (0..rounds).fold(n, |sum, k| black_box(sum ^ k).wrapping_mul(31)))
}

fn map_keeps_the_order_of_its_items<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let expected: Vec<_> = InlineExecutor::new().map(uneven, 0..2_000).collect();
    assert_eq!(executor.map(uneven, 0..2_000).collect::<Vec<_>>(), expected);
    // A source that does not know its length.
    let unsized_source = (0..4_000).filter(|n| n % 2 == 0).map(|n| n / 2);
    assert_eq!(executor.map(uneven, unsized_source).collect::<Vec<_>>(), expected);
}

fn map_unordered_gives_each_place_once<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let mut results: Vec<_> = executor.map_unordered(uneven, (0..2_000).rev()).collect();
    results.sort_by_key(|(place, _)| *place);
    let expected: Vec<_> =
        InlineExecutor::new().map(uneven, (0..2_000).rev()).enumerate().collect();
    assert_eq!(results, expected);
}

fn starmap_keeps_the_order_of_its_items<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let pairs = || (0..500_u32).map(|n| (format!("{n}"), n as usize % 7));
    let results: Result<Vec<_>, _> =
        executor.starmap(|text: String, times: usize| text.repeat(times), pairs()).collect();
    assert_eq!(results, Ok(pairs().map(|(text, times)| text.repeat(times)).collect()));
}

fn maps_of_nothing_are_empty<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let nothing = Vec::<u64>::new;
    let mut map = executor.map(uneven, nothing());
    assert_eq!((map.next(), map.next()), (None, None));
    drop(map);
    assert_eq!(executor.map_unordered(uneven, nothing()).next(), None);
    assert_eq!(executor.starmap(u64::wrapping_add, Vec::new()).next(), None);
    assert_eq!(executor.submit(|n: u64| n, 1).unwrap().join(), Ok(1));
}

fn maps_of_any_length_are_complete<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    for len in (0..40).chain([63, 64, 65, 511, 512, 513]) {
        let mut map = executor.map(|n: u64| !n, 0..len);
        for n in 0..len {
            assert_eq!(map.next(), Some(Ok(!n)), "item {n} of {len}");
        }
        assert_eq!((map.next(), map.next()), (None, None), "after {len} items");
    }
}

fn maps_side_by_side_do_not_mix<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let squares = executor.map(|n: u64| n * n, 0..400);
    let doubles = executor.map(|n: u64| n + n, 0..400);
    for (n, (square, double)) in (0..).zip(squares.zip(doubles)) {
        assert_eq!((square, double), (Ok(n * n), Ok(n + n)));
    }
}

fn maps_and_jobs_do_not_mix<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let mut jobs = Vec::new();
    for (n, square) in (0..).zip(executor.map(|n: u64| n * n, 0..200)) {
        assert_eq!(square, Ok(n * n));
        jobs.push(executor.submit(|n: u64| n + n, n).unwrap());
    }
    for (n, job) in (0..).zip(jobs) {
        assert_eq!(job.join(), Ok(n + n));
    }
}

fn a_panicking_source_of_items_harms_nobody<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let source = || (0..100_u64).inspect(|n| assert!(*n != 30, "no more items"));
    let mut map = executor.map(|n: u64| n, source());
    let mut given = 0;
    // The panic comes out where the items are asked for.
    while let Ok(Some(result)) = catch_unwind(AssertUnwindSafe(|| map.next())) {
        assert_eq!(result, Ok(given));
        given += 1;
    }
    assert!(given <= 30, "{given} results of 30 items");
    drop(map);
    let unordered = catch_unwind(AssertUnwindSafe(|| {
        executor.map_unordered(|n: u64| n, source()).for_each(drop);
    }));
    assert!(unordered.is_err(), "a panic of the source is not swallowed");
    assert_eq!(executor.submit(|n: u64| n, 1).unwrap().join(), Ok(1));
    let after: Result<Vec<_>, JoinError> = executor.map(|n: u64| n, 0..100).collect();
    assert_eq!(after, Ok((0..100).collect()));
}

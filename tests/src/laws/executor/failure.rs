//! A panic stays with its job.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::scene::Occupied;
use crate::laws::{Law, Make, Needs};
use conc_core::JoinError;
use std::time::Duration;

/// For what would never end if the law were broken.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(a_panic_is_an_error_with_message_and_place, Needs::NOTHING),
        law!(a_panic_without_text_is_an_error_too, Needs::NOTHING),
        law!(a_silent_panic_has_not_the_place_of_a_loud_one, Needs::NOTHING),
        law!(a_panic_with_a_payload_that_panics_harms_nobody, Needs::NOTHING),
        law!(a_failing_item_leaves_the_others, Needs::NOTHING),
        law!(after_many_panics_it_goes_on, Needs::NOTHING),
        law!(after_many_panics_it_is_at_full_strength, Needs::PARALLEL),
    ]
}

fn picky(n: u64) -> u64 {
    assert!(n % 7 != 3, "no {n}");
    n
}

fn assert_picky(n: u64, result: Result<u64, JoinError>) {
    match result {
        Ok(value) => assert!(value == n && n % 7 != 3, "{value} for {n}"),
        Err(JoinError::Panicked { message, location }) => {
            assert_eq!((n % 7, &*message), (3, &*format!("no {n}")));
            let location = location.expect("a panic has a place");
            assert!(location.contains("failure.rs:"), "not in {location}");
        }
        Err(error) => panic!("{n}: {error}"),
    }
}

fn a_panic_is_an_error_with_message_and_place<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    assert_picky(3, executor.submit(picky, 3).unwrap().join());
    assert_picky(4, executor.submit(picky, 4).unwrap().join());
}

fn a_panic_without_text_is_an_error_too<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let job = executor.submit(|n: u64| -> u64 { std::panic::panic_any(n) }, 7).unwrap();
    let error = job.join().unwrap_err();
    assert!(error.is_panic(), "{error}");
    assert_eq!(executor.submit(picky, 1).unwrap().join(), Ok(1));
}

/// Panics once more when it is dropped.
struct Sour;

impl Drop for Sour {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "sour to the end");
    }
}

fn a_panic_with_a_payload_that_panics_harms_nobody<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let jobs: Vec<_> = (0..5_u64)
        .map(|n| executor.submit(|_: u64| -> u64 { std::panic::panic_any(Sour) }, n).unwrap())
        .collect();
    for job in jobs {
        // Bounded, so that other laws are judged even if this one is broken.
        assert!(job.wait_timeout(PATIENCE), "nobody ends the job");
        assert!(job.join().unwrap_err().is_panic());
    }
    let after = executor.submit(picky, 1).unwrap();
    assert!(after.wait_timeout(PATIENCE), "nobody is left to run it");
    assert_eq!(after.join(), Ok(1));
}

/// `resume_unwind` calls no hook, so that nobody knows the place.
fn a_silent_panic_has_not_the_place_of_a_loud_one<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    for n in 0..20 {
        let loud = executor.submit(picky, 7 * n + 3).unwrap().join();
        assert_picky(7 * n + 3, loud);
        let quiet = |n: u64| -> u64 { std::panic::resume_unwind(Box::new(format!("quiet {n}"))) };
        let expected = format!("quiet {n}").into();
        let error = executor.submit(quiet, n).unwrap().join().unwrap_err();
        assert_eq!(error, JoinError::Panicked { message: expected, location: None });
    }
}

fn a_failing_item_leaves_the_others<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let mut places = 0;
    for (n, result) in (0..).zip(executor.map(picky, 0..700)) {
        assert_picky(n, result);
        places += 1;
    }
    assert_eq!(places, 700);
    let mut seen = vec![false; 700];
    for (place, result) in executor.map_unordered(picky, 0..700) {
        assert_picky(place as u64, result);
        assert!(!std::mem::replace(&mut seen[place], true), "place {place} came twice");
    }
    assert!(seen.iter().all(|seen| *seen));
    let pairs = (0..700).map(|n| (n, 0));
    let stars: Vec<_> = executor.starmap(|n: u64, m: u64| picky(n + m), pairs).collect();
    assert_eq!(stars.len(), 700);
    stars.into_iter().zip(0..).for_each(|(result, n)| assert_picky(n, result));
}

fn fail_many<E: Subject>(executor: &E) {
    let jobs: Vec<_> = (0..100).map(|n| executor.submit(picky, 7 * n + 3).unwrap()).collect();
    jobs.into_iter().zip(0..).for_each(|(job, n)| assert_picky(7 * n + 3, job.join()));
}

fn after_many_panics_it_goes_on<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    fail_many(&executor);
    assert_eq!(executor.submit(picky, 1).unwrap().join(), Ok(1));
    executor.shutdown();
}

fn after_many_panics_it_is_at_full_strength<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    fail_many(&executor);
    let occupied = Occupied::all_of(&executor);
    assert_eq!(occupied.workers(), executor.parallelism());
    occupied.release().into_iter().for_each(|job| assert!(job.join().is_ok()));
}

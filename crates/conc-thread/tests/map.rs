//! Lazy maps: order, laziness, failures, division, progress.
#![cfg(not(conc_loom))]

use conc_core::JoinError;
use conc_core::trace::label;
use conc_tests::watchdog;
use conc_thread::ThreadPool;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

fn pool(workers: usize) -> ThreadPool {
    ThreadPool::builder().workers(workers).build().unwrap()
}

#[test]
fn a_map_takes_no_more_than_it_may_look_ahead() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let items = (0..1_000_usize).inspect(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let mut results = pool.map(|n| n, items).look_ahead(8);
    assert_eq!(taken.load(Ordering::SeqCst), 0, "nothing before the first result is asked for");
    for given in 0..1_000 {
        assert_eq!(results.next(), Some(Ok(given)));
        let taken = taken.load(Ordering::SeqCst);
        assert!(taken <= given + 8, "{taken} taken when {given} were given out");
    }
    assert_eq!(results.next(), None);
}

#[test]
fn a_failing_item_is_an_error_in_its_place_and_the_others_go_on() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let check = |results: Vec<Result<u64, JoinError>>| {
        assert_eq!(results.len(), 500);
        for (n, result) in (0..).zip(results) {
            match result {
                Ok(value) => assert!(value == n && n % 7 != 0),
                Err(error) => {
                    assert!(n % 7 == 0 && error.to_string().ends_with(&format!("no {n}")));
                }
            }
        }
    };
    let picky = |n: u64| if n % 7 == 0 { panic!("no {n}") } else { n };
    check(pool.map(picky, 0..500).collect());
    check(pool.map(picky, 0..500).batch_len(64).collect());
    let mut unordered: Vec<_> = pool.map_unordered(picky, 0..500).batch_len(9).collect();
    unordered.sort_by_key(|(place, _)| *place);
    check(unordered.into_iter().map(|(_, result)| result).collect());
}

#[test]
fn the_end_of_a_batch_goes_to_a_worker_without_work() {
    let _watchdog = watchdog();
    // Longer than the worker runs without looking around.
    const BATCH: u32 = 200;
    let pool = Arc::new(pool(2));
    let inner = Arc::clone(&pool);
    let first = Mutex::new(None);
    let divided = Arc::new(AtomicBool::new(false));
    let is_divided = Arc::clone(&divided);
    let results = pool
        .map(
            move |n: u32| {
                let this = std::thread::current().id();
                let started = Instant::now();
                // The first of the second batch lasts until the other worker has run out of work.
                while n == BATCH
                    && (inner.stats().sleeping == 0 || started.elapsed() < Duration::from_millis(5))
                {
                    std::hint::spin_loop();
                }
                if n == BATCH {
                    *first.lock().unwrap() = Some(this);
                } else if (BATCH..2 * BATCH).contains(&n) {
                    if *first.lock().unwrap() != Some(this) {
                        is_divided.store(true, Ordering::SeqCst);
                    }
                    // The others take their time until one of them runs elsewhere: the reader may
                    // have had another batch for the other worker when this one looked around.
                    while !is_divided.load(Ordering::SeqCst)
                        && started.elapsed() < Duration::from_millis(50)
                    {
                        std::hint::spin_loop();
                    }
                }
                n
            },
            0..10 * BATCH,
        )
        .batch_len(BATCH as usize);
    let results: Vec<_> = results.map(Result::unwrap).collect();
    assert_eq!(results, (0..10 * BATCH).collect::<Vec<_>>(), "divided batches keep the order");
    assert!(divided.load(Ordering::SeqCst), "one worker did it all, the other slept");
}

#[test]
fn dropping_a_map_cancels_what_is_queued() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let ran = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ran);
    let (running, runs) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let mut results = pool
        .map(
            move |n: usize| {
                counter.fetch_add(1, Ordering::SeqCst);
                running.send(()).unwrap();
                if n == 1 {
                    let _ = released.lock().unwrap().recv();
                }
            },
            0..3,
        )
        .batch_len(1);
    assert_eq!(results.next(), Some(Ok(())));
    runs.recv().unwrap();
    runs.recv().unwrap();
    drop(results);
    release.send(()).unwrap();
    pool.shutdown();
    assert_eq!(ran.load(Ordering::SeqCst), 2, "the third was cancelled");
}

#[test]
fn progress_counts_every_item_once() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let last = Arc::new(Mutex::new((0, 0, None)));
    let seen = Arc::clone(&last);
    let results = pool.map(|n: u32| assert!(n % 100 != 0), 0..1_000).on_progress(move |progress| {
        let mut last = seen.lock().unwrap();
        last.0 = progress.done.max(last.0);
        last.1 = progress.failed.max(last.1);
        last.2 = progress.total;
    });
    assert_eq!(results.filter(Result::is_err).count(), 10);
    pool.shutdown();
    assert_eq!(*last.lock().unwrap(), (1_000, 10, Some(1_000)));
}

#[test]
fn the_timeline_shows_each_item_of_a_map() {
    let _watchdog = watchdog();
    let pool = ThreadPool::builder().workers(2).trace().build().unwrap();
    let results = pool.map(
        |n: u32| {
            label(format!("item {n}"));
            assert!(n != 7, "unlucky");
        },
        0..100,
    );
    assert_eq!(results.filter(Result::is_err).count(), 1);
    pool.shutdown();
    let timeline = pool.timeline();
    let spans: Vec<_> = timeline.lanes.iter().flat_map(|lane| &lane.spans).collect();
    assert_eq!(spans.len(), 100);
    let failed: Vec<_> = spans
        .iter()
        .filter(|span| span.outcome == conc_core::trace::Outcome::Failed)
        .map(|span| &*span.name)
        .collect();
    assert_eq!(failed, ["item 7"]);
}

#[test]
fn dropping_a_map_stops_a_batch_after_its_item() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let ran = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ran);
    let (running, runs) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let mut results = pool
        .map(
            move |n: usize| {
                counter.fetch_add(1, Ordering::SeqCst);
                if n == 10 {
                    running.send(()).unwrap();
                    let _ = released.lock().unwrap().recv();
                }
            },
            0..1_000,
        )
        .batch_len(10);
    assert_eq!(results.next(), Some(Ok(())));
    runs.recv().unwrap();
    drop(results);
    release.send(()).unwrap();
    pool.shutdown();
    assert_eq!(ran.load(Ordering::SeqCst), 11);
}

#[test]
fn a_source_that_panics_is_exhausted() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let mut results = pool
        .map(|n: u32| n, (0..10).inspect(|n| assert!(*n != 5, "a source panics")))
        .batch_len(2)
        .look_ahead(2);
    let mut taken = Vec::new();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        taken.extend(results.by_ref().map(Result::unwrap));
    }));
    assert!(outcome.is_err());
    assert_eq!(taken, [0, 1, 2, 3]);
    assert_eq!(results.next(), None);
}

#[test]
fn closing_while_a_map_divides_itself_harms_nothing() {
    let _watchdog = watchdog();
    for _ in 0..200 {
        let pool = Arc::new(ThreadPool::builder().workers(4).max_spares(0).build().unwrap());
        let closer = std::thread::spawn({
            let pool = Arc::clone(&pool);
            move || pool.shutdown()
        });
        let results = pool.map(|n: u32| n, 0..256).batch_len(64);
        for (n, result) in (0..).zip(results) {
            assert!(result == Ok(n) || result == Err(JoinError::Cancelled), "{n}: {result:?}");
        }
        closer.join().unwrap();
    }
}

//! What only a pool of threads does; what all executors do is in the laws.
#![cfg(not(conc_loom))]

use conc_core::trace::label;
use conc_core::{Job, JoinError, SubmitError, as_completed, wait_all};
use conc_tests::watchdog;
use conc_thread::{BuildError, ThreadPool};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

fn pool(workers: usize) -> ThreadPool {
    ThreadPool::builder().workers(workers).build().unwrap()
}

/// Occupies the only worker until the sender is used.
fn occupied(pool: &ThreadPool) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (running, runs) = mpsc::channel();
    drop(pool.submit(move || {
        running.send(()).unwrap();
        let _ = released.recv();
    }));
    runs.recv().unwrap();
    release
}

#[test]
fn jobs_from_outside_run_in_the_order_of_their_submission() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let release = occupied(&pool);
    let order = Arc::new(Mutex::new(Vec::new()));
    let jobs: Vec<_> = (0..200)
        .map(|n| {
            let order = Arc::clone(&order);
            pool.submit(move || order.lock().unwrap().push(n)).unwrap()
        })
        .collect();
    release.send(()).unwrap();
    jobs.into_iter().for_each(|job| job.join().unwrap());
    assert_eq!(*order.lock().unwrap(), (0..200).collect::<Vec<_>>());
}

#[test]
fn a_thousand_nested_waits_on_two_workers_complete() {
    let _watchdog = watchdog();
    fn nest(pool: &Arc<ThreadPool>, levels: u32) -> u32 {
        if levels == 0 {
            return 0;
        }
        let inner = Arc::clone(pool);
        pool.submit(move || nest(&inner, levels - 1)).unwrap().join().unwrap() + 1
    }
    let pool = Arc::new(pool(2));
    assert_eq!(nest(&pool, 1_000), 1_000);
    let stats = pool.stats();
    assert!(stats.peak_stack > 0, "some of it ran in place");
    assert!(stats.peak_threads <= 34, "{stats:?}");
}

#[test]
fn a_job_that_waits_for_the_future_of_the_pool_is_replaced_by_a_spare() {
    let _watchdog = watchdog();
    let pool = Arc::new(pool(1));
    let (send, receive) = mpsc::channel();
    let waiter =
        pool.submit(move || conc_core::executor::blocking(|| receive.recv().unwrap())).unwrap();
    // The only worker sleeps in the first job: the second needs a thread of its own.
    let sender = pool.submit(move || send.send(42).unwrap()).unwrap();
    sender.join().unwrap();
    assert_eq!(waiter.join(), Ok(42));
}

#[test]
fn spares_leave_when_they_are_not_needed() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (send, receive) = mpsc::channel::<()>();
    let waiter =
        pool.submit(move || conc_core::executor::blocking(|| receive.recv().is_err())).unwrap();
    pool.run(|| ()).unwrap();
    assert_eq!(pool.stats().threads, 2);
    drop(send);
    assert_eq!(waiter.join(), Ok(true));
    while pool.stats().threads > 1 {
        std::thread::yield_now();
    }
    assert_eq!(pool.run(|| 1), Ok(1), "the one that stayed still works");
}

#[test]
fn an_argument_of_a_refused_job_comes_back() {
    let _watchdog = watchdog();
    let pool = pool(1);
    pool.shutdown();
    let token = String::from("token");
    let Err(SubmitError::Closed(work)) = pool.submit(move || token) else {
        panic!("a closed pool accepts nothing");
    };
    assert_eq!(work(), "token");
}

#[test]
fn shutdown_inside_a_job_does_not_wait_for_itself() {
    let _watchdog = watchdog();
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let job = pool
        .submit(move || {
            inner.shutdown();
            inner.shutdown_timeout(Duration::from_secs(3600))
        })
        .unwrap();
    assert_eq!(job.join(), Ok(false), "it said so, at once");
    pool.shutdown();
}

#[test]
fn dropping_the_pool_never_blocks_and_cancels_what_is_queued() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let release = occupied(&pool);
    let queued = pool.submit(|| 1).unwrap();
    drop(pool);
    assert_eq!(queued.join(), Err(JoinError::Cancelled));
    release.send(()).unwrap();
}

#[test]
fn a_panicking_initializer_is_an_error_and_no_thread_stays() {
    let _watchdog = watchdog();
    let alive = Arc::new(());
    let witness = Arc::clone(&alive);
    let built = ThreadPool::builder()
        .workers(3)
        .initializer(move |index| {
            let _witness = &witness;
            assert!(index != 1, "worker {index} has a bad day");
        })
        .build();
    let Err(BuildError::Initializer(JoinError::Panicked { message, location })) = built else {
        panic!("the initializer panicked");
    };
    assert_eq!(&*message, "worker 1 has a bad day");
    assert!(location.unwrap().contains("pool.rs"));
    while Arc::strong_count(&alive) > 1 {
        std::thread::yield_now();
    }
}

#[test]
fn senseless_choices_are_refused() {
    let _watchdog = watchdog();
    let build = |builder: conc_thread::Builder| builder.build().map(drop);
    assert!(matches!(build(ThreadPool::builder().workers(0)), Err(BuildError::NoWorkers)));
    assert!(matches!(
        build(ThreadPool::builder().stack_size(1)),
        Err(BuildError::StackTooSmall { bytes: 1 })
    ));
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
    let divided = AtomicBool::new(false);
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
                // The others wait until one of them runs elsewhere.
                if n == BATCH {
                    *first.lock().unwrap() = Some(this);
                } else if (BATCH + 70..2 * BATCH).contains(&n) {
                    if *first.lock().unwrap() != Some(this) {
                        divided.store(true, Ordering::SeqCst);
                    }
                    while !divided.load(Ordering::SeqCst) {
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
fn the_timeline_shows_each_job_on_its_worker() {
    let _watchdog = watchdog();
    let pool = ThreadPool::builder().workers(2).trace().name("lane").build().unwrap();
    let jobs: Vec<Job<()>> = (0..20)
        .map(|n| {
            pool.submit(move || {
                label(format!("job {n}"));
                assert!(n != 13, "unlucky");
            })
            .unwrap()
        })
        .collect();
    let failures = as_completed(jobs).filter(|(_, result)| result.is_err()).count();
    assert_eq!(failures, 1);
    pool.shutdown();
    let timeline = pool.timeline();
    let mut names: Vec<_> = timeline
        .lanes
        .iter()
        .inspect(|lane| assert!(lane.name.starts_with("lane_")))
        .flat_map(|lane| lane.spans.iter().map(|span| span.name.to_string()))
        .collect();
    names.sort();
    let mut expected: Vec<_> = (0..20).map(|n| format!("job {n}")).collect();
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn statistics_add_up() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let jobs: Vec<Job<()>> =
        (0..100).map(|n| pool.submit(move || assert!(n % 10 != 0)).unwrap()).collect();
    let jobs: Vec<&dyn conc_core::Waitable> = jobs.iter().map(|job| job as _).collect();
    wait_all(&jobs);
    pool.shutdown();
    let stats = pool.stats();
    assert_eq!(stats.jobs(), 100);
    assert_eq!(stats.workers.iter().map(|worker| worker.panicked).sum::<u64>(), 10);
    assert_eq!((stats.threads, stats.blocked, stats.queued), (0, 0, 0));
    assert!(stats.peak_threads >= 2);
}

#[test]
fn an_idle_pool_wakes_for_every_single_job() {
    let _watchdog = watchdog();
    let pool = pool(2);
    for n in 0..300 {
        while pool.stats().sleeping < 2 {
            std::thread::yield_now();
        }
        assert_eq!(pool.run(move || n), Ok(n));
    }
}

#[test]
fn submitting_races_with_closing_and_no_job_is_lost() {
    let _watchdog = watchdog();
    for round in 0..200 {
        let pool = Arc::new(pool(2));
        let submitter = std::thread::spawn({
            let pool = Arc::clone(&pool);
            move || {
                let mut accepted = Vec::new();
                while let Ok(job) = pool.submit(|| ()) {
                    accepted.push(job);
                }
                accepted
            }
        });
        for _ in 0..round {
            std::hint::spin_loop();
        }
        pool.shutdown();
        for job in submitter.join().unwrap() {
            assert_eq!(job.join(), Ok(()), "shutdown runs what was accepted");
        }
    }
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
fn nested_sleeps_of_one_job_count_once() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let job = pool
        .submit(|| {
            conc_core::executor::blocking(|| {
                let (_promise, other) = conc_core::Promise::<()>::new();
                other.wait_timeout(Duration::from_millis(1))
            })
        })
        .unwrap();
    assert_eq!(job.join(), Ok(false));
    assert_eq!(pool.run(|| 1), Ok(1));
    assert_eq!(pool.stats().blocked, 0);
}

#[test]
fn after_sleepers_wake_no_more_jobs_run_than_there_are_workers() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (wake, sleepers) = mpsc::channel::<()>();
    let sleepers = Arc::new(Mutex::new(sleepers));
    let asleep: Vec<_> = (0..8)
        .map(|_| {
            let sleepers = Arc::clone(&sleepers);
            pool.submit(move || {
                conc_core::executor::blocking(|| drop(sleepers.lock().unwrap().recv()));
            })
            .unwrap()
        })
        .collect();
    while pool.stats().blocked < 8 {
        std::thread::yield_now();
    }
    drop(wake);
    asleep.into_iter().for_each(|job| job.join().unwrap());
    // Those that woke find out before their next job; let them.
    while pool.stats().threads > 1 {
        pool.run(|| ()).unwrap();
    }
    let running = Arc::new(AtomicUsize::new(0));
    let jobs: Vec<_> = (0..500)
        .map(|_| {
            let running = Arc::clone(&running);
            pool.submit(move || {
                let at_once = running.fetch_add(1, Ordering::SeqCst) + 1;
                std::thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
                at_once
            })
            .unwrap()
        })
        .collect();
    let most = jobs.into_iter().map(|job| job.join().unwrap()).max();
    assert_eq!(most, Some(1));
}

#[test]
fn waiting_for_the_first_of_several_runs_none_of_them_in_place() {
    let _watchdog = watchdog();
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let outer = pool.submit(move || {
        let (send, receive) = mpsc::channel::<()>();
        // Ends only after this frame has gone on.
        let slow =
            inner.submit(move || conc_core::executor::blocking(|| receive.recv().is_ok())).unwrap();
        let quick = inner.submit(|| true).unwrap();
        let first = conc_core::wait_first(&[&slow, &quick]);
        send.send(()).unwrap();
        (first, slow.join(), quick.join())
    });
    assert_eq!(outer.unwrap().join(), Ok((Some(1), Ok(true), Ok(true))));
}

#[test]
fn a_wait_that_can_never_end_is_an_error() {
    let _watchdog = watchdog();
    fn nest(pool: &Arc<ThreadPool>, levels: u32) -> Result<u32, JoinError> {
        let ballast = std::hint::black_box([0_u8; 4096]);
        if levels == 0 {
            return Ok(u32::from(ballast[0]));
        }
        let inner = Arc::clone(pool);
        pool.submit(move || nest(&inner, levels - 1)).unwrap().join()?.map(|depth| depth + 1)
    }
    let pool = Arc::new(
        ThreadPool::builder().workers(1).max_spares(2).stack_size(256 << 10).build().unwrap(),
    );
    assert_eq!(nest(&pool, 10), Ok(10));
    assert_eq!(nest(&pool, 10_000), Err(JoinError::WouldDeadlock));
    assert_eq!(pool.run(|| 1), Ok(1), "the pool goes on");
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
fn code_of_the_users_that_panics_where_it_should_not_stops_nobody() {
    let _watchdog = watchdog();
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("a destructor panics");
            }
        }
    }
    struct Angry;
    impl std::task::Wake for Angry {
        fn wake(self: Arc<Self>) {
            panic!("a waker panics");
        }
    }
    let pool = pool(1);
    let release = occupied(&pool);
    // A payload whose destructor panics, a result that nobody takes, callbacks, wakers.
    let payload = pool.submit(|| std::panic::panic_any(Bomb)).unwrap();
    drop(pool.submit(|| Bomb).unwrap());
    let mut callback = pool.submit(|| 1).unwrap();
    callback.on_finish(|_| std::panic::panic_any(Bomb));
    let mut awaited = Box::pin(pool.submit(|| 2).unwrap());
    let waker = std::task::Waker::from(Arc::new(Angry));
    let poll =
        std::future::Future::poll(awaited.as_mut(), &mut std::task::Context::from_waker(&waker));
    assert!(poll.is_pending());
    release.send(()).unwrap();
    assert!(payload.join().is_err_and(|error| error.is_panic()));
    assert_eq!(callback.join(), Ok(1));
    let results = pool.map(|n: u32| n, 0..6).on_progress(|_| panic!("a progress bar panics"));
    assert_eq!(results.collect::<Result<Vec<_>, _>>(), Ok((0..6).collect()));
    assert_eq!(pool.run(|| 3), Ok(3));
    pool.shutdown();
}

#[test]
fn a_thread_past_its_locals_can_still_submit() {
    let _watchdog = watchdog();
    struct Last(Arc<ThreadPool>, mpsc::Sender<Job<i32>>);
    impl Drop for Last {
        fn drop(&mut self) {
            drop(self.1.send(self.0.submit(|| 42).unwrap()));
        }
    }
    thread_local!(static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) });
    let pool = Arc::new(pool(1));
    let (send, receive) = mpsc::channel();
    let inner = Arc::clone(&pool);
    std::thread::spawn(move || LAST.set(Some(Last(inner, send)))).join().unwrap();
    assert_eq!(receive.recv().unwrap().join(), Ok(42));
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

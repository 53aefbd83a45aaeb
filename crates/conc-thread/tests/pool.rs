//! What only a pool of threads does; what all executors do is in the laws.
#![cfg(not(conc_loom))]

use conc_core::trace::label;
use conc_core::{Job, JoinError, SubmitError, as_completed, wait_all};
use conc_tests::watchdog;
use conc_thread::{BuildError, ThreadPool};
use std::sync::{Arc, Mutex, mpsc};

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
                // No more than memory is there for, however late the other is.
                while accepted.len() < 10_000 {
                    let Ok(job) = pool.submit(|| ()) else { break };
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

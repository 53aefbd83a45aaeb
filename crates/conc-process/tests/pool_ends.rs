//! How pools and their maps end, and what is left then.

#![cfg(feature = "auto-init")]

use conc_core::{Job, JoinError, PortableFd, SubmitError};
use conc_process::{Pool, Process};
use conc_tests::laws::scene::Scratch;
use conc_tests::watchdog;
use std::cell::Cell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

/// Says that it runs, and waits for the end of the other side.
fn held_up(gate: PortableFd) -> usize {
    let mut gate = UnixStream::from(gate.into_inner());
    gate.write_all(b"!").unwrap();
    gate.read(&mut [0]).unwrap()
}

/// A job that runs until the stream is dropped.
fn occupy(pool: &Pool) -> (Job<usize>, UnixStream) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let job = pool.submit(held_up, PortableFd::new(theirs)).unwrap();
    ours.read_exact(&mut [0]).unwrap();
    (job, ours)
}

#[test]
fn a_closed_pool_gives_arguments_back_and_runs_what_it_has() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (running, gate) = occupy(&pool);
    // More than the worker has places for.
    let queued: Vec<_> = (0..300).map(|n| pool.submit(square, n).unwrap()).collect();
    assert!(!pool.is_closed());
    pool.close();
    pool.close();
    assert!(pool.is_closed());
    assert!(matches!(pool.submit(square, 41), Err(SubmitError::Closed(41))));
    assert_eq!(pool.apply(square, 41), Err(JoinError::Cancelled));
    let refused: Vec<_> = pool.map(square, 0..3).collect();
    assert_eq!(refused, [const { Err(JoinError::Cancelled) }; 3]);
    assert!(!pool.shutdown_timeout(Duration::from_millis(5)), "a job runs");
    assert!(!pool.shutdown_deadline(Instant::now()), "a job runs");
    drop(gate);
    pool.shutdown();
    assert_eq!(running.join(), Ok(0));
    for (n, job) in (0..).zip(queued) {
        assert_eq!(job.try_join().unwrap(), Ok(n * n), "all has ended");
    }
    assert!(pool.shutdown_timeout(Duration::ZERO) && pool.shutdown_deadline(Instant::now()));
    pool.terminate();
    assert!(pool.stats().workers.iter().all(|worker| worker.pid.is_none()));
}

#[test]
fn what_is_cancelled_at_once_is_counted_and_the_pool_goes_on() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (running, gate) = occupy(&pool);
    let queued: Vec<_> = (0..300).map(|n| pool.submit(square, n).unwrap()).collect();
    assert!(queued[7].cancel() && queued[299].cancel());
    assert_eq!(pool.stats().queued, 298);
    assert_eq!(pool.cancel_queued(), 298);
    assert_eq!(pool.cancel_queued(), 0);
    assert!(queued.into_iter().all(|job| job.join() == Err(JoinError::Cancelled)));
    assert!(!running.cancel() && !running.is_finished());
    drop(gate);
    assert_eq!(running.join(), Ok(0));
    assert_eq!(pool.apply(square, 5), Ok(25));
    assert_eq!(pool.stats().restarts(), 0);
}

#[test]
fn shutting_down_now_lets_end_what_runs() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (running, gate) = occupy(&pool);
    let queued: Vec<_> = (0..10).map(|n| pool.submit(square, n).unwrap()).collect();
    thread::scope(|scope| {
        scope.spawn(|| pool.shutdown_now());
        for job in queued {
            assert_eq!(job.join(), Err(JoinError::Cancelled));
        }
        assert!(!running.is_finished());
        drop(gate);
    });
    assert_eq!(running.join(), Ok(0));
}

#[test]
fn a_pool_may_be_dropped_by_another_thread_while_it_works() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(2).grace(Duration::from_secs(60)).build().unwrap();
    let (running, gate) = occupy(&pool);
    let (other, other_gate) = occupy(&pool);
    let queued: Vec<_> = (0..500).map(|n| pool.submit(square, n).unwrap()).collect();
    thread::spawn(move || drop(pool)).join().unwrap();
    for job in queued {
        assert_eq!(job.join(), Err(JoinError::Cancelled));
    }
    for job in [running, other] {
        match job.join() {
            Err(JoinError::Killed { signal, .. }) => assert_eq!(signal.number(), libc::SIGTERM),
            other => panic!("{other:?}"),
        }
    }
    drop((gate, other_gate));
}

#[test]
fn a_map_whose_pool_is_gone_gives_every_item_its_end() {
    let _watchdog = watchdog();
    for read in [0, 1, 40] {
        let pool = pool(2);
        let mut map = pool.map(square, 0..200).batch_len(5).look_ahead(50);
        let first: Vec<_> = map.by_ref().take(read).map(Result::unwrap).collect();
        assert_eq!(first, (0..read as u64).map(square).collect::<Vec<_>>());
        let mut unordered = pool.map_unordered(square, 0..200).batch_len(5).look_ahead(50);
        let seen = unordered.by_ref().take(read).filter(|(_, result)| result.is_ok()).count();
        assert_eq!(seen, read);
        drop(pool);
        let rest: Vec<_> = map.collect();
        assert_eq!(rest.len(), 200 - read);
        for (n, result) in (read as u64..).zip(&rest) {
            match result {
                Ok(value) => assert_eq!(*value, n * n),
                Err(JoinError::Cancelled | JoinError::Killed { .. }) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(rest.last(), Some(&Err(JoinError::Cancelled)));
        assert_eq!(unordered.count(), 200 - read);
    }
}

#[test]
fn a_dropped_map_leaves_no_work_behind() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let mut map = pool.map(square, 0..).batch_len(1);
    assert_eq!(map.next(), Some(Ok(0)));
    let (running, gate) = occupy(&pool);
    assert_eq!(map.next(), Some(Ok(1)));
    drop(map);
    // What is done, and nobody has looked at yet, counts as well.
    while pool.stats().queued > 0 {
        std::thread::yield_now();
    }
    drop(gate);
    running.join().unwrap();
    pool.shutdown();
}

#[test]
fn a_source_that_panics_keeps_what_was_handed_over() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let taken = Cell::new(0);
    let source = (0..100).inspect(|n| {
        taken.set(taken.get() + 1);
        assert_ne!(*n, 10, "no more");
    });
    let mut map = pool.map(square, source).batch_len(1);
    let (mut results, mut panics) = (Vec::new(), 0);
    loop {
        match catch_unwind(AssertUnwindSafe(|| map.next())) {
            Err(_) => panics += 1,
            Ok(Some(result)) => results.push(result),
            Ok(None) => break,
        }
    }
    assert_eq!(panics, 1, "and it is not asked again");
    assert_eq!(taken.get(), 11);
    assert_eq!(results, (0..10).map(|n| Ok(n * n)).collect::<Vec<_>>());
    assert_eq!(map.next(), None);
    assert_eq!(pool.apply(square, 3), Ok(9));
}

#[test]
fn results_keep_the_order_of_items_that_take_all_sorts_of_time() {
    let _watchdog = watchdog();
    let pool = pool(3);
    let work = |n: u64| {
        let rounds = if n % 17 == 0 { 2_000_000 } else { n % 7 };
        std::hint::black_box((0..rounds).fold(0_u64, |sum, k| sum ^ std::hint::black_box(k)));
        if n % 50 == 49 { Err(n) } else { Ok(n) }
    };
    let results: Result<Vec<_>, _> = pool.map(work, 0..1_000).collect();
    let expected = (0..1_000).map(|n| if n % 50 == 49 { Err(n) } else { Ok(n) });
    assert_eq!(results, Ok(expected.collect()), "an Err of the work itself is a result");
}

static POOL: LazyLock<Pool> = LazyLock::new(|| pool(2));

#[test]
fn a_pool_in_a_static_ends_with_the_program() {
    let _watchdog = watchdog();
    fn program(stream: PortableFd) -> u64 {
        let (running, _gate) = occupy(&POOL);
        // A worker holds the stream when this program ends, which waits for nobody.
        let hold = |stream: PortableFd| {
            UnixStream::from(stream.into_inner()).write_all(b"!").unwrap();
            loop {
                thread::park();
            }
        };
        drop(POOL.submit::<_, ()>(hold, stream).unwrap());
        drop(running);
        7
    }
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let program = Process::spawn(program, PortableFd::new(theirs)).unwrap();
    assert_eq!(program.join(), Ok(7));
    // Whether the job ran or not: nobody has the stream any more.
    assert!(ours.read_to_end(&mut Vec::new()).unwrap() <= 1);
}

#[test]
fn a_pool_whose_next_worker_hangs_at_its_start_can_be_ended() {
    let _watchdog = watchdog();
    let scratch = Scratch::new();
    let path = scratch.join("file");
    std::fs::write(&path, "x").unwrap();
    let init = |path: String| {
        if !std::path::Path::new(&path).exists() {
            loop {
                thread::park();
            }
        }
    };
    let pool = Pool::builder()
        .workers(1)
        .grace(Duration::from_millis(50))
        .initializer(init, path.to_str().unwrap().to_owned())
        .build()
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(pool.apply::<(), ()>(|()| std::process::abort(), ()).is_err());
    let waiting = pool.submit(square, 3).unwrap();
    assert!(!waiting.wait_timeout(Duration::from_millis(50)));
    pool.terminate();
    assert_eq!(waiting.join(), Err(JoinError::Cancelled));
}

#[test]
fn a_pool_that_grows_and_shrinks_may_be_closed_at_any_moment() {
    let _watchdog = watchdog();
    for _ in 0..20 {
        let pool =
            Pool::builder().workers_between(1, 3).idle_timeout(Duration::ZERO).build().unwrap();
        let jobs: Vec<_> = (0..50).map(|n| pool.submit(square, n).unwrap()).collect();
        pool.shutdown();
        assert!(jobs.into_iter().all(|job| job.join().is_ok()));
    }
}

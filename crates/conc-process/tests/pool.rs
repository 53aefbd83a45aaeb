//! What only the pool of processes does.

#![cfg(feature = "auto-init")]

use conc_core::{JoinError, PortableFd, SubmitError, as_completed};
use conc_process::{Pool, PoolBuildError, current};
use conc_tests::laws::scene::Scratch;
use conc_tests::watchdog;
use std::collections::HashSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

#[test]
fn jobs_run_in_other_processes_and_their_results_come_back() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let pid = pool.apply(|()| std::process::id(), ()).unwrap();
    assert_ne!(pid, std::process::id());
    let jobs: Vec<_> = (0..1_000).map(|n| pool.submit(square, n).unwrap()).collect();
    for (n, job) in (0..).zip(jobs) {
        assert_eq!(job.join(), Ok(n * n));
    }
    assert_eq!(pool.apply(|()| current().name().starts_with("pool_"), ()), Ok(true));
    pool.shutdown();
}

#[test]
fn a_death_costs_one_job() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let fragile = |n: u64| match n % 10 {
        3 => std::process::abort(),
        5 => std::process::exit(9),
        7 => panic!("seven"),
        _ => n,
    };
    let jobs: Vec<_> = (0..40).map(|n| pool.submit(fragile, n).unwrap()).collect();
    for (n, job) in (0..).zip(jobs) {
        let result = job.join();
        match n % 10 {
            3 => assert!(
                matches!(&result, Err(JoinError::Killed { signal, .. }) if signal.number() == 6),
                "{n}: {result:?}"
            ),
            5 => assert!(matches!(result, Err(JoinError::Exited { code: 9, .. })), "{result:?}"),
            7 => assert!(result.unwrap_err().is_panic()),
            _ => assert_eq!(result, Ok(n)),
        }
    }
}

#[test]
fn a_death_in_a_batch_costs_one_item() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let fragile = |n: u64| if n % 100 == 50 { std::process::abort() } else { n };
    for batch in [1, 7, 64, 5_000] {
        let results: Vec<_> = pool.map(fragile, 0..1_000).batch_len(batch).collect();
        assert_eq!(results.len(), 1_000);
        for (n, result) in (0..).zip(results) {
            match n % 100 {
                50 => assert!(matches!(result, Err(JoinError::Killed { .. })), "{result:?}"),
                _ => assert_eq!(result, Ok(n)),
            }
        }
        let mut places = HashSet::new();
        for (place, result) in pool.map_unordered(fragile, 0..1_000).batch_len(batch) {
            assert!(places.insert(place), "{place} came twice");
            assert_eq!(result.is_err(), place % 100 == 50, "{place}: {result:?}");
        }
        assert_eq!(places.len(), 1_000);
    }
}

#[test]
fn the_crash_report_has_the_last_lines_of_stderr() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let last_words = |text: String| -> u8 {
        eprintln!("{text}");
        std::process::abort()
    };
    let error = pool.apply(last_words, "farewell".to_owned()).unwrap_err();
    assert!(error.crash_report().unwrap().stderr_tail.contains("farewell"), "{error:?}");
}

#[test]
fn large_values_go_through_the_ring_and_beyond() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let reverse = |mut text: String| {
        // SAFETY: ASCII in reverse is ASCII.
        unsafe { text.as_bytes_mut() }.reverse();
        text
    };
    for len in [0, 1, 120, 127, 128, 129, 5_000, 70_000, 1 << 20, 9 << 20, 70 << 20] {
        let text: String = (0..len).map(|n| char::from(b'a' + (n * 7 % 26) as u8)).collect();
        let expected: String = text.chars().rev().collect();
        assert!(pool.apply(reverse, text).unwrap() == expected, "of length {len}");
    }
    let texts = (0..60_usize).map(|n| "x".repeat(n * n * 100));
    let lens: Result<Vec<_>, _> = pool
        .map(|text: String| text + "y", texts)
        .map(|text| text.map(|text| text.len()))
        .collect();
    assert_eq!(lens, Ok((0..60).map(|n| n * n * 100 + 1).collect()));
}

#[test]
fn descriptors_travel_both_ways() {
    let _watchdog = watchdog();
    let pool = pool(2);
    for round in 0..20 {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let greet = |(to, n): (PortableFd, u32)| {
            let mut to = UnixStream::from(to.into_inner());
            write!(to, "hello {n}").unwrap();
            PortableFd::new(to)
        };
        let back = pool
            .apply(greet, (PortableFd::new(theirs), round))
            .map(|fd| UnixStream::from(fd.into_inner()));
        back.unwrap().write_all(b", and back").unwrap();
        let mut text = String::new();
        ours.read_to_string(&mut text).unwrap();
        assert_eq!(text, format!("hello {round}, and back"));
    }
    let pairs: Vec<_> = (0..20).map(|_| UnixStream::pair().unwrap()).collect();
    let (mut ours, theirs): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let write = |(to, n): (PortableFd, u8)| {
        let mut to = UnixStream::from(to.into_inner());
        to.write_all(&[n]).unwrap();
        PortableFd::new(to)
    };
    let items = theirs.into_iter().map(PortableFd::new).zip(0..);
    let back: Result<Vec<_>, _> = pool.map(write, items).collect();
    assert_eq!(back.map(|back| back.len()), Ok(20));
    for (n, ours) in ours.iter_mut().enumerate() {
        let mut bytes = Vec::new();
        ours.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [n as u8]);
    }
}

#[test]
fn jobs_borrow_what_the_initializer_made() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).initializer(|start: u64| vec![start], 7).build().unwrap();
    let push = |known: &mut Vec<u64>, n: u64| {
        known.push(n);
        known.iter().sum::<u64>()
    };
    assert_eq!(pool.submit_with(push, 1).unwrap().join(), Ok(8));
    assert_eq!(pool.submit_with(push, 2).unwrap().join(), Ok(10));
    assert_eq!(pool.map_with(push, [10, 20]).collect::<Vec<_>>(), [Ok(20), Ok(40)]);
    assert_eq!(pool.apply(square, 3), Ok(9), "without it, too");
}

#[test]
fn an_initializer_that_fails_is_an_error_and_no_loop() {
    let _watchdog = watchdog();
    let build =
        Pool::builder().workers(2).initializer(|n: u32| assert!(n > 1, "only {n}"), 1).build();
    match build {
        Err(PoolBuildError::Worker(error)) => assert!(error.to_string().contains("only 1")),
        other => panic!("{other:?}"),
    }
    let crash = |()| -> u8 { std::process::exit(3) };
    let build = Pool::builder().workers(1).initializer(crash, ()).build();
    match build {
        Err(PoolBuildError::Worker(JoinError::Exited { code: 3, .. })) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_initializer_that_fails_later_ends_the_pool_with_the_reason() {
    let _watchdog = watchdog();
    let scratch = Scratch::new();
    let path = scratch.join("file");
    std::fs::write(&path, "there").unwrap();
    let read = |path: String| std::fs::read_to_string(path).expect("the file is there");
    let key = path.to_str().unwrap().to_owned();
    let pool = Pool::builder().workers(1).initializer(read, key).build().unwrap();
    std::fs::remove_file(&path).unwrap();

    let jobs: Vec<_> = (0..3).map(|_| pool.submit(crash, ()).unwrap()).collect();
    let results: Vec<_> = jobs.into_iter().map(|job| job.join().unwrap_err()).collect();
    assert!(matches!(results[0], JoinError::Killed { .. }), "{results:?}");
    assert!(results[2].to_string().contains("the file is there"), "{results:?}");
    let refused = pool.submit(square, 1).unwrap_err();
    assert!(refused.to_string().contains("the file is there"), "{refused}");
    pool.shutdown();
}

#[test]
fn a_job_that_hangs_is_ended_and_its_neighbours_are_not() {
    let _watchdog = watchdog();
    let hangs = |n: u64| {
        if n % 4 == 1 {
            forever(());
        }
        n
    };
    let expected: Vec<_> =
        (0..8).map(|n| if n % 4 == 1 { Err(JoinError::TimedOut) } else { Ok(n) }).collect();
    // A neighbour whose process stood still for so long is ended rightly: then nothing was seen,
    // and all have more time. Those that hang have their end each time.
    let spoiled = |results: &[Result<u64, JoinError>]| {
        let late = |n: &usize| results[*n] == Err(JoinError::TimedOut);
        assert!(late(&1) && late(&5), "{results:?}");
        (0..8).any(|n| n % 4 != 1 && late(&n))
    };
    for limit in [1, 4, 16].map(Duration::from_secs) {
        let pool = Pool::builder().workers(2).timeout(limit).build().unwrap();
        let jobs: Vec<_> = (0..8).map(|n| pool.submit(hangs, n).unwrap()).collect();
        let alone: Vec<_> = jobs.into_iter().map(conc_core::Job::join).collect();
        let batch: Vec<_> = pool.map(hangs, 0..8).batch_len(8).collect();
        if !spoiled(&alone) && !spoiled(&batch) {
            assert_eq!((&alone, &batch), (&expected, &expected));
            return;
        }
        eprintln!("not all had {limit:?}: {alone:?}, {batch:?}");
    }
    panic!("neighbours are ended, too");
}

#[test]
fn a_job_that_eats_memory_is_ended_by_name() {
    let _watchdog = watchdog();
    let limit = 64 << 20;
    let pool = Pool::builder().workers(2).memory_limit(limit).build().unwrap();
    // No more than four times as much: nobody may look for a while, and others need theirs.
    let eat = |n: u64| {
        if n == 1 {
            let _eaten: Vec<_> = (0..256).map(|_| vec![1_u8; 1 << 20]).collect();
            forever(());
        }
        n
    };
    let jobs: Vec<_> = (0..4).map(|n| pool.submit(eat, n).unwrap()).collect();
    for (n, job) in (0..).zip(jobs) {
        match job.join() {
            Err(JoinError::MemoryLimit { limit: told, seen }) => {
                assert_eq!((n, told), (1, limit));
                assert!(seen > limit);
            }
            other => assert_eq!(other, Ok(n)),
        }
    }
    assert!(pool.stats().workers.iter().any(|worker| worker.peak_memory > limit));
}

#[test]
fn a_job_whose_worker_died_is_run_again() {
    let _watchdog = watchdog();
    let directory = Scratch::new();
    // Dies as often as the first number says, and counts in files.
    fn dies((times, n, directory): (u32, u64, String)) -> u64 {
        let before = (0..times)
            .find(|attempt| std::fs::File::create_new(format!("{directory}{n}-{attempt}")).is_ok());
        if before.is_some() { std::process::abort() } else { n }
    }
    let key = directory.join("").to_str().unwrap().to_owned();
    let pool = Pool::builder().workers(2).retries(2).build().unwrap();
    let once_more = pool.submit(dies, (2, 1, key.clone())).unwrap();
    let never = pool.submit(dies, (3, 2, key.clone())).unwrap();
    assert_eq!(once_more.join(), Ok(1));
    match never.join() {
        Err(JoinError::Exhausted { attempts }) => {
            assert_eq!(attempts.len(), 3);
            assert!(attempts.iter().all(|e| matches!(e, JoinError::Killed { .. })));
        }
        other => panic!("{other:?}"),
    }
    let items = (10..40).map(|n| (u32::from(n % 5 == 0) * 2, n, key.clone()));
    let results: Result<Vec<_>, _> = pool.map(dies, items).batch_len(10).collect();
    assert_eq!(results, Ok((10..40).collect()));
    let items = (50..60).map(|n| (u32::from(n == 54) * 9, n, key.clone()));
    let results: Vec<_> = pool.map(dies, items).batch_len(10).collect();
    for (n, result) in (50..).zip(results) {
        match result {
            Err(JoinError::Exhausted { attempts }) => assert_eq!((n, attempts.len()), (54, 3)),
            result => assert_eq!(result, Ok(n)),
        }
    }
}

#[test]
fn workers_are_replaced_after_so_many_jobs() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).max_tasks_per_worker(3).build().unwrap();
    let jobs: Vec<_> = (0..9).map(|_| pool.submit(|()| std::process::id(), ()).unwrap()).collect();
    let pids: Vec<_> = jobs.into_iter().map(|job| job.join().unwrap()).collect();
    let different: HashSet<_> = pids.iter().collect();
    assert_eq!(different.len(), 3, "{pids:?}");
    assert!(pids.chunks(3).all(|three| three.iter().all(|pid| *pid == three[0])), "{pids:?}");
}

#[test]
fn workers_that_keep_memory_are_replaced() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).max_memory_per_worker(64 << 20).build().unwrap();
    let leak = |bytes: usize| {
        std::mem::forget(vec![1_u8; bytes]);
        std::process::id()
    };
    let first = pool.apply(leak, 1).unwrap();
    assert_eq!(pool.apply(leak, 100 << 20), Ok(first));
    // It leaves after the next look at its memory.
    let mut last = first;
    while last == first {
        last = pool.apply(leak, 1).unwrap();
    }
    assert_eq!(pool.stats().restarts(), 1);
}

#[test]
fn a_pool_grows_and_shrinks() {
    let _watchdog = watchdog();
    let pool = Pool::builder()
        .workers_between(1, 3)
        .idle_timeout(Duration::from_millis(20))
        .build()
        .unwrap();
    assert_eq!(present(&pool), 1);
    let (mut gates, jobs): (Vec<_>, Vec<_>) = (0..3)
        .map(|_| {
            let (mut ours, theirs) = UnixStream::pair().unwrap();
            let wait = |gate: PortableFd| {
                let mut gate = UnixStream::from(gate.into_inner());
                gate.write_all(b"!").unwrap();
                gate.read(&mut [0]).unwrap()
            };
            let job = pool.submit(wait, PortableFd::new(theirs)).unwrap();
            // Each runs beside the others, or this would never come.
            ours.read_exact(&mut [0]).unwrap();
            (ours, job)
        })
        .unzip();
    assert_eq!(present(&pool), 3);
    gates.clear();
    assert!(as_completed(jobs).all(|(_, result)| result == Ok(0)));
    while present(&pool) > 1 {
        std::thread::yield_now();
    }
    assert_eq!(pool.apply(square, 4), Ok(16));
}

fn present(pool: &Pool) -> usize {
    pool.stats().workers.iter().filter(|worker| worker.pid.is_some()).count()
}

#[test]
fn what_waits_behind_a_long_job_is_stolen_back() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let wait = |gate: PortableFd| {
        let mut gate = UnixStream::from(gate.into_inner());
        gate.write_all(b"!").unwrap();
        gate.read(&mut [0]).unwrap()
    };
    let long = pool.submit(wait, PortableFd::new(theirs)).unwrap();
    ours.read_exact(&mut [0]).unwrap();
    let jobs: Vec<_> = (0..100).map(|n| pool.submit(square, n).unwrap()).collect();
    for (n, job) in (0..).zip(jobs) {
        assert_eq!(job.join(), Ok(n * n));
    }
    assert!(!long.is_finished());
    drop(ours);
    assert_eq!(long.join(), Ok(0));
}

#[test]
fn a_job_may_have_a_pool_of_its_own() {
    let _watchdog = watchdog();
    fn sum(n: u64) -> u64 {
        let pool = Pool::builder().workers(2).build().unwrap();
        pool.map(square, 0..n).map(Result::unwrap).sum()
    }
    assert_eq!(pool(1).apply(sum, 10), Ok(285));
}

#[test]
fn bad_values_are_errors_of_their_jobs_alone() {
    let _watchdog = watchdog();
    #[derive(Debug, PartialEq, Clone, Copy)]
    struct Picky(u8);
    impl serde::Serialize for Picky {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if self.0 == 1 {
                return Err(serde::ser::Error::custom("not one"));
            }
            serializer.serialize_u8(self.0)
        }
    }
    impl<'de> serde::Deserialize<'de> for Picky {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            match u8::deserialize(deserializer)? {
                2 => Err(serde::de::Error::custom("not two")),
                3 => panic!("not three"),
                n => Ok(Self(n)),
            }
        }
    }
    let pool = pool(1);
    let make = |n: u8| Picky(n);
    let take = |picky: Picky| picky.0;
    assert!(matches!(pool.submit(take, Picky(1)), Err(SubmitError::NotEncoded { .. })));
    let results: Vec<_> = pool.map(take, (0..6).map(Picky)).batch_len(6).collect();
    assert_eq!((&results[0], &results[4], &results[5]), (&Ok(0), &Ok(4), &Ok(5)));
    assert!(matches!(results[1], Err(JoinError::NotEncoded { .. })), "{results:?}");
    assert!(matches!(results[2], Err(JoinError::NotDecoded { .. })), "{results:?}");
    assert!(matches!(results[3], Err(JoinError::Panicked { .. })), "{results:?}");
    let results: Vec<_> = (0..5).map(|n| pool.apply(make, n)).collect();
    assert_eq!((&results[0], &results[4]), (&Ok(Picky(0)), &Ok(Picky(4))));
    assert!(matches!(results[1], Err(JoinError::NotEncoded { .. })), "{results:?}");
    assert!(matches!(results[2], Err(JoinError::NotDecoded { .. })), "{results:?}");
    assert!(matches!(results[3], Err(JoinError::Panicked { .. })), "{results:?}");
}

#[test]
fn a_terminated_pool_ends_what_runs() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(2).grace(Duration::from_secs(1)).build().unwrap();
    // One ends when it is asked to, one does not listen.
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let deaf = |gate: PortableFd| {
        // SAFETY: to ignore a signal runs no code.
        unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
        UnixStream::from(gate.into_inner()).write_all(b"!").unwrap();
        loop {
            std::thread::park();
        }
    };
    let stubborn = pool.submit(deaf, PortableFd::new(theirs)).unwrap();
    ours.read_exact(&mut [0]).unwrap();
    let polite = pool.submit(forever, ()).unwrap();
    while !polite.is_running() {
        std::thread::yield_now();
    }
    let queued = pool.submit(square, 1).unwrap();
    pool.terminate();
    let signal = |result: Result<(), JoinError>| match result {
        Err(JoinError::Killed { signal, .. }) => signal.number(),
        other => panic!("{other:?}"),
    };
    assert_eq!(signal(polite.join()), libc::SIGTERM);
    assert_eq!(signal(stubborn.join()), libc::SIGKILL);
    assert_eq!(queued.join(), Err(JoinError::Cancelled));
    assert!(pool.submit(square, 1).is_err());
}

fn crash(_: ()) {
    std::process::abort();
}

fn forever(_: ()) {
    loop {
        std::thread::park();
    }
}

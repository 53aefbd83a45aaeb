//! Pools of processes together with queues and pools of threads.
#![cfg(all(target_os = "linux", not(conc_loom)))]

use conc_core::{JobSet, JoinError, as_completed, wait_all, wait_first, wait_first_error};
use conc_process::Pool;
use conc_shm::queue::{GetError, PlainQueue, Queue};
use conc_tests::watchdog;
use conc_thread::ThreadPool;

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

#[test]
fn queues_travel_in_arguments_and_results_of_jobs() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let words: Queue<String> = Queue::bounded(64).unwrap();
    let say = |(queue, n): (Queue<String>, u32)| {
        queue.put(format!("word {n}")).unwrap();
        queue
    };
    for n in 0..50 {
        let back = pool.apply(say, (words.clone(), n)).unwrap();
        assert_eq!(back.get().unwrap(), format!("word {n}"), "the same queue");
    }
    let make = |capacity: usize| {
        let queue: PlainQueue<u64> = PlainQueue::bounded(capacity).unwrap();
        (0..capacity as u64).for_each(|n| queue.put(n).unwrap());
        queue
    };
    let made: PlainQueue<u64> = pool.apply(make, 8).unwrap();
    assert_eq!((0..8).map(|_| made.get().unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn queues_travel_in_maps() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let plain: PlainQueue<u64> = PlainQueue::bounded(256).unwrap();
    let put = |(queue, n): (PlainQueue<u64>, u64)| {
        if n % 10 == 3 {
            std::process::abort();
        }
        queue.put(n).unwrap();
        queue
    };
    let items = (0..60).map(|n| (plain.clone(), n));
    let mut back = 0;
    for (n, result) in (0..).zip(pool.map(put, items)) {
        match result {
            Ok(queue) => {
                assert_ne!(n % 10, 3);
                assert_eq!(queue.capacity(), plain.capacity());
                back += 1;
            }
            Err(error) => {
                assert_eq!(n % 10, 3, "{error}");
                assert!(matches!(error, JoinError::Killed { .. }));
            }
        }
    }
    assert_eq!((back, plain.len()), (54, 54));
    let mut numbers: Vec<_> = (0..54).map(|_| plain.get().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..60).filter(|n| n % 10 != 3).collect::<Vec<_>>());
}

#[test]
fn what_a_worker_had_leased_comes_back_when_it_dies() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let orders: Queue<u32> = Queue::bounded(4).unwrap();
    orders.put(7).unwrap();
    let take = |orders: Queue<u32>| -> u32 {
        let _lease = orders.lease().unwrap();
        std::process::abort()
    };
    assert!(pool.apply(take, orders.clone()).is_err());
    let lease = orders.lease().unwrap();
    assert_eq!((*lease, lease.deliveries()), (7, 2));
    lease.ack();
}

#[test]
fn a_queue_ends_with_the_workers_that_have_it() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let answers: Queue<u32> = Queue::bounded(4).unwrap();
    let keep = |answers: Queue<u32>| {
        answers.put(1).unwrap();
        std::mem::forget(answers);
    };
    pool.apply(keep, answers.clone()).unwrap();
    assert_eq!(answers.get(), Ok(1));
    pool.shutdown();
    assert_eq!(answers.get(), Err(GetError::Abandoned));
}

#[test]
fn jobs_of_threads_and_of_processes_are_waited_for_together() {
    let _watchdog = watchdog();
    let (processes, threads) = (pool(2), ThreadPool::builder().workers(2).build().unwrap());
    let fragile = |n: u64| if n == 30 { std::process::abort() } else { n * n };
    let jobs = (0..100).map(|n| match n % 2 {
        0 => processes.submit(fragile, n).unwrap(),
        _ => threads.submit(move || square(n)).unwrap(),
    });
    let mut seen = vec![false; 100];
    for (place, result) in as_completed(jobs) {
        assert!(!std::mem::replace(&mut seen[place], true), "{place} came twice");
        match result {
            Ok(value) => assert_eq!(value, square(place as u64)),
            Err(error) => assert!(place == 30 && matches!(error, JoinError::Killed { .. })),
        }
    }
    assert!(seen.into_iter().all(|seen| seen));

    let forever = |()| -> u64 {
        loop {
            std::thread::park();
        }
    };
    let never = processes.submit(forever, ()).unwrap();
    let soon = threads.submit(|| 1).unwrap();
    assert_eq!(wait_first(&[&never, &soon]), Some(1));
    let fails = processes.submit(|_: u64| -> u64 { std::process::abort() }, 1).unwrap();
    assert_eq!(wait_first_error(&[&soon, &fails]), Some(1));
    let bad = threads.submit(|| -> u64 { panic!("on purpose") }).unwrap();
    never.kill().unwrap();
    wait_all(&[&never, &soon, &fails, &bad]);
    let mut set = JobSet::new();
    for job in [never, soon, fails, bad] {
        set.add(job);
    }
    let mut ok = 0;
    while let Some((_, result)) = set.next_finished() {
        ok += u32::from(result.is_ok());
    }
    assert_eq!(ok, 1);
}

#[test]
fn jobs_of_threads_may_wait_for_jobs_of_processes_and_the_other_way_round() {
    let _watchdog = watchdog();
    let (processes, threads) = (pool(2), ThreadPool::builder().workers(1).build().unwrap());
    std::thread::scope(|scope| {
        let (processes, threads) = (&processes, &threads);
        scope.spawn(move || {
            for n in 0..100 {
                let theirs = processes.submit(square, n).unwrap();
                let ours = threads.submit(move || theirs.join().unwrap() + 1).unwrap();
                assert_eq!(ours.join(), Ok(n * n + 1));
            }
        });
    });
    let inside = |n: u64| {
        let threads = ThreadPool::builder().workers(2).build().unwrap();
        let jobs = (0..n).map(|n| threads.submit(move || square(n)).unwrap());
        as_completed(jobs).map(|(_, n)| n.unwrap()).sum::<u64>()
    };
    assert_eq!(processes.apply(inside, 10), Ok(285));
}

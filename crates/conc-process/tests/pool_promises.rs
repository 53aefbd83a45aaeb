//! What a pool promises beyond that jobs run: choices, values, callbacks, ends.

#![cfg(feature = "auto-init")]

use conc_core::trace::MarkKind;
use conc_core::{JoinError, PortableFd, Wire};
use conc_process::{Pool, PoolBuildError};
use conc_tests::watchdog;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

fn forever(_: ()) {
    loop {
        thread::park();
    }
}

/// Says that it runs, and waits for the end of the other side.
fn held_up(gate: PortableFd) -> u64 {
    let mut gate = UnixStream::from(gate.into_inner());
    gate.write_all(b"!").unwrap();
    gate.read(&mut [0]).unwrap() as u64
}

/// A job that runs until the stream is dropped.
fn occupy(pool: &Pool) -> (conc_core::Job<u64>, UnixStream) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let job = pool.submit(held_up, PortableFd::new(theirs)).unwrap();
    ours.read_exact(&mut [0]).unwrap();
    (job, ours)
}

fn panics(call: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

#[test]
fn senseless_choices_are_refused() {
    let _watchdog = watchdog();
    for (least, most) in [(0, 0), (0, 2), (3, 2), (1, 5_000)] {
        match Pool::builder().workers_between(least, most).build() {
            Err(PoolBuildError::WorkerCount { min, max }) => {
                assert_eq!((min, max), (least, most));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(panics(|| drop(Pool::builder().max_tasks_per_worker(0))));
    let pool = pool(1);
    assert!(panics(|| drop(pool.map(square, 0..3).batch_len(0))));
    assert!(panics(|| drop(pool.map_unordered(square, 0..3).look_ahead(0))));
    assert_eq!(pool.map(square, 0..3).batch_len(1).look_ahead(1).count(), 3);
}

#[test]
fn without_a_choice_there_is_a_worker_for_each_processor() {
    let _watchdog = watchdog();
    let pool = Pool::new().unwrap();
    assert_eq!(pool.workers(), conc_process::cpu_count());
    assert_eq!(pool.stats().workers.iter().filter(|w| w.pid.is_some()).count(), pool.workers());
}

#[test]
fn the_longest_times_are_never_and_the_shortest_at_once() {
    let _watchdog = watchdog();
    let pool = Pool::builder()
        .workers_between(1, 2)
        .idle_timeout(Duration::MAX)
        .timeout(Duration::MAX)
        .grace(Duration::MAX)
        .build()
        .unwrap();
    assert_eq!(pool.apply(square, 3), Ok(9));
    let never = pool.terms().timeout(Duration::MAX);
    assert_eq!(never.submit(square, 4).unwrap().join(), Ok(16));
    assert_eq!(pool.map(square, 0..100).filter(Result::is_ok).count(), 100);
    let at_once = pool.terms().timeout(Duration::ZERO).submit(forever, ()).unwrap();
    assert_eq!(at_once.join(), Err(JoinError::TimedOut));
    assert!(pool.shutdown_timeout(Duration::MAX));
}

#[test]
fn a_grace_without_end_is_for_workers_that_listen() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).grace(Duration::MAX).build().unwrap();
    let running = pool.submit(forever, ()).unwrap();
    while !running.is_running() {
        thread::yield_now();
    }
    pool.terminate();
    match running.join() {
        Err(JoinError::Killed { signal, .. }) => assert_eq!(signal.number(), libc::SIGTERM),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_worker_gets_the_initializers_argument_with_its_descriptors() {
    let _watchdog = watchdog();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let greet = |stream: PortableFd| {
        let mut stream = UnixStream::from(stream.into_inner());
        stream.write_all(b"!").unwrap();
        stream
    };
    let pool = Pool::builder().workers(3).initializer(greet, PortableFd::new(theirs)).build();
    let pool = pool.unwrap();
    ours.read_exact(&mut [0; 3]).unwrap();
    assert!(pool.apply::<(), ()>(|()| std::process::abort(), ()).is_err());
    ours.read_exact(&mut [0]).unwrap();
    let say = |stream: &mut UnixStream, byte: u8| stream.write_all(&[byte]).is_ok();
    assert_eq!(pool.submit_with(say, 7).unwrap().join(), Ok(true));
    let mut byte = [0];
    ours.read_exact(&mut byte).unwrap();
    assert_eq!(byte, [7]);
}

#[test]
fn each_of_many_workers_gets_a_large_argument() {
    let _watchdog = watchdog();
    let pool = Pool::builder()
        .workers(2)
        .max_tasks_per_worker(1)
        .initializer(|text: String| text.len(), "x".repeat(3 << 20))
        .build()
        .unwrap();
    let len = |len: &mut usize, n: usize| *len + n;
    let jobs: Vec<_> = (0..60).map(|n| pool.submit_with(len, n).unwrap()).collect();
    for (n, job) in (0..).zip(jobs) {
        assert_eq!(job.join(), Ok((3 << 20) + n));
    }
}

#[test]
fn a_state_that_panics_when_it_goes_harms_nobody() {
    let _watchdog = watchdog();
    struct Sour;
    impl Drop for Sour {
        fn drop(&mut self) {
            panic!("sour to the end");
        }
    }
    let pool = Pool::builder().workers(1).initializer(|()| Sour, ()).build().unwrap();
    assert_eq!(pool.apply(square, 3), Ok(9));
    pool.shutdown();
}

#[test]
fn a_function_may_be_generic() {
    let _watchdog = watchdog();
    fn largest<T: Wire + Ord>(items: Vec<T>) -> Option<T> {
        items.into_iter().max()
    }
    fn both<A: Wire, B: Wire>(left: A, right: B) -> (B, A) {
        (right, left)
    }
    let pool = pool(2);
    assert_eq!(pool.apply(largest::<u8>, vec![3, 9, 1]), Ok(Some(9)));
    let words = ["pear", "apple"].map(str::to_owned).to_vec();
    assert_eq!(pool.apply(largest::<String>, words), Ok(Some("pear".to_owned())));
    assert_eq!(pool.apply(largest::<()>, vec![]), Ok(None));
    let pairs: Vec<_> = pool.starmap(both::<u8, char>, [(1, 'a'), (2, 'b')]).collect();
    assert_eq!(pairs, [Ok(('a', 1)), Ok(('b', 2))]);
}

#[test]
fn values_without_size_are_values() {
    let _watchdog = watchdog();
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Token;
    let pool = pool(2);
    let turn = |(): ()| Token;
    assert_eq!(pool.apply(turn, ()), Ok(Token));
    for batch in [1, 3, 10_000] {
        let items = std::iter::repeat_n((), 5_000);
        let results = pool.map(turn, items).batch_len(batch);
        assert_eq!(results.filter(|result| *result == Ok(Token)).count(), 5_000);
    }
    let fragile = |(): ()| match std::process::id() % 2 {
        0 => Token,
        _ => panic!("odd"),
    };
    let results = pool.map(fragile, std::iter::repeat_n((), 100)).batch_len(100);
    assert_eq!(results.count(), 100);
}

/// A value that is troublesome to encode or decode.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Moody {
    Fine(u8),
    PanicsWhenWritten,
    PanicsWhenRead,
    FailsWhenRead,
}

impl Serialize for Moody {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(match self {
            Self::Fine(n) => *n,
            Self::PanicsWhenWritten => panic!("not to be written"),
            Self::PanicsWhenRead => 254,
            Self::FailsWhenRead => 255,
        })
    }
}

impl<'de> Deserialize<'de> for Moody {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            254 => panic!("not to be read"),
            255 => Err(serde::de::Error::custom("cannot be read")),
            n => Ok(Self::Fine(n)),
        }
    }
}

fn mood(n: u8) -> Moody {
    match n {
        1 => Moody::PanicsWhenWritten,
        2 => Moody::PanicsWhenRead,
        3 => Moody::FailsWhenRead,
        n => Moody::Fine(n),
    }
}

#[test]
fn results_that_cannot_travel_are_errors_of_their_jobs() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let jobs: Vec<_> = (0..5).map(|n| pool.submit(mood, n).unwrap()).collect();
    let results: Vec<_> = jobs.into_iter().map(conc_core::Job::join).collect();
    assert_eq!((&results[0], &results[4]), (&Ok(Moody::Fine(0)), &Ok(Moody::Fine(4))));
    assert!(results[1].as_ref().unwrap_err().is_panic(), "{results:?}");
    assert!(results[2].as_ref().unwrap_err().is_panic(), "{results:?}");
    assert!(matches!(results[3], Err(JoinError::NotDecoded { .. })), "{results:?}");
    assert_eq!(pool.stats().restarts(), 0, "the worker is fine");
}

#[test]
fn results_that_cannot_travel_are_errors_in_their_places_of_a_map() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let items = || [0, 1, 3, 4].into_iter();
    let results: Vec<_> = pool.map(mood, items()).batch_len(4).collect();
    assert_eq!((&results[0], &results[3]), (&Ok(Moody::Fine(0)), &Ok(Moody::Fine(4))));
    assert!(results[1].as_ref().unwrap_err().is_panic(), "{results:?}");
    assert!(matches!(results[2], Err(JoinError::NotDecoded { .. })), "{results:?}");
    let unordered = pool.map_unordered(mood, items()).batch_len(2);
    assert_eq!(unordered.filter(|(_, result)| result.is_ok()).count(), 2);
}

/// Where the code that writes it runs, there it panics: with who submits.
#[test]
fn an_argument_that_panics_while_it_is_written_panics_there() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let take = |moody: Moody| matches!(moody, Moody::Fine(_));
    assert!(panics(|| drop(pool.submit(take, Moody::PanicsWhenWritten))));
    let mut map = pool.map(take, [Moody::Fine(1), Moody::PanicsWhenWritten]).batch_len(1);
    assert!(panics(|| drop(map.next())));
    drop(map);
    // What was being written then does not disturb what is written next.
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let say = |(stream, moody): (PortableFd, Moody)| {
        UnixStream::from(stream.into_inner()).write_all(b"!").unwrap();
        moody
    };
    let job = pool.submit(say, (PortableFd::new(theirs), Moody::Fine(5)));
    assert_eq!(job.unwrap().join(), Ok(Moody::Fine(5)));
    ours.read_exact(&mut [0]).unwrap();
}

#[test]
fn results_that_nobody_reads_cost_nobody_anything() {
    let _watchdog = watchdog();
    let pool = pool(2);
    for n in 0..100_000 {
        drop(pool.submit(square, n).unwrap());
    }
    pool.shutdown();
    let stats = pool.stats();
    assert_eq!((stats.jobs(), stats.outstanding, stats.queued), (100_000, 0, 0));
}

#[test]
fn jobs_can_be_awaited_without_any_runtime() {
    let _watchdog = watchdog();
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    fn block_on<F: Future>(future: F) -> F::Output {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }
    let pool = pool(2);
    let sum = block_on(async {
        let mut sum = 0;
        for n in 0..100 {
            let (left, right) = (pool.submit(square, n).unwrap(), pool.submit(square, n).unwrap());
            sum += left.await.unwrap() + right.await.unwrap();
        }
        let crash = pool.submit::<(), ()>(|()| std::process::abort(), ()).unwrap();
        assert!(matches!(crash.await, Err(JoinError::Killed { .. })));
        sum
    });
    assert_eq!(sum, 2 * (0..100).map(square).sum::<u64>());
}

#[test]
fn callbacks_run_in_the_pools_own_thread_and_may_end_the_pool() {
    let _watchdog = watchdog();
    let pool = Arc::new(pool(1));
    let (running, gate) = occupy(&pool);
    let (send, receive) = channel();
    let mut job = pool.submit(square, 2).unwrap();
    let queued = pool.submit(square, 3).unwrap();
    let theirs = Arc::clone(&pool);
    job.on_finish(move |_| {
        theirs.cancel_queued();
        // Who is to end the pool, and run its jobs, does not wait for itself.
        assert_eq!(theirs.apply(square, 4), Err(JoinError::WouldDeadlock));
        theirs.shutdown();
        send.send(thread::current().name().map(str::to_owned)).unwrap();
    });
    drop(gate);
    assert_eq!(receive.recv(), Ok(Some("conc-pool".to_owned())));
    assert_eq!((running.join(), job.join()), (Ok(0), Ok(4)));
    queued.wait();
    pool.shutdown();
    assert!(pool.is_closed());
}

/// Decoders, callbacks and wakers of users run in the pool's own thread, too.
#[test]
fn code_of_the_users_that_panics_in_the_pools_thread_stops_nobody() {
    let _watchdog = watchdog();
    struct Sour;
    impl Drop for Sour {
        fn drop(&mut self) {
            panic!("sour to the end");
        }
    }
    struct Rude;
    impl Wake for Rude {
        fn wake(self: Arc<Self>) {
            panic!("do not wake me");
        }
    }
    let pool = pool(1);
    let (running, gate) = occupy(&pool);
    drop(pool.submit(mood, 2).unwrap());
    let mut shouting = pool.submit(square, 5).unwrap();
    shouting.on_finish(|_| std::panic::panic_any(Sour));
    let rude = Waker::from(Arc::new(Rude));
    let mut awaited = pin!(pool.submit(square, 6).unwrap());
    assert!(awaited.as_mut().poll(&mut Context::from_waker(&rude)).is_pending());
    let last = pool.submit(square, 7).unwrap();
    drop(gate);
    assert_eq!((running.join(), shouting.join(), last.join()), (Ok(0), Ok(25), Ok(49)));
    let calm = Waker::noop();
    assert_eq!(awaited.as_mut().poll(&mut Context::from_waker(calm)), Poll::Ready(Ok(36)));
    assert_eq!(pool.stats().restarts(), 0);
}

#[test]
fn progress_is_told_until_all_is_done() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let (send, receive) = channel();
    let map = pool.map(square, 0..500).on_progress(move |progress| send.send(progress).unwrap());
    assert_eq!(map.filter(Result::is_ok).count(), 500);
    let told: Vec<_> = receive.iter().collect();
    assert!(told.is_sorted_by_key(|progress| progress.done), "{told:?}");
    assert!(told.iter().all(|progress| progress.total == Some(500)), "{told:?}");
    assert_eq!(told.last().map(|progress| progress.done), Some(500));

    let (send, receive) = channel();
    let unknown = (0..50).filter(|n| n % 2 == 0);
    let fragile = |n: u64| if n == 8 { std::process::abort() } else { n };
    let map = pool.map_unordered(fragile, unknown);
    let map = map.on_progress(move |progress| send.send((progress.done, progress.total)).unwrap());
    assert_eq!(map.filter(|(_, result)| result.is_ok()).count(), 24);
    assert_eq!(receive.iter().last(), Some((25, None)));
}

#[cfg(feature = "indicatif")]
#[test]
fn a_bar_shows_the_progress() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let bar = indicatif::ProgressBar::hidden();
    let map = pool.map(square, 0..300).progress_bar(bar.clone());
    assert_eq!(map.filter(Result::is_ok).count(), 300);
    assert_eq!((bar.position(), bar.length()), (300, Some(300)));
}

#[test]
fn the_timeline_shows_jobs_deaths_and_restarts() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).trace().build().unwrap();
    for n in 0..5 {
        assert_eq!(pool.apply(square, n), Ok(n * n));
    }
    assert!(pool.apply::<(), ()>(|()| std::process::abort(), ()).is_err());
    assert_eq!(pool.apply(square, 5), Ok(25));
    let timeline = pool.timeline();
    let lanes = &timeline.lanes;
    assert_eq!(lanes.iter().map(|lane| lane.spans.len()).sum::<usize>(), 7);
    let marks = |kind| lanes.iter().flat_map(|lane| &lane.marks).filter(|m| m.kind == kind).count();
    assert_eq!((marks(MarkKind::Death), marks(MarkKind::Restart)), (1, 1));
    let stats = pool.stats();
    assert_eq!((stats.jobs(), stats.restarts()), (6, 1));
    assert!(stats.workers[0].lost == 1 && stats.workers[0].pid.is_some());
}

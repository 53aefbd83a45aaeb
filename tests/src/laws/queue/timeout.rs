//! Waiting not too short.

use super::scene::{drained, patient_get};
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::queue::{GetFailure, PutFailure};
use conc_core::{BlockingQueue, QueueCore};
use std::thread;
use std::time::{Duration, Instant};

/// Each several times: being woken takes so long that it hides a wait that was a little too short.
fn timeouts() -> impl Iterator<Item = Duration> {
    [0, 1, 20, 300, 5_000].into_iter().cycle().take(40).map(Duration::from_micros)
}

pub(super) fn laws<S: QueueSource<Queue: BlockingQueue>>() -> Vec<QueueLaw<S>> {
    let bounded = QueueNeeds::BLOCKING.and(QueueCapabilities::BOUNDED);
    let crowds = bounded.and(QueueCapabilities::CROWDS);
    vec![
        law!(a_bounded_get_is_never_early, QueueNeeds::BLOCKING),
        law!(a_bounded_put_is_never_early, bounded),
        law!(a_get_whose_time_is_past_looks_once, QueueNeeds::BLOCKING),
        law!(a_put_whose_time_is_past_looks_once, bounded),
        law!(what_the_clock_cannot_count_is_never, QueueNeeds::BLOCKING),
        law!(a_put_that_gave_up_puts_nothing, bounded),
        law!(gets_that_give_up_take_nothing, QueueNeeds::BLOCKING),
        law!(who_gives_up_takes_nobodys_item_along, crowds),
    ]
}

fn past() -> Instant {
    Instant::now() - Duration::from_secs(1)
}

fn a_bounded_get_is_never_early<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    for timeout in timeouts() {
        let started = Instant::now();
        let error = queue.get_timeout(timeout).unwrap_err();
        assert!(started.elapsed() >= timeout, "{:?} is early", started.elapsed());
        assert!(error.is_empty() && !error.is_closed(), "{error}");
        let deadline = Instant::now() + timeout;
        assert!(queue.get_deadline(deadline).unwrap_err().is_empty());
        assert!(Instant::now() >= deadline, "early");
    }
}

fn a_bounded_put_is_never_early<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    queue.put(0).unwrap();
    for timeout in timeouts() {
        let started = Instant::now();
        let error = queue.put_timeout(7, timeout).unwrap_err();
        assert!(started.elapsed() >= timeout, "{:?} is early", started.elapsed());
        assert!(error.is_full() && !error.is_closed(), "{error}");
        assert_eq!(error.into_item(), 7);
        let deadline = Instant::now() + timeout;
        assert!(queue.put_deadline(8, deadline).unwrap_err().is_full());
        assert!(Instant::now() >= deadline, "early");
    }
}

fn a_get_whose_time_is_past_looks_once<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    assert!(queue.get_deadline(past()).unwrap_err().is_empty());
    queue.put(1).unwrap();
    assert_eq!(queue.get_deadline(past()).unwrap(), 1);
    queue.put(2).unwrap();
    assert_eq!(queue.get_timeout(Duration::ZERO).unwrap(), 2);
    queue.close();
    assert!(queue.get_deadline(past()).unwrap_err().is_closed());
    assert!(queue.get_timeout(Duration::ZERO).unwrap_err().is_closed());
}

fn a_put_whose_time_is_past_looks_once<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    queue.put_deadline(1, past()).unwrap();
    queue.put_timeout(2, Duration::ZERO).unwrap();
    assert!(queue.put_deadline(3, past()).unwrap_err().is_full());
    assert!(queue.put_timeout(3, Duration::ZERO).unwrap_err().is_full());
    queue.close();
    assert!(queue.put_deadline(4, past()).unwrap_err().is_closed());
    assert!(queue.put_timeout(4, Duration::ZERO).unwrap_err().is_closed());
    assert_eq!(drained(&queue).len(), 2);
}

fn what_the_clock_cannot_count_is_never<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    thread::scope(|scope| {
        let getter = scope.spawn(|| {
            (0..20).map(|_| queue.get_timeout(Duration::MAX).unwrap()).collect::<Vec<_>>()
        });
        (0..20).for_each(|n| queue.put_timeout(n, Duration::MAX).unwrap());
        let mut got = getter.join().unwrap();
        got.sort_unstable();
        assert_eq!(got, (0..20).collect::<Vec<_>>());
    });
}

fn a_put_that_gave_up_puts_nothing<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    queue.put(0).unwrap();
    for n in 1..20 {
        assert!(queue.put_timeout(n, Duration::from_micros(n * 10)).is_err());
    }
    assert_eq!(drained(&queue), [0]);
    assert_eq!(queue.len(), 0);
    queue.put_timeout(20, Duration::ZERO).unwrap();
    assert_eq!(drained(&queue), [20]);
}

fn gets_that_give_up_take_nothing<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    for n in 0..20 {
        assert!(queue.get_timeout(Duration::from_micros(n * 10)).unwrap_err().is_empty());
    }
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    let mut got = drained(&queue);
    got.sort_unstable();
    assert_eq!(got, [1, 2]);
}

/// Waits end at every moment beside puts and gets: what is put is got, by somebody.
fn who_gives_up_takes_nobodys_item_along<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    let (mut put, mut got) = thread::scope(|scope| {
        let queue = &queue;
        let putters: Vec<_> = (0..2_u64)
            .map(|producer| {
                let wait = move |n: u64| Duration::from_micros(n * 7 % 60);
                let accepted = move |n: &u64| queue.put_timeout(*n, wait(*n)).is_ok();
                let items = producer * 1_000..producer * 1_000 + 800;
                scope.spawn(move || items.filter(accepted).collect::<Vec<_>>())
            })
            .collect();
        let impatient = scope.spawn(|| {
            let waits = (0..800).map(|n| Duration::from_micros(n * 11 % 70));
            waits.filter_map(|wait| queue.get_timeout(wait).ok()).collect::<Vec<_>>()
        });
        let patient = scope.spawn(|| std::iter::from_fn(|| patient_get(queue)).collect::<Vec<_>>());
        let put = putters.into_iter().flat_map(|putter| putter.join().unwrap()).collect::<Vec<_>>();
        let mut got = impatient.join().unwrap();
        queue.close();
        got.extend(patient.join().unwrap());
        (put, got)
    });
    put.sort_unstable();
    got.sort_unstable();
    assert_eq!(put, got);
}

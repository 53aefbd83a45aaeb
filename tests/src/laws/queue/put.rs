//! Waiting for room.

use super::scene::{a_moment, drained};
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::{BlockingQueue, QueueCore};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

pub(super) fn laws<S: QueueSource<Queue: BlockingQueue>>() -> Vec<QueueLaw<S>> {
    let bounded = QueueNeeds::BLOCKING.and(QueueCapabilities::BOUNDED);
    let many_producers = bounded.and(QueueCapabilities::MANY_PRODUCERS);
    vec![
        law!(put_waits_until_there_is_room, bounded),
        law!(a_bounded_put_is_woken_by_room, bounded),
        law!(every_sleeper_gets_room, many_producers),
        law!(
            put_never_waits_without_a_limit,
            QueueNeeds::BLOCKING.and(QueueCapabilities::UNBOUNDED)
        ),
    ]
}

fn put_waits_until_there_is_room<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    for capacity in [1, 3] {
        let queue = make().bounded(capacity);
        (0..capacity).for_each(|_| queue.put(0).unwrap());
        for n in 1..20 {
            thread::scope(|scope| {
                let putter = scope.spawn(|| queue.put(n).unwrap());
                a_moment();
                assert!(!putter.is_finished(), "there is no room");
                queue.get().unwrap();
                putter.join().unwrap();
            });
            assert_eq!(queue.len(), capacity);
        }
    }
}

fn a_bounded_put_is_woken_by_room<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    queue.put(0).unwrap();
    for n in 1..20 {
        thread::scope(|scope| {
            let putter = scope.spawn(|| queue.put_timeout(n, Duration::from_secs(3600)).unwrap());
            if n % 2 == 0 {
                a_moment();
            }
            assert_eq!(queue.get().unwrap(), n - 1);
            putter.join().unwrap();
        });
    }
    assert_eq!(drained(&queue), [19]);
}

fn every_sleeper_gets_room<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    for capacity in [1, 2] {
        let queue = make().bounded(capacity);
        (0..capacity).for_each(|_| queue.put(99).unwrap());
        let start = Barrier::new(7);
        thread::scope(|scope| {
            for n in 0..6 {
                let (queue, start) = (&queue, &start);
                scope.spawn(move || {
                    start.wait();
                    queue.put(n).unwrap();
                });
            }
            start.wait();
            a_moment();
            let mut got: Vec<_> = (0..6 + capacity).map(|_| queue.get().unwrap()).collect();
            got.sort_unstable();
            assert!(got.starts_with(&[0, 1, 2, 3, 4, 5, 99]), "{got:?}");
        });
        assert!(queue.is_empty());
    }
}

fn put_never_waits_without_a_limit<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().unbounded();
    (0..5_000).for_each(|n| queue.put(n).unwrap());
    queue.put_timeout(5_000, Duration::ZERO).unwrap();
    assert_eq!(drained(&queue).len(), 5_001);
}

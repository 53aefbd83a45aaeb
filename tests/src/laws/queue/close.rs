//! Nothing goes in, what is inside comes out.

use super::scene::{drained, patient_get, patient_put};
use super::{QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::QueueCore;
use conc_core::queue::{GetFailure, PutFailure};
use std::sync::Barrier;
use std::thread;

pub(super) fn laws<S: QueueSource>() -> Vec<QueueLaw<S>> {
    vec![
        law!(a_closed_queue_gives_the_item_back, QueueNeeds::NOTHING),
        law!(a_closed_queue_is_drained_before_it_fails, QueueNeeds::NOTHING),
        law!(a_full_queue_that_is_closed_is_closed, QueueNeeds::BOUNDED),
        law!(a_closed_queue_stays_closed, QueueNeeds::NOTHING),
        law!(closing_again_is_fine, QueueNeeds::NOTHING),
        law!(what_is_put_just_before_the_close_is_got, QueueNeeds::NOTHING),
        law!(every_put_that_raced_with_close_is_got_or_refused, QueueNeeds::PRODUCERS),
        law!(nothing_comes_after_it_was_closed_and_empty, QueueNeeds::CROWDS),
        law!(many_drain_a_closed_queue, QueueNeeds::CONSUMERS),
    ]
}

fn a_closed_queue_gives_the_item_back<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(4);
    assert!(!queue.is_closed());
    queue.close();
    assert!(queue.is_closed());
    let error = queue.try_put(7).unwrap_err();
    assert!(error.is_closed() && !error.is_full(), "{error}");
    assert_eq!(error.into_item(), 7);
}

fn a_closed_queue_is_drained_before_it_fails<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(4);
    (1..=3).for_each(|n| queue.try_put(n).unwrap());
    queue.close();
    let mut got = [(); 3].map(|()| queue.try_get().unwrap());
    got.sort_unstable();
    assert_eq!(got, [1, 2, 3]);
    let error = queue.try_get().unwrap_err();
    assert!(error.is_closed() && !error.is_empty(), "{error}");
}

fn a_full_queue_that_is_closed_is_closed<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    queue.try_put(1).unwrap();
    queue.close();
    let error = queue.try_put(2).unwrap_err();
    assert!(error.is_closed() && !error.is_full(), "{error}");
}

fn a_closed_queue_stays_closed<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    queue.try_put(1).unwrap();
    queue.close();
    assert_eq!(drained(&queue), [1]);
    for n in 0..10 {
        assert!(queue.is_closed() && queue.is_empty());
        assert!(queue.try_put(n).unwrap_err().is_closed());
        assert!(queue.try_get().unwrap_err().is_closed());
    }
}

fn closing_again_is_fine<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    queue.try_put(1).unwrap();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| queue.close());
        }
    });
    queue.close();
    assert!(queue.is_closed());
    assert_eq!(drained(&queue), [1]);
    queue.close();
    assert!(queue.try_get().unwrap_err().is_closed());
}

/// Who looks while the last item comes and the queue is closed behind it must not take the first
/// look for the last.
fn what_is_put_just_before_the_close_is_got<S: QueueSource>(make: Make<'_, S>) {
    let source = make();
    // Not all at once: a queue may need a descriptor.
    for batch in 0..15 {
        let queues: Vec<_> = (0..100).map(|_| source.bounded(1)).collect();
        let start = Barrier::new(2);
        let got: Vec<_> = thread::scope(|scope| {
            scope.spawn(|| {
                for (round, queue) in queues.iter().enumerate() {
                    start.wait();
                    // At another moment of the other's look in each round.
                    (0..round).for_each(|_| std::hint::spin_loop());
                    assert!(patient_put(queue, round as u64));
                    queue.close();
                }
            });
            let look = |queue| {
                start.wait();
                patient_get(queue)
            };
            queues.iter().map(look).collect()
        });
        assert_eq!(got, (0..100).map(Some).collect::<Vec<_>>(), "batch {batch}");
    }
}

/// Three threads put until they are refused, while this one gets a few items and closes: what was
/// put, what was got before, what was got after.
fn raced<Q: QueueCore<Item = u64> + Sync>(queue: &Q, before: usize) -> (Vec<u64>, Vec<u64>) {
    let start = Barrier::new(4);
    let (mut put, mut got) = thread::scope(|scope| {
        let producers: Vec<_> = (0..3)
            .map(|producer| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let items = (0..).map(|n| super::scene::item_of(producer, n));
                    items.take_while(|item| patient_put(queue, *item)).collect::<Vec<_>>()
                })
            })
            .collect();
        start.wait();
        let mut got: Vec<_> = (0..before).map(|_| patient_get(queue).unwrap()).collect();
        queue.close();
        got.extend(std::iter::from_fn(|| patient_get(queue)));
        let put = producers.into_iter().flat_map(|producer| producer.join().unwrap());
        (put.collect::<Vec<_>>(), got)
    });
    put.sort_unstable();
    got.sort_unstable();
    (put, got)
}

fn every_put_that_raced_with_close_is_got_or_refused<S: QueueSource>(make: Make<'_, S>) {
    for capacity in [1, 4, 100] {
        for before in 0..30 {
            let (put, got) = raced(&make().bounded(capacity), before);
            assert_eq!(put, got, "capacity {capacity}, closed after {before}");
        }
    }
}

fn nothing_comes_after_it_was_closed_and_empty<S: QueueSource>(make: Make<'_, S>) {
    for _ in 0..50 {
        let queue = make().bounded(2);
        let start = Barrier::new(4);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                (0..).take_while(|n| patient_put(&queue, *n)).count()
            });
            for _ in 0..2 {
                scope.spawn(|| {
                    start.wait();
                    while patient_get(&queue).is_some() {}
                    // What one learns is so for all.
                    assert!(queue.try_get().unwrap_err().is_closed());
                    assert!(queue.is_closed() && queue.is_empty());
                });
            }
            start.wait();
            queue.close();
        });
    }
}

fn many_drain_a_closed_queue<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(1_000);
    (0..1_000).for_each(|n| queue.try_put(n).unwrap());
    queue.close();
    let mut got = thread::scope(|scope| {
        let drainer = || std::iter::from_fn(|| patient_get(&queue)).collect::<Vec<_>>();
        let drainers: Vec<_> = (0..4).map(|_| scope.spawn(drainer)).collect();
        drainers.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    got.sort_unstable();
    assert_eq!(got, (0..1_000).collect::<Vec<_>>());
}

//! Closing wakes whoever waits.

use super::scene::{a_moment, drained, item_of};
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::queue::{GetFailure, PutFailure};
use conc_core::{BlockingQueue, QueueCore};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

pub(super) fn laws<S: QueueSource<Queue: BlockingQueue>>() -> Vec<QueueLaw<S>> {
    let many_consumers = QueueNeeds::BLOCKING.and(QueueCapabilities::MANY_CONSUMERS);
    let bounded = QueueNeeds::BLOCKING.and(QueueCapabilities::BOUNDED);
    let many_producers = bounded.and(QueueCapabilities::MANY_PRODUCERS);
    vec![
        law!(closing_wakes_a_getter, QueueNeeds::BLOCKING),
        law!(closing_wakes_all_getters, many_consumers),
        law!(closing_wakes_a_putter_and_its_item_comes_back, bounded),
        law!(closing_wakes_all_putters, many_producers),
        law!(who_waits_is_not_passed_over_when_it_is_closed, many_consumers),
        law!(every_blocking_put_that_raced_with_close_is_got_or_comes_back, many_producers),
        law!(a_closed_queue_makes_nobody_wait, QueueNeeds::BLOCKING),
    ]
}

fn closing_wakes_a_getter<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    for round in 0..40 {
        let queue = make().bounded(1);
        thread::scope(|scope| {
            let getter = scope.spawn(|| match round % 4 {
                0 | 1 => queue.get(),
                _ => queue.get_timeout(LONG),
            });
            if round % 2 == 0 {
                a_moment();
            }
            queue.close();
            let error = getter.join().unwrap().unwrap_err();
            assert!(error.is_closed() && !error.is_empty(), "{error}");
        });
    }
}

fn closing_wakes_all_getters<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    for _ in 0..10 {
        let queue = make().bounded(1);
        let start = Barrier::new(7);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    start.wait();
                    assert!(queue.get().unwrap_err().is_closed());
                });
                scope.spawn(|| {
                    start.wait();
                    assert!(queue.get_timeout(LONG).unwrap_err().is_closed());
                });
            }
            start.wait();
            a_moment();
            queue.close();
        });
    }
}

fn closing_wakes_a_putter_and_its_item_comes_back<S: QueueSource<Queue: BlockingQueue>>(
    make: Make<'_, S>,
) {
    for round in 0..40 {
        let queue = make().bounded(1);
        queue.put(99).unwrap();
        thread::scope(|scope| {
            let putter = scope.spawn(|| match round % 4 {
                0 | 1 => queue.put(round),
                _ => queue.put_timeout(round, LONG),
            });
            if round % 2 == 0 {
                a_moment();
            }
            queue.close();
            let error = putter.join().unwrap().unwrap_err();
            assert!(error.is_closed() && !error.is_full(), "{error}");
            assert_eq!(error.into_item(), round);
        });
        assert_eq!(drained(&queue), [99]);
    }
}

fn closing_wakes_all_putters<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    for _ in 0..10 {
        let queue = make().bounded(1);
        queue.put(99).unwrap();
        let start = Barrier::new(6);
        thread::scope(|scope| {
            for n in 0..5 {
                let (queue, start) = (&queue, &start);
                scope.spawn(move || {
                    start.wait();
                    assert_eq!(queue.put(n).unwrap_err().into_item(), n);
                });
            }
            start.wait();
            a_moment();
            queue.close();
        });
        assert_eq!(drained(&queue), [99]);
    }
}

fn who_waits_is_not_passed_over_when_it_is_closed<S: QueueSource<Queue: BlockingQueue>>(
    make: Make<'_, S>,
) {
    for round in 0..30 {
        let queue = make().bounded(8);
        let got = thread::scope(|scope| {
            let getters: Vec<_> = (0..4).map(|_| scope.spawn(|| queue.get().ok())).collect();
            if round % 3 == 0 {
                a_moment();
            }
            (0..3).for_each(|n| queue.put(n).unwrap());
            queue.close();
            let got = getters.into_iter().map(|getter| getter.join().unwrap());
            let mut got: Vec<_> = got.collect();
            got.sort_unstable();
            got
        });
        assert_eq!(got, [None, Some(0), Some(1), Some(2)], "three items for four");
    }
}

fn every_blocking_put_that_raced_with_close_is_got_or_comes_back<
    S: QueueSource<Queue: BlockingQueue>,
>(
    make: Make<'_, S>,
) {
    for before in 0..60 {
        let queue = make().bounded(1 + before % 3);
        let start = Barrier::new(4);
        let (mut put, mut got) = thread::scope(|scope| {
            let producers: Vec<_> = (0..3)
                .map(|producer| {
                    let (queue, start) = (&queue, &start);
                    scope.spawn(move || {
                        start.wait();
                        let mut put = Vec::new();
                        for item in (0..).map(|n| item_of(producer, n)) {
                            match queue.put(item) {
                                Ok(()) => put.push(item),
                                Err(error) => {
                                    assert!(error.is_closed(), "{error}");
                                    assert_eq!(error.into_item(), item);
                                    break;
                                }
                            }
                        }
                        put
                    })
                })
                .collect();
            start.wait();
            let mut got: Vec<_> = (0..before).map(|_| queue.get().unwrap()).collect();
            queue.close();
            got.extend(std::iter::from_fn(|| queue.get().ok()));
            let put = producers.into_iter().flat_map(|producer| producer.join().unwrap());
            (put.collect::<Vec<_>>(), got)
        });
        put.sort_unstable();
        got.sort_unstable();
        assert_eq!(put, got, "closed after {before}");
    }
}

fn a_closed_queue_makes_nobody_wait<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    queue.put(1).unwrap();
    queue.close();
    assert_eq!(queue.put(2).unwrap_err().into_item(), 2);
    assert!(queue.put_timeout(3, LONG).unwrap_err().is_closed());
    assert_eq!(queue.get().unwrap(), 1);
    assert!(queue.get().unwrap_err().is_closed());
    assert!(queue.get_timeout(LONG).unwrap_err().is_closed());
}

//! Awaiting room.

use super::scene::{crowd_by, drained, driven, items_of, patient_get, wait_for_wake};
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use crate::laws::scene::{WakeCount, block_on, poll_once};
use conc_core::queue::PutFailure;
use conc_core::{AsyncQueue, QueueCore};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

pub(super) fn laws<S: QueueSource<Queue: AsyncQueue>>() -> Vec<QueueLaw<S>> {
    let bounded = QueueNeeds::ASYNC.and(QueueCapabilities::BOUNDED);
    let many = bounded.and(QueueCapabilities::MANY_PRODUCERS);
    vec![
        law!(an_awaited_put_with_room_is_done_at_once, QueueNeeds::ASYNC),
        law!(an_awaited_put_is_pending_until_there_is_room, bounded),
        law!(the_last_waker_of_a_put_counts, bounded),
        law!(a_put_that_is_not_polled_puts_nothing, QueueNeeds::ASYNC),
        law!(a_dropped_put_puts_nothing, bounded),
        law!(a_woken_put_that_is_dropped_puts_nothing, bounded),
        law!(a_dropped_put_takes_no_wake_up_along, many),
        law!(every_pending_put_gets_room, many),
        law!(closing_ends_pending_puts_and_their_items_come_back, many),
        law!(an_awaited_put_into_a_closed_queue_gives_the_item_back, QueueNeeds::ASYNC),
        law!(many_threads_await_room, many.and(QueueCapabilities::MANY_CONSUMERS)),
    ]
}

fn an_awaited_put_with_room_is_done_at_once<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    for n in 0..100 {
        let mut put = pin!(queue.put_async(n));
        let Poll::Ready(done) = poll_once(&mut put, &Arc::default()) else {
            panic!("there is room for {n}")
        };
        done.unwrap();
        assert_eq!(drained(&queue), [n]);
    }
}

fn an_awaited_put_is_pending_until_there_is_room<S: QueueSource<Queue: AsyncQueue>>(
    make: Make<'_, S>,
) {
    let queue = make().bounded(1);
    queue.try_put(0).unwrap();
    for n in 1..100 {
        let woken = Arc::new(WakeCount::default());
        let mut put = pin!(queue.put_async(n));
        assert!(poll_once(&mut put, &woken).is_pending());
        assert_eq!(queue.try_get().unwrap(), n - 1);
        wait_for_wake(&woken, 0);
        driven(put, &woken).unwrap();
    }
    assert_eq!(drained(&queue), [99]);
}

fn the_last_waker_of_a_put_counts<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    queue.try_put(0).unwrap();
    let [first, second] = [(); 2].map(|()| Arc::new(WakeCount::default()));
    let mut put = pin!(queue.put_async(1));
    assert!(poll_once(&mut put, &first).is_pending());
    assert!(poll_once(&mut put, &second).is_pending());
    let before = second.get();
    queue.try_get().unwrap();
    wait_for_wake(&second, before);
    driven(put, &second).unwrap();
    assert_eq!(drained(&queue), [1]);
}

fn a_put_that_is_not_polled_puts_nothing<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    drop(queue.put_async(1));
    let put = queue.put_async(2);
    assert!(queue.is_empty());
    block_on(put).unwrap();
    assert_eq!(drained(&queue), [2]);
}

fn a_dropped_put_puts_nothing<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    for n in 0..100 {
        queue.try_put(n).unwrap();
        {
            let mut put = pin!(queue.put_async(1_000));
            assert!(poll_once(&mut put, &Arc::default()).is_pending());
        }
        assert_eq!(drained(&queue), [n]);
    }
    assert!(queue.is_empty());
}

fn a_woken_put_that_is_dropped_puts_nothing<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    for n in 0..100 {
        queue.try_put(n).unwrap();
        {
            let woken = Arc::new(WakeCount::default());
            let mut put = pin!(queue.put_async(1_000));
            assert!(poll_once(&mut put, &woken).is_pending());
            assert_eq!(queue.try_get().unwrap(), n);
            wait_for_wake(&woken, 0);
        }
        // Neither the item nor a place that is kept for it.
        assert_eq!(queue.len(), 0);
        queue.try_put(n).unwrap();
        assert_eq!(drained(&queue), [n]);
    }
}

fn a_dropped_put_takes_no_wake_up_along<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    for dropped in [0, 1] {
        for first_woken in [false, true] {
            let queue = make().bounded(1);
            queue.try_put(9).unwrap();
            let woken = [(); 2].map(|()| Arc::new(WakeCount::default()));
            let mut puts = [0, 1].map(|n| Some(Box::pin(queue.put_async(n))));
            for (put, woken) in puts.iter_mut().zip(&woken) {
                assert!(poll_once(put.as_mut().unwrap(), woken).is_pending());
            }
            if first_woken {
                queue.try_get().unwrap();
                while woken.iter().all(|woken| woken.get() == 0) {
                    thread::yield_now();
                }
            }
            puts[dropped] = None;
            if !first_woken {
                queue.try_get().unwrap();
            }
            // Not polled until it is woken: the wake-up must have been passed on.
            let kept = 1 - dropped;
            wait_for_wake(&woken[kept], 0);
            driven(puts[kept].as_mut().unwrap().as_mut(), &woken[kept]).unwrap();
            assert_eq!(drained(&queue), [kept as u64]);
        }
    }
}

fn every_pending_put_gets_room<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(5);
    (0..5).for_each(|n| queue.try_put(n).unwrap());
    let mut puts: Vec<_> =
        (5..10).map(|n| (Box::pin(queue.put_async(n)), Arc::default())).collect();
    for (put, woken) in &mut puts {
        assert!(poll_once(put, woken).is_pending());
    }
    let mut got = drained(&queue);
    for (put, woken) in &mut puts {
        driven(put.as_mut(), woken).unwrap();
    }
    got.extend(drained(&queue));
    got.sort_unstable();
    assert_eq!(got, (0..10).collect::<Vec<_>>());
}

fn closing_ends_pending_puts_and_their_items_come_back<S: QueueSource<Queue: AsyncQueue>>(
    make: Make<'_, S>,
) {
    let queue = make().bounded(1);
    queue.try_put(9).unwrap();
    let mut puts: Vec<_> = (0..5).map(|n| (Box::pin(queue.put_async(n)), Arc::default())).collect();
    for (put, woken) in &mut puts {
        assert!(poll_once(put, woken).is_pending());
    }
    queue.close();
    for (n, (put, woken)) in (0..).zip(&mut puts) {
        wait_for_wake(woken, 0);
        let error = driven(put.as_mut(), woken).unwrap_err();
        assert!(error.is_closed(), "{error}");
        assert_eq!(error.into_item(), n);
    }
    assert_eq!(drained(&queue), [9]);
}

fn an_awaited_put_into_a_closed_queue_gives_the_item_back<S: QueueSource<Queue: AsyncQueue>>(
    make: Make<'_, S>,
) {
    let queue = make().bounded(1);
    queue.close();
    let error = block_on(queue.put_async(7)).unwrap_err();
    assert!(error.is_closed() && !error.is_full(), "{error}");
    assert_eq!(error.into_item(), 7);
}

fn many_threads_await_room<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    for capacity in [1, 8] {
        let queue = make().bounded(capacity);
        let put = |queue: &S::Queue, item| block_on(queue.put_async(item)).is_ok();
        let mut got = crowd_by(&queue, 3, 2, 1_000, put, patient_get).concat();
        got.sort_unstable();
        assert!(got == items_of(3, 1_000), "{} items", got.len());
    }
}

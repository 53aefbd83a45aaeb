//! Awaiting an item.

use super::scene::{crowd_by, drained, driven, items_of, patient_put, wait_for_wake};
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use crate::laws::scene::{WakeCount, block_on, poll_once};
use conc_core::queue::GetFailure;
use conc_core::{AsyncQueue, QueueCore};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

pub(super) fn laws<S: QueueSource<Queue: AsyncQueue>>() -> Vec<QueueLaw<S>> {
    let many = QueueNeeds::ASYNC.and(QueueCapabilities::MANY_CONSUMERS);
    vec![
        law!(an_awaited_item_that_is_there_comes_at_once, QueueNeeds::ASYNC),
        law!(an_awaited_get_is_pending_until_an_item_comes, QueueNeeds::ASYNC),
        law!(the_last_waker_of_a_get_counts, QueueNeeds::ASYNC),
        law!(a_get_that_is_not_polled_takes_nothing, QueueNeeds::ASYNC),
        law!(a_dropped_get_takes_nothing, QueueNeeds::ASYNC),
        law!(a_woken_get_that_is_dropped_takes_nothing, QueueNeeds::ASYNC),
        law!(a_dropped_get_takes_no_wake_up_along, many),
        law!(every_pending_get_gets_an_item, many),
        law!(closing_ends_pending_gets, many),
        law!(an_awaited_queue_is_drained_before_it_fails, QueueNeeds::ASYNC),
        law!(a_pending_get_may_move_to_another_thread, QueueNeeds::ASYNC),
        law!(many_threads_await_items, many.and(QueueCapabilities::MANY_PRODUCERS)),
    ]
}

fn an_awaited_item_that_is_there_comes_at_once<S: QueueSource<Queue: AsyncQueue>>(
    make: Make<'_, S>,
) {
    let queue = make().bounded(4);
    for n in 0..100 {
        queue.try_put(n).unwrap();
        let mut get = pin!(queue.get_async());
        let Poll::Ready(got) = poll_once(&mut get, &Arc::default()) else {
            panic!("item {n} is there")
        };
        assert_eq!(got.unwrap(), n);
    }
}

fn an_awaited_get_is_pending_until_an_item_comes<S: QueueSource<Queue: AsyncQueue>>(
    make: Make<'_, S>,
) {
    let queue = make().bounded(1);
    for n in 0..100 {
        let woken = Arc::new(WakeCount::default());
        let mut get = pin!(queue.get_async());
        assert!(poll_once(&mut get, &woken).is_pending());
        queue.try_put(n).unwrap();
        wait_for_wake(&woken, 0);
        assert_eq!(driven(get, &woken).unwrap(), n);
    }
}

fn the_last_waker_of_a_get_counts<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    let [first, second] = [(); 2].map(|()| Arc::new(WakeCount::default()));
    let mut get = pin!(queue.get_async());
    assert!(poll_once(&mut get, &first).is_pending());
    assert!(poll_once(&mut get, &second).is_pending());
    let before = second.get();
    queue.try_put(1).unwrap();
    wait_for_wake(&second, before);
    assert_eq!(driven(get, &second).unwrap(), 1);
}

fn a_get_that_is_not_polled_takes_nothing<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    queue.try_put(1).unwrap();
    drop(queue.get_async());
    let get = queue.get_async();
    assert_eq!(queue.try_get().unwrap(), 1);
    queue.try_put(2).unwrap();
    assert_eq!(block_on(get).unwrap(), 2);
}

fn a_dropped_get_takes_nothing<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    for n in 0..100 {
        {
            let mut get = pin!(queue.get_async());
            assert!(poll_once(&mut get, &Arc::default()).is_pending());
        }
        queue.try_put(n).unwrap();
        assert_eq!(drained(&queue), [n]);
    }
}

fn a_woken_get_that_is_dropped_takes_nothing<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    for n in 0..100 {
        {
            let woken = Arc::new(WakeCount::default());
            let mut get = pin!(queue.get_async());
            assert!(poll_once(&mut get, &woken).is_pending());
            queue.try_put(n).unwrap();
            wait_for_wake(&woken, 0);
        }
        assert_eq!(drained(&queue), [n]);
    }
}

fn a_dropped_get_takes_no_wake_up_along<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    for dropped in [0, 1] {
        for first_woken in [false, true] {
            let queue = make().bounded(2);
            let woken = [(); 2].map(|()| Arc::new(WakeCount::default()));
            let mut gets = [0, 1].map(|_| Some(Box::pin(queue.get_async())));
            for (get, woken) in gets.iter_mut().zip(&woken) {
                assert!(poll_once(get.as_mut().unwrap(), woken).is_pending());
            }
            if first_woken {
                queue.try_put(5).unwrap();
                while woken.iter().all(|woken| woken.get() == 0) {
                    thread::yield_now();
                }
            }
            gets[dropped] = None;
            if !first_woken {
                queue.try_put(5).unwrap();
            }
            // Not polled until it is woken: the wake-up must have been passed on.
            let kept = 1 - dropped;
            wait_for_wake(&woken[kept], 0);
            assert_eq!(driven(gets[kept].as_mut().unwrap().as_mut(), &woken[kept]).unwrap(), 5);
        }
    }
}

fn every_pending_get_gets_an_item<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(10);
    let mut gets: Vec<_> = (0..10).map(|_| (Box::pin(queue.get_async()), Arc::default())).collect();
    for (get, woken) in &mut gets {
        assert!(poll_once(get, woken).is_pending());
    }
    (0..10).for_each(|n| queue.try_put(n).unwrap());
    let got = gets.iter_mut().map(|(get, woken)| driven(get.as_mut(), woken).unwrap());
    let mut got: Vec<_> = got.collect();
    got.sort_unstable();
    assert_eq!(got, (0..10).collect::<Vec<_>>());
}

fn closing_ends_pending_gets<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    let mut gets: Vec<_> = (0..5).map(|_| (Box::pin(queue.get_async()), Arc::default())).collect();
    for (get, woken) in &mut gets {
        assert!(poll_once(get, woken).is_pending());
    }
    queue.close();
    for (get, woken) in &mut gets {
        wait_for_wake(woken, 0);
        assert!(driven(get.as_mut(), woken).unwrap_err().is_closed());
    }
}

fn an_awaited_queue_is_drained_before_it_fails<S: QueueSource<Queue: AsyncQueue>>(
    make: Make<'_, S>,
) {
    let queue = make().bounded(3);
    (0..3).for_each(|n| queue.try_put(n).unwrap());
    queue.close();
    block_on(async {
        for _ in 0..3 {
            queue.get_async().await.unwrap();
        }
        assert!(queue.get_async().await.unwrap_err().is_closed());
        assert!(queue.get_async().await.unwrap_err().is_closed());
    });
}

fn a_pending_get_may_move_to_another_thread<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    for n in 0..20 {
        let mut get = Box::pin(queue.get_async());
        assert!(poll_once(&mut get, &Arc::default()).is_pending());
        thread::scope(|scope| {
            let elsewhere = scope.spawn(|| block_on(get).unwrap());
            queue.try_put(n).unwrap();
            assert_eq!(elsewhere.join().unwrap(), n);
        });
    }
}

fn many_threads_await_items<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    for capacity in [1, 8] {
        let queue = make().bounded(capacity);
        let get = |queue: &S::Queue| block_on(queue.get_async()).ok();
        let mut got = crowd_by(&queue, 2, 3, 1_000, patient_put, get).concat();
        got.sort_unstable();
        assert!(got == items_of(2, 1_000), "{} items", got.len());
    }
}

//! Futures that come, go and are dropped, many at once.

use super::scene::{crowd_by, driven, in_order, item_of, items_of};
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
    let crowds = QueueNeeds::ASYNC.and(QueueCapabilities::CROWDS);
    let fifo = crowds.and(QueueCapabilities::FIFO);
    vec![
        law!(every_item_comes_out_once_where_all_await, crowds),
        law!(the_order_is_kept_where_all_await, fifo),
        law!(futures_that_are_dropped_at_any_moment_lose_nothing, crowds),
    ]
}

fn awaited_put<Q: AsyncQueue<Item = u64>>(queue: &Q, item: u64) -> bool {
    block_on(queue.put_async(item)).is_ok()
}

fn awaited_get<Q: AsyncQueue<Item = u64>>(queue: &Q) -> Option<u64> {
    block_on(queue.get_async()).ok()
}

fn every_item_comes_out_once_where_all_await<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    for (capacity, producers, consumers) in [(1, 1, 1), (2, 3, 3), (30, 2, 2)] {
        let queue = make().bounded(capacity);
        let mut got =
            crowd_by(&queue, producers, consumers, 700, awaited_put, awaited_get).concat();
        got.sort_unstable();
        assert!(got == items_of(producers, 700), "{} items", got.len());
    }
}

fn the_order_is_kept_where_all_await<S: QueueSource<Queue: AsyncQueue>>(make: Make<'_, S>) {
    for capacity in [1, 4] {
        let got = crowd_by(&make().bounded(capacity), 3, 2, 700, awaited_put, awaited_get);
        assert!(got.iter().all(|got| in_order(got)), "capacity {capacity}");
    }
}

/// Puts some items to the end and gives others up; those that went in.
fn fickle_put<Q: AsyncQueue<Item = u64>>(queue: &Q, producer: u64) -> Vec<u64> {
    let went_in = |item: &u64| {
        let woken = Arc::new(WakeCount::default());
        let mut put = pin!(queue.put_async(*item));
        match (poll_once(&mut put, &woken), item % 3) {
            (Poll::Ready(done), _) => done.is_ok(),
            (Poll::Pending, 0) => false,
            (Poll::Pending, _) => driven(put, &woken).is_ok(),
        }
    };
    (0..1_000).map(|n| item_of(producer, n)).filter(went_in).collect()
}

/// Gets items, and gives up now and then, until the queue is closed.
fn fickle_get<Q: AsyncQueue<Item = u64>>(queue: &Q) -> Vec<u64> {
    let mut got = Vec::new();
    for round in 0_u64.. {
        let woken = Arc::new(WakeCount::default());
        let mut get = pin!(queue.get_async());
        let item = match (poll_once(&mut get, &woken), round % 2) {
            (Poll::Ready(item), _) => item,
            (Poll::Pending, 0) => continue,
            (Poll::Pending, _) => driven(get, &woken),
        };
        match item {
            Ok(item) => got.push(item),
            Err(error) => {
                assert!(error.is_closed(), "{error}");
                break;
            }
        }
    }
    got
}

fn futures_that_are_dropped_at_any_moment_lose_nothing<S: QueueSource<Queue: AsyncQueue>>(
    make: Make<'_, S>,
) {
    for capacity in [1, 3] {
        let queue = make().bounded(capacity);
        let (mut put, mut got) = thread::scope(|scope| {
            let queue = &queue;
            let getters = [(); 2].map(|()| scope.spawn(|| fickle_get(queue)));
            let putters = [0, 1].map(|producer| scope.spawn(move || fickle_put(queue, producer)));
            let put = putters.map(|putter| putter.join().unwrap()).concat();
            queue.close();
            (put, getters.map(|getter| getter.join().unwrap()).concat())
        });
        put.sort_unstable();
        got.sort_unstable();
        assert!(put.len() >= 2 * 666, "only {} went in", put.len());
        assert!(put == got, "{} went in, {} came out", put.len(), got.len());
    }
}

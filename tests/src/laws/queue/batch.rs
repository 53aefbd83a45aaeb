//! Many at once.

use super::scene::{a_moment, drained, in_order, item_of, items_of};
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::queue::{GetFailure, PutFailure};
use conc_core::{BlockingQueue, QueueCore};
use std::thread;

pub(super) fn laws<S: QueueSource<Queue: BlockingQueue>>() -> Vec<QueueLaw<S>> {
    let fifo = QueueNeeds::BLOCKING.and(QueueCapabilities::FIFO);
    let bounded = QueueNeeds::BLOCKING.and(QueueCapabilities::BOUNDED);
    vec![
        law!(a_batch_goes_in_and_comes_out_in_order, fifo),
        law!(a_batch_may_be_larger_than_the_queue, bounded),
        law!(a_batch_that_is_refused_comes_back, QueueNeeds::BLOCKING),
        law!(a_batch_that_is_closed_midway_is_accounted_for, bounded),
        law!(getting_many_takes_what_is_there_and_no_more_than_asked, QueueNeeds::BLOCKING),
        law!(getting_many_waits_for_the_first_only, QueueNeeds::BLOCKING),
        law!(getting_none_does_not_wait, QueueNeeds::BLOCKING),
        law!(getting_many_adds_to_what_is_there, QueueNeeds::BLOCKING),
        law!(getting_many_drains_a_closed_queue, QueueNeeds::BLOCKING),
        law!(
            batches_of_many_lose_nothing_and_keep_their_order,
            fifo.and(QueueCapabilities::CROWDS)
        ),
    ]
}

fn a_batch_goes_in_and_comes_out_in_order<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(100);
    queue.put_many(0..50).unwrap();
    queue.put_many([]).unwrap();
    queue.put_many(50..100).unwrap();
    let mut got = Vec::new();
    assert_eq!(queue.get_many(30, &mut got).unwrap(), 30);
    got.extend(drained(&queue));
    assert_eq!(got, (0..100).collect::<Vec<_>>());
}

fn a_batch_may_be_larger_than_the_queue<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    for capacity in [1, 3, 10] {
        let queue = make().bounded(capacity);
        thread::scope(|scope| {
            let putter = scope.spawn(|| queue.put_many(0..100).unwrap());
            a_moment();
            assert!(!putter.is_finished() && queue.len() <= capacity);
            let mut got: Vec<_> = (0..100).map(|_| queue.get().unwrap()).collect();
            got.sort_unstable();
            assert_eq!(got, (0..100).collect::<Vec<_>>());
        });
    }
}

fn a_batch_that_is_refused_comes_back<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(10);
    queue.close();
    let failed = queue.put_many(5..9).unwrap_err();
    assert!(failed.error.is_closed());
    assert_eq!((failed.accepted, failed.error.into_item()), (0, 5));
    assert_eq!(failed.rest.collect::<Vec<_>>(), [6, 7, 8]);
    queue.put_many([]).unwrap();
}

fn a_batch_that_is_closed_midway_is_accounted_for<S: QueueSource<Queue: BlockingQueue>>(
    make: Make<'_, S>,
) {
    for before in 0..30 {
        let queue = make().bounded(4);
        thread::scope(|scope| {
            let putter = scope.spawn(|| queue.put_many(0..1_000).unwrap_err());
            let mut all: Vec<_> = (0..before).map(|_| queue.get().unwrap()).collect();
            queue.close();
            all.extend(std::iter::from_fn(|| queue.get().ok()));
            let failed = putter.join().unwrap();
            assert_eq!(failed.accepted, all.len());
            all.push(failed.error.into_item());
            all.extend(failed.rest);
            all.sort_unstable();
            assert_eq!(all, (0..1_000).collect::<Vec<_>>());
        });
    }
}

fn getting_many_takes_what_is_there_and_no_more_than_asked<S: QueueSource<Queue: BlockingQueue>>(
    make: Make<'_, S>,
) {
    let queue = make().bounded(10);
    for (inside, asked) in [(1, 1), (1, 10), (5, 3), (10, 10), (10, 1_000), (10, usize::MAX)] {
        (0..inside).for_each(|n| queue.put(n as u64).unwrap());
        let mut got = Vec::new();
        let count = queue.get_many(asked, &mut got).unwrap();
        assert_eq!((count, got.len()), (inside.min(asked), inside.min(asked)));
        assert_eq!(drained(&queue).len(), inside - count);
    }
}

fn getting_many_waits_for_the_first_only<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(10);
    for n in 0..20 {
        thread::scope(|scope| {
            let getter = scope.spawn(|| {
                let mut got = Vec::new();
                queue.get_many(10, &mut got).unwrap();
                got
            });
            a_moment();
            assert!(!getter.is_finished(), "there is nothing to get");
            queue.put(n).unwrap();
            assert_eq!(getter.join().unwrap(), [n]);
        });
    }
}

fn getting_none_does_not_wait<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    let mut got = Vec::new();
    assert_eq!(queue.get_many(0, &mut got).unwrap(), 0);
    queue.put(1).unwrap();
    assert_eq!(queue.get_many(0, &mut got).unwrap(), 0);
    assert_eq!((got.len(), queue.len()), (0, 1));
}

fn getting_many_adds_to_what_is_there<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(4);
    let mut got = vec![7, 7];
    queue.put(1).unwrap();
    assert_eq!(queue.get_many(4, &mut got).unwrap(), 1);
    assert_eq!(got, [7, 7, 1]);
}

fn getting_many_drains_a_closed_queue<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(10);
    queue.put_many(0..5).unwrap();
    queue.close();
    let mut got = Vec::new();
    while let Ok(count) = queue.get_many(2, &mut got) {
        assert!((1..=2).contains(&count), "{count}");
    }
    got.sort_unstable();
    assert_eq!(got, (0..5).collect::<Vec<_>>());
    assert!(queue.get_many(2, &mut got).unwrap_err().is_closed());
    assert_eq!(got.len(), 5);
}

fn batches_of_many_lose_nothing_and_keep_their_order<S: QueueSource<Queue: BlockingQueue>>(
    make: Make<'_, S>,
) {
    for capacity in [1, 7, 50] {
        let queue = make().bounded(capacity);
        let got = thread::scope(|scope| {
            let queue = &queue;
            let getter = || {
                let mut got = Vec::new();
                while queue.get_many(5, &mut got).is_ok() {}
                got
            };
            let getters: Vec<_> = (0..2).map(|_| scope.spawn(getter)).collect();
            thread::scope(|scope| {
                for producer in 0..3 {
                    scope.spawn(move || {
                        for n in (0..1_000).step_by(20) {
                            let batch = (n..n + 20).map(|n| item_of(producer, n));
                            queue.put_many(batch).unwrap();
                        }
                    });
                }
            });
            queue.close();
            getters.into_iter().map(|getter| getter.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(got.iter().all(|got| in_order(got)), "capacity {capacity}");
        let mut got = got.concat();
        got.sort_unstable();
        assert!(got == items_of(3, 1_000), "{} items", got.len());
    }
}

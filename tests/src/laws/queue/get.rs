//! Waiting for an item.

use super::scene::{a_moment, crowd_of_blocking, in_order, items_of};
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::{BlockingQueue, QueueCore};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

pub(super) fn laws<S: QueueSource<Queue: BlockingQueue>>() -> Vec<QueueLaw<S>> {
    let crowds = QueueNeeds::BLOCKING.and(QueueCapabilities::CROWDS);
    let fifo = crowds.and(QueueCapabilities::FIFO);
    let many_consumers = QueueNeeds::BLOCKING.and(QueueCapabilities::MANY_CONSUMERS);
    vec![
        law!(get_waits_until_there_is_an_item, QueueNeeds::BLOCKING),
        law!(get_takes_what_is_there_at_once, QueueNeeds::BLOCKING),
        law!(a_bounded_get_is_woken_by_an_item, QueueNeeds::BLOCKING),
        law!(every_sleeper_gets_an_item, many_consumers),
        law!(what_never_waits_wakes_who_waits, many_consumers),
        law!(one_item_wakes_one_and_the_next_another, many_consumers),
        law!(two_threads_play_ping_pong, QueueNeeds::BLOCKING),
        law!(every_item_comes_out_once_where_all_wait, crowds),
        law!(the_order_is_kept_where_all_wait, fifo),
    ]
}

fn get_waits_until_there_is_an_item<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(4);
    for n in 0..20 {
        thread::scope(|scope| {
            let getter = scope.spawn(|| queue.get().unwrap());
            a_moment();
            assert!(!getter.is_finished(), "there is nothing to get");
            queue.put(n).unwrap();
            assert_eq!(getter.join().unwrap(), n);
        });
    }
    assert!(queue.is_empty());
}

fn get_takes_what_is_there_at_once<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    for n in 0..100 {
        queue.put(n).unwrap();
        assert_eq!(queue.get().unwrap(), n);
        queue.try_put(n).unwrap();
        assert_eq!(queue.get_timeout(Duration::ZERO).unwrap(), n);
    }
}

fn a_bounded_get_is_woken_by_an_item<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    for n in 0..20 {
        thread::scope(|scope| {
            // The watchdog would bark before this is over.
            let getter = scope.spawn(|| queue.get_timeout(Duration::from_secs(3600)).unwrap());
            if n % 2 == 0 {
                a_moment();
            }
            queue.put(n).unwrap();
            assert_eq!(getter.join().unwrap(), n);
        });
    }
}

/// Several threads sleep in `get`, then `put` is called for each of them.
fn all_get<Q: BlockingQueue<Item = u64> + Sync>(queue: &Q, put: impl Fn(u64)) {
    const SLEEPERS: u64 = 6;
    for _ in 0..10 {
        let start = Barrier::new(SLEEPERS as usize + 1);
        let mut got = thread::scope(|scope| {
            let sleeper = || {
                start.wait();
                queue.get().ok()
            };
            let sleepers: Vec<_> = (0..SLEEPERS).map(|_| scope.spawn(sleeper)).collect();
            start.wait();
            a_moment();
            (0..SLEEPERS).for_each(&put);
            let got = sleepers.into_iter().map(|sleeper| sleeper.join().unwrap());
            got.collect::<Vec<_>>()
        });
        got.sort_unstable();
        assert_eq!(got, (0..SLEEPERS).map(Some).collect::<Vec<_>>());
    }
}

fn every_sleeper_gets_an_item<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    for capacity in [1, 10] {
        let queue = make().bounded(capacity);
        all_get(&queue, |n| queue.put(n).unwrap());
    }
}

fn what_never_waits_wakes_who_waits<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(10);
    all_get(&queue, |n| queue.try_put(n).unwrap());
}

fn one_item_wakes_one_and_the_next_another<S: QueueSource<Queue: BlockingQueue>>(
    make: Make<'_, S>,
) {
    let queue = make().bounded(2);
    thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        for _ in 0..4 {
            let (tell, queue) = (tell.clone(), &queue);
            scope.spawn(move || tell.send(queue.get().ok()).unwrap());
        }
        for n in 0..4 {
            a_moment();
            assert!(told.try_recv().is_err(), "nobody gets what was not put");
            queue.put(n).unwrap();
            assert_eq!(told.recv().unwrap(), Some(n));
        }
    });
}

fn two_threads_play_ping_pong<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    let (ping, pong) = (make().bounded(1), make().bounded(1));
    thread::scope(|scope| {
        scope.spawn(|| {
            while let Ok(n) = ping.get() {
                pong.put(n + 1).unwrap();
            }
        });
        for n in 0..1_000 {
            ping.put(n).unwrap();
            assert_eq!(pong.get().unwrap(), n + 1);
        }
        ping.close();
    });
}

fn every_item_comes_out_once_where_all_wait<S: QueueSource<Queue: BlockingQueue>>(
    make: Make<'_, S>,
) {
    for (capacity, producers, consumers) in [(1, 1, 1), (1, 3, 3), (3, 4, 2), (64, 2, 4)] {
        let mut got =
            crowd_of_blocking(&make().bounded(capacity), producers, consumers, 1_000).concat();
        got.sort_unstable();
        assert!(got == items_of(producers, 1_000), "{} items", got.len());
    }
}

fn the_order_is_kept_where_all_wait<S: QueueSource<Queue: BlockingQueue>>(make: Make<'_, S>) {
    for capacity in [1, 5] {
        let got = crowd_of_blocking(&make().bounded(capacity), 3, 2, 1_000);
        assert!(got.iter().all(|got| in_order(got)), "capacity {capacity}");
    }
}

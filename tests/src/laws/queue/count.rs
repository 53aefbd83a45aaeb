//! Nothing lost, nothing twice.

use super::scene::{crowd, drained, items_of, patient_get, patient_put};
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::QueueCore;
use std::thread;

pub(super) fn laws<S: QueueSource>() -> Vec<QueueLaw<S>> {
    vec![
        law!(every_item_comes_out_once, QueueNeeds::CROWDS),
        law!(every_item_of_one_producer_is_got_by_one_of_many, QueueNeeds::CONSUMERS),
        law!(
            every_item_comes_out_once_without_a_limit,
            QueueNeeds::CROWDS.and(QueueCapabilities::UNBOUNDED)
        ),
        law!(values_come_back_whole, QueueNeeds::NOTHING),
        law!(queues_do_not_mix_their_items, QueueNeeds::NOTHING),
        law!(items_go_through_a_chain_of_queues, QueueNeeds::NOTHING),
        law!(queues_come_and_go, QueueNeeds::NOTHING),
    ]
}

fn assert_once(got: Vec<Vec<u64>>, producers: u64, items: u64) {
    let mut got = got.concat();
    got.sort_unstable();
    assert!(got == items_of(producers, items), "{} of {}", got.len(), producers * items);
}

fn every_item_comes_out_once<S: QueueSource>(make: Make<'_, S>) {
    for (capacity, producers, consumers) in
        [(1, 2, 2), (2, 4, 4), (7, 1, 4), (7, 4, 1), (1_000, 3, 3)]
    {
        let queue = make().bounded(capacity);
        assert_once(crowd(&queue, producers, consumers, 1_500), producers, 1_500);
    }
}

fn every_item_of_one_producer_is_got_by_one_of_many<S: QueueSource>(make: Make<'_, S>) {
    for capacity in [1, 16] {
        assert_once(crowd(&make().bounded(capacity), 1, 4, 3_000), 1, 3_000);
    }
}

fn every_item_comes_out_once_without_a_limit<S: QueueSource>(make: Make<'_, S>) {
    assert_once(crowd(&make().unbounded(), 4, 4, 3_000), 4, 3_000);
}

fn values_come_back_whole<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    let values = [0, 1, 0xff, 0x0102_0304_0506_0708, u64::MAX >> 1, u64::MAX];
    for value in values.into_iter().chain((0..64).map(|bit| 1 << bit)) {
        queue.try_put(value).unwrap();
        assert_eq!(queue.try_get().unwrap(), value);
    }
}

fn queues_do_not_mix_their_items<S: QueueSource>(make: Make<'_, S>) {
    let source = make();
    let queues = [source.bounded(10), source.bounded(10), make().bounded(10)];
    for n in 0..10 {
        for (queue, base) in queues.iter().zip([0, 100, 200]) {
            queue.try_put(base + n).unwrap();
        }
    }
    queues[1].close();
    for (queue, base) in queues.iter().zip([0, 100, 200]) {
        assert_eq!(queue.is_closed(), base == 100);
        let mut got = drained(queue);
        got.sort_unstable();
        assert_eq!(got, (base..base + 10).collect::<Vec<_>>());
    }
}

fn items_go_through_a_chain_of_queues<S: QueueSource>(make: Make<'_, S>) {
    let queues: Vec<_> = (0..4).map(|_| make().bounded(3)).collect();
    let got = thread::scope(|scope| {
        for pair in queues.windows(2) {
            scope.spawn(|| {
                while let Some(item) = patient_get(&pair[0]) {
                    assert!(patient_put(&pair[1], item + 1));
                }
                pair[1].close();
            });
        }
        scope.spawn(|| {
            (0..1_000).for_each(|n| assert!(patient_put(&queues[0], n)));
            queues[0].close();
        });
        std::iter::from_fn(|| patient_get(&queues[3])).collect::<Vec<_>>()
    });
    let mut got = got;
    got.sort_unstable();
    assert_eq!(got, (3..1_003).collect::<Vec<_>>());
}

fn queues_come_and_go<S: QueueSource>(make: Make<'_, S>) {
    let source = make();
    for n in 0..200 {
        drop(source.bounded(4));
        let queue = source.bounded(4);
        queue.try_put(n).unwrap();
        let other = source.bounded(4);
        assert!(other.try_get().is_err(), "a new queue is empty");
        queue.try_put(n + 1).unwrap();
        drop(other);
        assert_eq!(queue.len(), 2);
    }
}

//! First in, first out.

use super::scene::{crowd, drained, in_order, items_of, patient_put};
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::QueueCore;

pub(super) fn laws<S: QueueSource>() -> Vec<QueueLaw<S>> {
    let many_producers = QueueNeeds::FIFO.and(QueueCapabilities::MANY_PRODUCERS);
    let bounded = QueueNeeds::FIFO.and(QueueCapabilities::BOUNDED);
    vec![
        law!(what_is_put_comes_out_in_order, QueueNeeds::FIFO),
        law!(the_order_survives_many_laps, bounded),
        law!(one_producer_and_one_consumer_keep_the_order, QueueNeeds::FIFO),
        law!(items_of_each_producer_keep_their_order, many_producers),
        law!(
            each_consumer_sees_each_producer_in_order,
            QueueNeeds::FIFO.and(QueueCapabilities::CROWDS)
        ),
        law!(what_one_thread_put_before_another_comes_out_before, many_producers),
    ]
}

fn what_is_put_comes_out_in_order<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(100);
    (0..100).for_each(|n| queue.try_put(n).unwrap());
    assert_eq!(drained(&queue), (0..100).collect::<Vec<_>>());
}

fn the_order_survives_many_laps<S: QueueSource>(make: Make<'_, S>) {
    for capacity in [1, 2, 3, 5, 8] {
        let queue = make().bounded(capacity);
        let (mut put, mut got) = (0, 0);
        for lap in 0..500 {
            // Fills it to another degree in each lap.
            for _ in 0..lap % capacity + 1 {
                put += u64::from(queue.try_put(put).is_ok());
            }
            for _ in 0..(lap * 7) % capacity + 1 {
                if let Ok(item) = queue.try_get() {
                    assert_eq!(item, got, "capacity {capacity}, lap {lap}");
                    got += 1;
                }
            }
        }
        assert!(got >= 400, "only {got} items went through");
        assert_eq!(drained(&queue), (got..put).collect::<Vec<_>>());
    }
}

fn one_producer_and_one_consumer_keep_the_order<S: QueueSource>(make: Make<'_, S>) {
    for capacity in [1, 2, 64] {
        assert_eq!(crowd(&make().bounded(capacity), 1, 1, 5_000), [items_of(1, 5_000)]);
    }
}

fn items_of_each_producer_keep_their_order<S: QueueSource>(make: Make<'_, S>) {
    for capacity in [1, 3, 64] {
        let got = crowd(&make().bounded(capacity), 3, 1, 2_000);
        assert_eq!(got[0].len(), 6_000);
        assert!(in_order(&got[0]), "capacity {capacity}");
    }
}

fn each_consumer_sees_each_producer_in_order<S: QueueSource>(make: Make<'_, S>) {
    for capacity in [1, 3, 64] {
        let got = crowd(&make().bounded(capacity), 3, 3, 2_000);
        assert!(got.iter().all(|got| in_order(got)), "capacity {capacity}");
    }
}

fn what_one_thread_put_before_another_comes_out_before<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(20);
    // One after the other, so that there is an order although there are several producers.
    for n in 0..20 {
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(patient_put(&queue, n)));
        });
    }
    assert_eq!(drained(&queue), (0..20).collect::<Vec<_>>());
}

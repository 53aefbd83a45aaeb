//! So many items, and not one more.

use super::scene::{drained, patient_get, patient_put};
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::QueueCore;
use conc_core::queue::PutFailure;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub(super) fn laws<S: QueueSource>() -> Vec<QueueLaw<S>> {
    let many_producers = QueueNeeds::BOUNDED.and(QueueCapabilities::MANY_PRODUCERS);
    vec![
        law!(it_holds_as_many_items_as_it_says, QueueNeeds::BOUNDED),
        law!(getting_one_makes_room_for_one, QueueNeeds::BOUNDED),
        law!(many_producers_fill_it_exactly, many_producers),
        law!(its_length_never_exceeds_its_capacity, QueueNeeds::BOUNDED),
        law!(a_queue_without_a_limit_is_never_full, QueueNeeds::UNBOUNDED),
        law!(its_length_is_what_is_inside, QueueNeeds::NOTHING),
    ]
}

fn it_holds_as_many_items_as_it_says<S: QueueSource>(make: Make<'_, S>) {
    for capacity in [1, 2, 3, 4, 7, 8, 63, 64, 65, 1_000] {
        let queue = make().bounded(capacity);
        assert_eq!(queue.capacity(), Some(capacity));
        for n in 0..capacity {
            assert!(!queue.is_full(), "{n} of {capacity}");
            queue.try_put(n as u64).unwrap();
        }
        assert!(queue.is_full());
        assert!(queue.try_put(0).unwrap_err().is_full());
        assert_eq!((queue.len(), drained(&queue).len()), (capacity, capacity));
    }
}

fn getting_one_makes_room_for_one<S: QueueSource>(make: Make<'_, S>) {
    for capacity in [1, 2, 5] {
        let queue = make().bounded(capacity);
        (0..capacity).for_each(|n| queue.try_put(n as u64).unwrap());
        for n in 0..50 {
            assert!(queue.try_put(n).unwrap_err().is_full());
            queue.try_get().unwrap();
            queue.try_put(n).unwrap();
        }
        assert_eq!(queue.len(), capacity);
    }
}

fn many_producers_fill_it_exactly<S: QueueSource>(make: Make<'_, S>) {
    for capacity in [1, 2, 7, 100] {
        for _ in 0..20 {
            let queue = make().bounded(capacity);
            let start = Barrier::new(4);
            let put = thread::scope(|scope| {
                let producer = || {
                    start.wait();
                    (0..capacity as u64).filter(|n| queue.try_put(*n).is_ok()).count()
                };
                let producers: Vec<_> = (0..4).map(|_| scope.spawn(producer)).collect();
                producers.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
            });
            assert_eq!((put, queue.len(), drained(&queue).len()), (capacity, capacity, capacity));
        }
    }
}

fn its_length_never_exceeds_its_capacity<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(3);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            (0..5_000).for_each(|n| assert!(patient_put(&queue, n)));
            over.store(true, Ordering::SeqCst);
            queue.close();
        });
        scope.spawn(|| while patient_get(&queue).is_some() {});
        while !over.load(Ordering::SeqCst) {
            let length = queue.len();
            assert!(length <= 3, "{length}");
        }
    });
    assert!(queue.is_empty());
}

fn a_queue_without_a_limit_is_never_full<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().unbounded();
    assert_eq!(queue.capacity(), None);
    for n in 0..20_000 {
        assert!(!queue.is_full());
        queue.try_put(n).unwrap();
    }
    assert_eq!((queue.len(), drained(&queue).len()), (20_000, 20_000));
}

fn its_length_is_what_is_inside<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(10);
    for length in 0..10 {
        assert_eq!((queue.len(), queue.is_empty()), (length, length == 0));
        queue.try_put(0).unwrap();
    }
    queue.close();
    for length in (0..10).rev() {
        queue.try_get().unwrap();
        assert_eq!((queue.len(), queue.is_empty()), (length, length == 0));
    }
}

//! The end of all work.

use super::scene::a_moment;
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::{BlockingQueue, JoinableQueue, QueueCore};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub(super) fn laws<S: QueueSource<Queue: JoinableQueue>>() -> Vec<QueueLaw<S>> {
    let many_consumers = QueueNeeds::JOINABLE.and(QueueCapabilities::MANY_CONSUMERS);
    vec![
        law!(joining_a_new_queue_returns_at_once, QueueNeeds::JOINABLE),
        law!(join_returns_when_and_only_when_all_is_done, QueueNeeds::JOINABLE),
        law!(getting_an_item_is_not_doing_it, QueueNeeds::JOINABLE),
        law!(done_too_often_is_an_error, QueueNeeds::JOINABLE),
        law!(
            a_refused_item_is_not_to_be_done,
            QueueNeeds::JOINABLE.and(QueueCapabilities::BOUNDED)
        ),
        law!(every_way_to_put_counts, QueueNeeds::JOINABLE),
        law!(a_bounded_join_is_never_early, QueueNeeds::JOINABLE),
        law!(joining_a_closed_queue_waits_for_what_is_left, QueueNeeds::JOINABLE),
        law!(all_who_join_are_woken, QueueNeeds::JOINABLE),
        law!(a_queue_may_be_joined_again, QueueNeeds::JOINABLE),
        law!(the_last_of_many_workers_ends_the_join, many_consumers),
        law!(only_as_many_as_were_put_are_done_by_many, many_consumers),
    ]
}

fn joining_a_new_queue_returns_at_once<S: QueueSource<Queue: JoinableQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    assert_eq!(queue.unfinished(), 0);
    queue.join().unwrap();
    assert!(queue.join_timeout(Duration::ZERO).unwrap());
    assert!(queue.join_deadline(Instant::now() - Duration::from_secs(1)).unwrap());
    queue.close();
    queue.join().unwrap();
}

fn join_returns_when_and_only_when_all_is_done<S: QueueSource<Queue: JoinableQueue>>(
    make: Make<'_, S>,
) {
    for _ in 0..20 {
        let queue = make().bounded(4);
        queue.put_many([1, 2, 3]).unwrap();
        let done = AtomicU64::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                queue.join().unwrap();
                assert_eq!(done.load(Ordering::SeqCst), 3);
            });
            for left in (0..3).rev() {
                queue.get().unwrap();
                assert!(!queue.join_timeout(Duration::from_micros(100)).unwrap());
                done.fetch_add(1, Ordering::SeqCst);
                queue.task_done().unwrap();
                assert_eq!(queue.unfinished(), left);
            }
        });
    }
}

fn getting_an_item_is_not_doing_it<S: QueueSource<Queue: JoinableQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(4);
    queue.put_many([1, 2]).unwrap();
    assert_eq!(queue.unfinished(), 2);
    queue.get().unwrap();
    queue.try_get().unwrap();
    assert_eq!((queue.len(), queue.unfinished()), (0, 2));
    assert!(!queue.join_timeout(Duration::ZERO).unwrap());
    queue.task_done().unwrap();
    assert!(!queue.join_timeout(Duration::ZERO).unwrap());
    queue.task_done().unwrap();
    queue.join().unwrap();
}

fn done_too_often_is_an_error<S: QueueSource<Queue: JoinableQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(4);
    assert!(queue.task_done().is_err(), "nothing was put");
    queue.put(1).unwrap();
    queue.get().unwrap();
    queue.task_done().unwrap();
    for _ in 0..3 {
        assert!(queue.task_done().is_err());
        assert_eq!(queue.unfinished(), 0);
    }
    // What failed is not owed.
    queue.put(2).unwrap();
    assert_eq!(queue.unfinished(), 1);
    assert!(!queue.join_timeout(Duration::ZERO).unwrap());
}

fn a_refused_item_is_not_to_be_done<S: QueueSource<Queue: JoinableQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    queue.put(1).unwrap();
    assert!(queue.try_put(2).is_err());
    assert!(queue.put_timeout(3, Duration::from_micros(50)).is_err());
    queue.close();
    assert!(queue.put(4).is_err() && queue.put_many([5, 6]).is_err());
    assert_eq!(queue.unfinished(), 1);
    queue.get().unwrap();
    queue.task_done().unwrap();
    queue.join().unwrap();
    assert!(queue.task_done().is_err());
}

fn every_way_to_put_counts<S: QueueSource<Queue: JoinableQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(10);
    queue.try_put(1).unwrap();
    queue.put(2).unwrap();
    queue.put_timeout(3, Duration::ZERO).unwrap();
    queue.put_deadline(4, Instant::now()).unwrap();
    queue.put_many([5, 6]).unwrap();
    assert_eq!(queue.unfinished(), 6);
    let mut got = Vec::new();
    while got.len() < 6 {
        queue.get_many(4, &mut got).unwrap();
    }
    (0..6).for_each(|_| queue.task_done().unwrap());
    queue.join().unwrap();
}

fn a_bounded_join_is_never_early<S: QueueSource<Queue: JoinableQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    queue.put(1).unwrap();
    for micros in [0, 1, 20, 300, 5_000] {
        let timeout = Duration::from_micros(micros);
        let started = Instant::now();
        assert!(!queue.join_timeout(timeout).unwrap(), "it is not done");
        assert!(started.elapsed() >= timeout, "{:?} is early", started.elapsed());
        let deadline = Instant::now() + timeout;
        assert!(!queue.join_deadline(deadline).unwrap(), "it is not done");
        assert!(Instant::now() >= deadline, "early");
    }
    queue.get().unwrap();
    queue.task_done().unwrap();
    assert!(queue.join_timeout(Duration::MAX).unwrap());
}

fn joining_a_closed_queue_waits_for_what_is_left<S: QueueSource<Queue: JoinableQueue>>(
    make: Make<'_, S>,
) {
    let queue = make().bounded(2);
    queue.put_many([1, 2]).unwrap();
    thread::scope(|scope| {
        let joiner = scope.spawn(|| queue.join().unwrap());
        queue.close();
        for _ in 0..2 {
            a_moment();
            assert!(!joiner.is_finished(), "closing does nothing");
            queue.get().unwrap();
            queue.task_done().unwrap();
        }
    });
    assert_eq!(queue.unfinished(), 0);
}

fn all_who_join_are_woken<S: QueueSource<Queue: JoinableQueue>>(make: Make<'_, S>) {
    for round in 0..10 {
        let queue = make().bounded(1);
        queue.put(round).unwrap();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| queue.join().unwrap());
                scope.spawn(|| assert!(queue.join_timeout(Duration::from_secs(3600)).unwrap()));
            }
            if round % 2 == 0 {
                a_moment();
            }
            queue.get().unwrap();
            queue.task_done().unwrap();
        });
    }
}

fn a_queue_may_be_joined_again<S: QueueSource<Queue: JoinableQueue>>(make: Make<'_, S>) {
    let queue = make().bounded(4);
    thread::scope(|scope| {
        scope.spawn(|| {
            while queue.get().is_ok() {
                queue.task_done().unwrap();
            }
        });
        for round in 0..200 {
            queue.put_many([round, round, round]).unwrap();
            queue.join().unwrap();
            assert_eq!((queue.len(), queue.unfinished()), (0, 0));
        }
        queue.close();
    });
}

fn the_last_of_many_workers_ends_the_join<S: QueueSource<Queue: JoinableQueue>>(make: Make<'_, S>) {
    for _ in 0..20 {
        let queue = make().bounded(8);
        let done = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while queue.get().is_ok() {
                        done.fetch_add(1, Ordering::SeqCst);
                        queue.task_done().unwrap();
                    }
                });
            }
            queue.put_many(0..200).unwrap();
            queue.join().unwrap();
            assert_eq!(done.load(Ordering::SeqCst), 200);
            queue.close();
        });
        assert!(queue.task_done().is_err());
    }
}

fn only_as_many_as_were_put_are_done_by_many<S: QueueSource<Queue: JoinableQueue>>(
    make: Make<'_, S>,
) {
    for _ in 0..20 {
        let queue = make().bounded(10);
        queue.put_many(0..10).unwrap();
        for _ in 0..10 {
            queue.get().unwrap();
        }
        let done: usize = thread::scope(|scope| {
            let doer = || (0..8).filter(|_| queue.task_done().is_ok()).count();
            let doers: Vec<_> = (0..4).map(|_| scope.spawn(doer)).collect();
            doers.into_iter().map(|doer| doer.join().unwrap()).sum()
        });
        assert_eq!((done, queue.unfinished()), (10, 0));
    }
}

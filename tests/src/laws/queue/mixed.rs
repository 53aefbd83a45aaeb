//! Some wait, some await, some never wait.

use super::scene::{a_moment, crowd_by, in_order, items_of, patient_get, patient_put};
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use crate::laws::scene::block_on;
use conc_core::{AsyncQueue, BlockingQueue, JoinableQueue, QueueCore};
use std::thread;
use std::time::Duration;

/// A queue that can do all.
pub(super) trait Whole: JoinableQueue + AsyncQueue {}

impl<Q: JoinableQueue + AsyncQueue> Whole for Q {}

pub(super) fn laws<S: QueueSource<Queue: Whole>>() -> Vec<QueueLaw<S>> {
    let both = QueueNeeds::BLOCKING.and(QueueCapabilities::ASYNC);
    let crowds = both.and(QueueCapabilities::CROWDS);
    let fifo = crowds.and(QueueCapabilities::FIFO);
    vec![
        law!(who_awaits_is_woken_by_who_blocks, both),
        law!(who_blocks_is_woken_by_who_awaits, both.and(QueueCapabilities::BOUNDED)),
        law!(who_waits_and_who_awaits_take_turns, fifo),
        law!(an_awaited_put_is_to_be_done, QueueNeeds::JOINABLE.and(QueueCapabilities::ASYNC)),
    ]
}

fn who_awaits_is_woken_by_who_blocks<S: QueueSource<Queue: Whole>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    thread::scope(|scope| {
        let getter = scope.spawn(|| {
            let got = (0..200).map(|_| block_on(queue.get_async()).unwrap());
            got.collect::<Vec<_>>()
        });
        a_moment();
        (0..200).for_each(|n| queue.put(n).unwrap());
        assert_eq!(getter.join().unwrap(), (0..200).collect::<Vec<_>>());
    });
}

fn who_blocks_is_woken_by_who_awaits<S: QueueSource<Queue: Whole>>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    thread::scope(|scope| {
        let getter = scope.spawn(|| {
            let got = (0..200).map(|_| queue.get().unwrap());
            got.collect::<Vec<_>>()
        });
        a_moment();
        block_on(async {
            for n in 0..200 {
                queue.put_async(n).await.unwrap();
            }
        });
        assert_eq!(getter.join().unwrap(), (0..200).collect::<Vec<_>>());
    });
}

/// One of three ways, by the item.
fn any_put<Q: Whole<Item = u64>>(queue: &Q, item: u64) -> bool {
    match item % 3 {
        0 => queue.put(item).is_ok(),
        1 => block_on(queue.put_async(item)).is_ok(),
        _ => patient_put(queue, item),
    }
}

/// One of three ways, by how many there are.
fn any_get<Q: Whole<Item = u64>>(queue: &Q) -> Option<u64> {
    match queue.len() % 3 {
        0 => queue.get().ok(),
        1 => block_on(queue.get_async()).ok(),
        _ => patient_get(queue),
    }
}

fn who_waits_and_who_awaits_take_turns<S: QueueSource<Queue: Whole>>(make: Make<'_, S>) {
    for capacity in [1, 4] {
        let got = crowd_by(&make().bounded(capacity), 3, 3, 700, any_put, any_get);
        assert!(got.iter().all(|got| in_order(got)), "capacity {capacity}");
        let mut got = got.concat();
        got.sort_unstable();
        assert!(got == items_of(3, 700), "{} items", got.len());
    }
}

fn an_awaited_put_is_to_be_done<S: QueueSource<Queue: Whole>>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    drop(queue.put_async(1));
    assert_eq!(queue.unfinished(), 0);
    block_on(queue.put_async(2)).unwrap();
    assert_eq!(queue.unfinished(), 1);
    block_on(queue.get_async()).unwrap();
    assert!(!queue.join_timeout(Duration::ZERO).unwrap());
    queue.task_done().unwrap();
    queue.join().unwrap();
    queue.close();
    assert!(block_on(queue.put_async(3)).is_err());
    assert_eq!(queue.unfinished(), 0);
}

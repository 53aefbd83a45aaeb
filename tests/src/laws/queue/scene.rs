//! What laws of queues are played with.

use crate::laws::scene::{WakeCount, poll_once};
use conc_core::queue::{GetFailure, PutFailure};
use conc_core::{BlockingQueue, QueueCore};
use std::pin::Pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// An item that says who put it.
pub(super) fn item_of(producer: u64, number: u64) -> u64 {
    producer << 32 | number
}

/// Who put it, and which of its items it is.
pub(super) fn parts_of(item: u64) -> (u64, u64) {
    (item >> 32, item & u64::from(u32::MAX))
}

/// Gives others the time to fall asleep. No law depends on whether they do.
pub(super) fn a_moment() {
    let (_never, nothing) = channel::<()>();
    let _ = nothing.recv_timeout(Duration::from_millis(1));
}

/// How those wait who call nothing that blocks. Nobody gives way: beside busy neighbours that
/// costs all of their turns, again and again, while who slept a little is next.
#[derive(Default)]
struct Breath {
    taken: u32,
}

impl Breath {
    const SPINS: u32 = 200;

    fn take(&mut self) {
        self.taken += 1;
        if self.taken % Self::SPINS == 0 {
            thread::park_timeout(Duration::from_micros(1));
        } else {
            std::hint::spin_loop();
        }
    }
}

/// Puts an item, without a call that blocks, as soon as there is room; `false` once it is closed.
pub(super) fn patient_put<Q: QueueCore + ?Sized>(queue: &Q, mut item: Q::Item) -> bool {
    let mut breath = Breath::default();
    loop {
        match queue.try_put(item) {
            Ok(()) => return true,
            Err(error) if error.is_full() => item = error.into_item(),
            Err(error) if error.is_closed() => return false,
            Err(error) => panic!("neither full nor closed: {error}"),
        }
        breath.take();
    }
}

/// Gets an item, without a call that blocks, as soon as there is one; `None` once it is closed.
pub(super) fn patient_get<Q: QueueCore + ?Sized>(queue: &Q) -> Option<Q::Item> {
    let mut breath = Breath::default();
    loop {
        match queue.try_get() {
            Ok(item) => return Some(item),
            Err(error) if error.is_empty() => breath.take(),
            Err(error) if error.is_closed() => return None,
            Err(error) => panic!("neither empty nor closed: {error}"),
        }
    }
}

/// What is left inside.
pub(super) fn drained<Q: QueueCore + ?Sized>(queue: &Q) -> Vec<Q::Item> {
    std::iter::from_fn(|| queue.try_get().ok()).collect()
}

/// Several threads put so many items each, several get until the queue is closed: what each of the
/// latter got, in order.
pub(super) fn crowd<Q: QueueCore<Item = u64> + Sync>(
    queue: &Q,
    producers: u64,
    consumers: usize,
    items: u64,
) -> Vec<Vec<u64>> {
    crowd_by(queue, producers, consumers, items, patient_put, patient_get)
}

/// [`crowd`] with calls that block.
pub(super) fn crowd_of_blocking<Q: BlockingQueue<Item = u64> + Sync>(
    queue: &Q,
    producers: u64,
    consumers: usize,
    items: u64,
) -> Vec<Vec<u64>> {
    let put = |queue: &Q, item| queue.put(item).is_ok();
    crowd_by(queue, producers, consumers, items, put, |queue| queue.get().ok())
}

/// [`crowd`] with these ways to put and to get.
pub(super) fn crowd_by<Q: QueueCore<Item = u64> + Sync>(
    queue: &Q,
    producers: u64,
    consumers: usize,
    items: u64,
    put: fn(&Q, u64) -> bool,
    get: fn(&Q) -> Option<u64>,
) -> Vec<Vec<u64>> {
    let start = Barrier::new(producers as usize + consumers);
    thread::scope(|scope| {
        let start = &start;
        let getting: Vec<_> = (0..consumers)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    std::iter::from_fn(|| get(queue)).collect::<Vec<_>>()
                })
            })
            .collect();
        let putting: Vec<_> = (0..producers)
            .map(|producer| {
                scope.spawn(move || {
                    start.wait();
                    (0..items).for_each(|n| assert!(put(queue, item_of(producer, n))));
                })
            })
            .collect();
        putting.into_iter().for_each(|thread| thread.join().unwrap());
        queue.close();
        getting.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// All items of these producers, in the order of the producers.
pub(super) fn items_of(producers: u64, items: u64) -> Vec<u64> {
    (0..producers).flat_map(|producer| (0..items).map(move |n| item_of(producer, n))).collect()
}

/// Whether the items of each producer are in order.
pub(super) fn in_order(got: &[u64]) -> bool {
    let mut last = std::collections::BTreeMap::new();
    got.iter().map(|item| parts_of(*item)).all(|(producer, number)| {
        let before = last.insert(producer, number);
        before.is_none_or(|before| before < number)
    })
}

/// Polls a future until it is ready, but only when it was woken since.
pub(super) fn driven<F: Future>(mut future: Pin<&mut F>, woken: &Arc<WakeCount>) -> F::Output {
    loop {
        let before = woken.get();
        if let Poll::Ready(output) = poll_once(&mut future, woken) {
            return output;
        }
        wait_for_wake(woken, before);
    }
}

/// Waits until somebody was woken more than `before` times. The queue may have a thread that wakes.
pub(super) fn wait_for_wake(woken: &WakeCount, before: usize) {
    let mut breath = Breath::default();
    while woken.get() == before {
        breath.take();
    }
}

//! Several handles, one queue.

use super::scene::{drained, patient_get, patient_put};
use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::QueueCore;
use conc_core::queue::{GetFailure, PutFailure};
use std::thread;

pub(super) fn laws<S: QueueSource>() -> Vec<QueueLaw<S>> {
    let crowds = QueueNeeds::HANDLES.and(QueueCapabilities::CROWDS);
    vec![
        law!(handles_are_one_queue, QueueNeeds::HANDLES),
        law!(a_dropped_handle_leaves_the_others, QueueNeeds::HANDLES),
        law!(closing_one_handle_closes_all, QueueNeeds::HANDLES),
        law!(each_thread_may_have_its_handle, crowds),
    ]
}

fn handles_are_one_queue<S: QueueSource>(make: Make<'_, S>) {
    let source = make();
    let first = source.bounded(2);
    let second = source.handle(&first);
    first.try_put(1).unwrap();
    second.try_put(2).unwrap();
    assert_eq!((first.len(), second.len()), (2, 2));
    assert_eq!((first.capacity(), second.capacity()), (first.capacity(), first.capacity()));
    let mut got = [second.try_get().unwrap(), first.try_get().unwrap()];
    got.sort_unstable();
    assert_eq!(got, [1, 2]);
    assert!(first.is_empty() && second.is_empty());
}

fn a_dropped_handle_leaves_the_others<S: QueueSource>(make: Make<'_, S>) {
    let source = make();
    let first = source.bounded(4);
    let second = source.handle(&first);
    first.try_put(1).unwrap();
    drop(first);
    assert!(!second.is_closed());
    second.try_put(2).unwrap();
    for _ in 0..20 {
        drop(source.handle(&second));
    }
    let third = source.handle(&second);
    drop(second);
    let mut got = drained(&third);
    got.sort_unstable();
    assert_eq!(got, [1, 2]);
}

fn closing_one_handle_closes_all<S: QueueSource>(make: Make<'_, S>) {
    let source = make();
    let first = source.bounded(4);
    let second = source.handle(&first);
    first.try_put(1).unwrap();
    second.close();
    assert!(first.is_closed() && source.handle(&first).is_closed());
    assert!(first.try_put(2).unwrap_err().is_closed());
    assert_eq!(first.try_get().unwrap(), 1);
    assert!(second.try_get().unwrap_err().is_closed());
}

fn each_thread_may_have_its_handle<S: QueueSource>(make: Make<'_, S>) {
    let source = make();
    let queue = source.bounded(3);
    let producers: Vec<_> = (0..3_u64)
        .map(|producer| {
            let handle = source.handle(&queue);
            let put = move || (0..500).all(|n| patient_put(&handle, producer * 500 + n));
            thread::spawn(put)
        })
        .collect();
    let consumers: Vec<_> = (0..2)
        .map(|_| {
            let handle = source.handle(&queue);
            thread::spawn(move || std::iter::from_fn(|| patient_get(&handle)).collect::<Vec<_>>())
        })
        .collect();
    producers.into_iter().for_each(|thread| assert!(thread.join().unwrap()));
    queue.close();
    drop(queue);
    let got = consumers.into_iter().flat_map(|thread| thread.join().unwrap());
    let mut got: Vec<_> = got.collect();
    got.sort_unstable();
    assert_eq!(got, (0..1_500).collect::<Vec<_>>());
}

//! Items with destructors.

use super::scene::{drained, patient_get, patient_put};
use super::{Mint, QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::queue::PutFailure;
use std::thread;

pub(super) fn laws<S: QueueSource>() -> Vec<QueueLaw<S>> {
    vec![
        law!(a_dropped_queue_drops_its_items_once, QueueNeeds::HOLDS_VALUES),
        law!(a_got_item_belongs_to_who_got_it, QueueNeeds::HOLDS_VALUES),
        law!(a_refused_value_comes_back, QueueNeeds::HOLDS_VALUES),
        law!(a_closed_queue_keeps_its_items_until_it_is_dropped, QueueNeeds::HOLDS_VALUES),
        law!(nothing_leaks_in_a_crowd, QueueNeeds::HOLDS_VALUES.and(QueueCapabilities::CROWDS)),
    ]
}

fn a_dropped_queue_drops_its_items_once<S: QueueSource>(make: Make<'_, S>) {
    for inside in 0..=8 {
        let mut mint = Mint::default();
        let queue = make().tokens(8);
        // Moves the places around, so that items lie across the end of a ring.
        for n in 0..5 {
            queue.try_put(mint.token(n)).unwrap();
            drop(queue.try_get().unwrap());
        }
        (0..inside).for_each(|n| queue.try_put(mint.token(n)).unwrap());
        assert_eq!(mint.left(), inside as usize);
        drop(queue);
        assert_eq!(mint.left(), 0);
    }
}

fn a_got_item_belongs_to_who_got_it<S: QueueSource>(make: Make<'_, S>) {
    let mut mint = Mint::default();
    let queue = make().tokens(2);
    queue.try_put(mint.token(1)).unwrap();
    queue.try_put(mint.token(2)).unwrap();
    let got = queue.try_get().unwrap();
    drop(queue);
    assert_eq!(mint.left(), 1);
    assert!([1, 2].contains(&got.number()));
    drop(got);
    assert_eq!(mint.left(), 0);
}

fn a_refused_value_comes_back<S: QueueSource>(make: Make<'_, S>) {
    let mut mint = Mint::default();
    let queue = make().tokens(1);
    queue.try_put(mint.token(1)).unwrap();
    assert_eq!(queue.try_put(mint.token(2)).unwrap_err().into_item().number(), 2);
    queue.close();
    assert_eq!(queue.try_put(mint.token(3)).unwrap_err().into_item().number(), 3);
    assert_eq!(mint.left(), 1, "the one inside");
}

fn a_closed_queue_keeps_its_items_until_it_is_dropped<S: QueueSource>(make: Make<'_, S>) {
    let mut mint = Mint::default();
    let queue = make().tokens(4);
    (0..3).for_each(|n| queue.try_put(mint.token(n)).unwrap());
    queue.close();
    assert_eq!(mint.left(), 3);
    drop(queue.try_get().unwrap());
    assert_eq!(mint.left(), 2);
    drop(queue);
    assert_eq!(mint.left(), 0);
}

fn nothing_leaks_in_a_crowd<S: QueueSource>(make: Make<'_, S>) {
    let mut mint = Mint::default();
    let queue = make().tokens(3);
    let tokens: [Vec<_>; 2] = [(); 2].map(|()| (0..1_000).map(|n| mint.token(n)).collect());
    let got = thread::scope(|scope| {
        let queue = &*queue;
        for tokens in tokens {
            scope.spawn(|| tokens.into_iter().for_each(|token| assert!(patient_put(queue, token))));
        }
        let taker = || (0..900).filter(|_| patient_get(queue).is_some()).count();
        let takers = [scope.spawn(taker), scope.spawn(taker)];
        let taken = takers.map(|taker| taker.join().unwrap());
        // The producers may wait for room for what nobody takes.
        taken.into_iter().sum::<usize>() + (0..197).filter_map(|_| patient_get(queue)).count()
    });
    assert_eq!(got, 1_997);
    assert_eq!(mint.left(), 3);
    assert_eq!(drained(&*queue).len(), 3);
    assert_eq!(mint.left(), 0);
}

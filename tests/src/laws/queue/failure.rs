//! Why it failed; the item comes back.

use super::scene::drained;
use super::{QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use conc_core::QueueCore;
use conc_core::queue::{GetFailure, PutFailure};

pub(super) fn laws<S: QueueSource>() -> Vec<QueueLaw<S>> {
    vec![
        law!(an_empty_queue_says_so, QueueNeeds::NOTHING),
        law!(a_full_queue_gives_the_item_back, QueueNeeds::BOUNDED),
        law!(a_refused_item_is_not_inside, QueueNeeds::BOUNDED),
        law!(errors_read_differently, QueueNeeds::BOUNDED),
    ]
}

fn an_empty_queue_says_so<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(4);
    for n in 0..10 {
        let error = queue.try_get().unwrap_err();
        assert!(error.is_empty() && !error.is_closed(), "{error}");
        queue.try_put(n).unwrap();
        assert_eq!(queue.try_get().unwrap(), n);
    }
}

fn a_full_queue_gives_the_item_back<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    queue.try_put(1).unwrap();
    for n in [2, 3, u64::MAX] {
        let error = queue.try_put(n).unwrap_err();
        assert!(error.is_full() && !error.is_closed(), "{error}");
        assert_eq!(error.into_item(), n);
    }
}

fn a_refused_item_is_not_inside<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(2);
    let put: Vec<_> = (0..5).filter(|n| queue.try_put(*n).is_ok()).collect();
    let mut got = drained(&queue);
    queue.close();
    assert!(queue.try_put(9).is_err());
    got.extend(drained(&queue));
    got.sort_unstable();
    assert_eq!((put, got), (vec![0, 1], vec![0, 1]));
}

fn errors_read_differently<S: QueueSource>(make: Make<'_, S>) {
    let queue = make().bounded(1);
    let empty = queue.try_get().unwrap_err().to_string();
    queue.try_put(1).unwrap();
    let full = queue.try_put(2).unwrap_err().to_string();
    queue.close();
    let closed_to_put = queue.try_put(3).unwrap_err().to_string();
    queue.try_get().unwrap();
    let closed_to_get = queue.try_get().unwrap_err().to_string();
    assert!(empty.contains("empty") && !empty.contains("closed"), "{empty}");
    assert!(full.contains("full") && !full.contains("closed"), "{full}");
    assert!(closed_to_put.contains("closed"), "{closed_to_put}");
    assert!(closed_to_get.contains("closed"), "{closed_to_get}");
}

//! The queue inside one process: what all of its forms do.

use conc_shm::queue::{Builder, GetError, PlainQueue, PutError, Queue};
use conc_tests::watchdog;
use std::time::Duration;

#[test]
fn values_come_out_as_they_went_in() {
    let _watchdog = watchdog();
    let queue: Queue<(u32, String, Vec<Option<f64>>)> = Queue::bounded(3).unwrap();
    for round in 0..10 {
        let item = (round, "x".repeat(round as usize), vec![None, Some(0.5)]);
        queue.put(item.clone()).unwrap();
        assert_eq!(queue.get().unwrap(), item);
    }
}

#[test]
fn long_messages_lie_in_chunks_and_chunks_come_back() {
    let _watchdog = watchdog();
    let queue: Queue<String> =
        Builder::new(4).chunk_bytes(64).byte_budget(64 * 64).build().unwrap();
    for round in 0..200 {
        let text = "long ".repeat(40 + round);
        queue.put(text.clone()).unwrap();
        queue.put("short".into()).unwrap();
        assert_eq!(queue.get().unwrap(), text);
        assert_eq!(queue.get().unwrap(), "short");
    }
    let huge = "x".repeat(64 * 64);
    match queue.put(huge.clone()) {
        Err(PutError::TooLarge { item, limit }) => assert_eq!((item, limit), (huge, 4096)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_queue_without_room_for_bytes_is_full() {
    let _watchdog = watchdog();
    let queue: Queue<String> =
        Builder::new(4).chunk_bytes(64).byte_budget(64 * 16).build().unwrap();
    let text = "x".repeat(600);
    queue.try_put(text.clone()).unwrap();
    assert!(matches!(queue.try_put(text.clone()), Err(PutError::Full(_))));
    let soon = queue.put_timeout(text.clone(), Duration::from_millis(5));
    assert!(matches!(soon, Err(PutError::Full(_))));
    assert_eq!(queue.get().unwrap(), text);
    queue.try_put(text).unwrap();
}

#[test]
fn plain_data_of_any_size() {
    let _watchdog = watchdog();
    let small: PlainQueue<[u8; 64]> = PlainQueue::bounded(2).unwrap();
    let odd: PlainQueue<[u8; 13]> = PlainQueue::bounded(2).unwrap();
    let large: PlainQueue<[u64; 4096]> = PlainQueue::bounded(2).unwrap();
    for round in 0..20 {
        small.put([round; 64]).unwrap();
        odd.put([round; 13]).unwrap();
        large.put([round.into(); 4096]).unwrap();
        assert_eq!(small.get().unwrap(), [round; 64]);
        assert_eq!(odd.get().unwrap(), [round; 13]);
        assert_eq!(large.get().unwrap(), [u64::from(round); 4096]);
        let mut loan = large.loan().unwrap();
        loan.fill(round.into());
        loan.publish();
        let lease = large.lease().unwrap();
        assert_eq!(*lease, [u64::from(round); 4096]);
        lease.ack();
    }
}

#[test]
fn a_lease_comes_back_until_it_is_set_aside() {
    let _watchdog = watchdog();
    let queue: Queue<u32> = Builder::new(2).max_deliveries(3).build().unwrap();
    queue.put(7).unwrap();
    for times in 1..=3 {
        let lease = queue.lease().unwrap();
        assert_eq!((*lease, lease.deliveries()), (7, times));
        lease.nack();
    }
    assert!(matches!(queue.try_lease(), Err(GetError::Empty)));
    assert_eq!((queue.dead_letters(), queue.len()), (1, 0));
    let letter = queue.try_lease_dead_letter().unwrap().unwrap();
    assert_eq!(*letter, 7);
    drop(letter);
    assert_eq!(queue.dead_letters(), 1);
    queue.try_lease_dead_letter().unwrap().unwrap().ack();
    assert_eq!(queue.dead_letters(), 0);
    assert!(queue.try_lease_dead_letter().unwrap().is_none());
}

#[test]
fn leased_messages_take_room_and_others_go_past_them() {
    let _watchdog = watchdog();
    let queue: Queue<u32> = Queue::bounded(3).unwrap();
    for item in 0..3 {
        queue.put(item).unwrap();
    }
    let first = queue.lease().unwrap();
    assert!(queue.is_full());
    assert!(matches!(queue.try_put(9), Err(PutError::Full(9))));
    for item in 1..100 {
        assert_eq!(queue.get().unwrap(), item);
        queue.try_put(item + 2).unwrap();
        assert!(matches!(queue.try_put(9), Err(PutError::Full(9))));
    }
    drop(first);
    assert_eq!(queue.get().unwrap(), 0, "ahead of the line");
    assert_eq!(queue.get().unwrap(), 100);
}

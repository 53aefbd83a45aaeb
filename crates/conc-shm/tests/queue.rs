//! The queue inside one process: what all of its forms do.

use conc_shm::Shared;
use conc_shm::queue::{Builder, GetError, PlainQueue, PutError, Queue};
use conc_tests::watchdog;
use std::fmt::Debug;
use std::future::Future;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

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
        loan.publish().unwrap();
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

#[test]
fn encodings_of_every_length_come_back() {
    let _watchdog = watchdog();
    let queue: Queue<Vec<u8>> = Queue::bounded(4).unwrap();
    for length in (0..600).chain([1 << 14, (1 << 14) + 1, 100_000]) {
        let item: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
        queue.put(item.clone()).unwrap();
        queue.put(vec![1]).unwrap();
        assert_eq!(queue.get().unwrap(), item, "{length} bytes");
        assert_eq!(queue.get().unwrap(), [1]);
    }
}

/// A short item needs a place, and no chunk, whatever came before it.
#[test]
fn a_short_item_does_not_wait_for_chunks() {
    let _watchdog = watchdog();
    let queue: Queue<Vec<u8>> =
        Builder::new(10).chunk_bytes(4096).byte_budget(4096).build().unwrap();
    queue.try_put(vec![1; 3000]).unwrap();
    queue.try_put(vec![2]).unwrap();
    let none: Queue<Vec<u8>> = Builder::new(2).byte_budget(0).build().unwrap();
    assert!(matches!(none.put(vec![1; 3000]), Err(PutError::TooLarge { .. })));
    none.put(vec![2]).unwrap();
}

/// Who waits for chunks sleeps, even if some are free.
#[test]
fn a_long_item_that_waits_costs_nothing() {
    let _watchdog = watchdog();
    let queue: Queue<Vec<u8>> =
        Builder::new(8).chunk_bytes(4096).byte_budget(4 * 4096).build().unwrap();
    queue.put(vec![1; 3 * 4096 - 8]).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let before = thread_time();
            let put = queue.put_timeout(vec![2; 2 * 4096 - 8], Duration::from_secs(1));
            assert!(matches!(put, Err(PutError::Full(_))));
            thread_time() - before
        });
        let cost = waiting.join().unwrap();
        assert!(cost < Duration::from_millis(300), "{cost:?} of processor time");
    });
}

/// The processor time of this thread.
fn thread_time() -> Duration {
    let clock = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID;
    nix::time::clock_gettime(clock).unwrap().into()
}

#[test]
fn chunks_that_were_just_made_are_found() {
    let _watchdog = watchdog();
    // An extent is 64 chunks here.
    let queue: Queue<Vec<u8>> =
        Builder::new(200).chunk_bytes(16 << 10).byte_budget(128 * (16 << 10)).build().unwrap();
    for _ in 0..64 {
        queue.try_put(vec![0; 10_000]).unwrap();
    }
    queue.try_put(vec![0; 60 * (16 << 10)]).unwrap();
}

/// Two types of one name are two types.
#[test]
fn a_queue_of_another_size_is_refused() {
    let _watchdog = watchdog();
    let descriptor = {
        #[derive(
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout,
        )]
        #[repr(C)]
        struct Item([u8; 8]);
        let queue: PlainQueue<Item> = PlainQueue::bounded(4).unwrap();
        let descriptor = queue.as_fd().try_clone_to_owned().unwrap();
        std::mem::forget(queue);
        descriptor
    };
    #[derive(
        zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout,
    )]
    #[repr(C)]
    struct Item([u8; 1 << 20]);
    assert!(PlainQueue::<Item>::attach(descriptor).is_err());
}

#[test]
fn an_item_too_large_for_any_place_is_refused() {
    let _watchdog = watchdog();
    assert!(PlainQueue::<[u8; (1 << 32) + (1 << 20)]>::bounded(1).is_err());
}

/// On a thread whose stack is smaller than the item.
#[test]
fn large_items_are_lent_where_they_lie() {
    let _watchdog = watchdog();
    let lent = std::thread::Builder::new().stack_size(256 << 10).spawn(|| {
        let queue: PlainQueue<[u8; 4 << 20]> = PlainQueue::bounded(2).unwrap();
        let mut loan = queue.loan().unwrap();
        loan[7] = 7;
        loan.publish().unwrap();
        let lease = queue.lease().unwrap();
        assert_eq!(lease[7], 7);
        lease.ack();
    });
    lent.unwrap().join().unwrap();
}

/// Who was told that it is over does not miss anything.
#[test]
fn a_loan_that_comes_after_the_end_says_so() {
    let _watchdog = watchdog();
    let queue: PlainQueue<u64> = PlainQueue::bounded(2).unwrap();
    let loan = queue.loan().unwrap();
    queue.close();
    assert_eq!(queue.get(), Err(GetError::Closed));
    assert!(matches!(loan.publish(), Err(PutError::Closed(()))));
    assert_eq!(queue.get(), Err(GetError::Closed));
    assert!(!queue.is_full() && queue.is_empty());
    let queue: PlainQueue<u64> = PlainQueue::bounded(2).unwrap();
    let loan = queue.loan().unwrap();
    queue.close();
    loan.publish().unwrap();
    assert_eq!(queue.get(), Ok(0), "in its turn");
}

#[test]
fn a_message_is_leased_127_times_at_most() {
    let _watchdog = watchdog();
    let queue: Queue<u8> = Queue::bounded(1).unwrap();
    queue.put(1).unwrap();
    for _ in 0..127 {
        queue.try_lease().unwrap().nack();
    }
    assert!(matches!(queue.try_lease(), Err(GetError::Empty)));
    assert_eq!(queue.dead_letters(), 1);
}

/// Futures that wait for different things do not wake each other.
#[test]
fn futures_that_wait_for_different_things_sleep() {
    let _watchdog = watchdog();
    let queue: Queue<Vec<u8>> =
        Builder::new(2).chunk_bytes(4096).byte_budget(4096).build().unwrap();
    let short = queue.clone();
    queue.put(vec![1]).unwrap();
    queue.put(vec![1]).unwrap();
    // One of the two events has seen a sleeper, so that they do not look alike.
    assert!(short.put_timeout(vec![2], Duration::from_millis(5)).is_err());
    queue.get().unwrap();
    queue.put(vec![1; 3000]).unwrap();
    let polls = Arc::new(Polls::default());
    let waker = Waker::from(Arc::clone(&polls));
    let mut context = Context::from_waker(&waker);
    // Who waits for chunks has come first, and gone; whoever served it may still be there.
    let chunk = pin!(queue.put_async(vec![2; 3000])).poll(&mut context);
    assert!(chunk.is_pending());
    let mut place = pin!(short.put_async(vec![2]));
    assert!(place.as_mut().poll(&mut context).is_pending());
    // Whoever is woken looks again, as an executor would let it, for a while.
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        if polls.woken.swap(false, Ordering::AcqRel) {
            assert!(place.as_mut().poll(&mut context).is_pending());
        }
        std::thread::yield_now();
    }
    let count = polls.count.load(Ordering::Relaxed);
    assert!(count < 50, "woken {count} times for nothing");
}

#[derive(Default)]
struct Polls {
    woken: AtomicBool,
    count: AtomicUsize,
}

impl Wake for Polls {
    fn wake(self: Arc<Self>) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.woken.store(true, Ordering::Release);
    }
}

/// Whatever their alignment: what is fetched ahead lies in the queue.
#[test]
fn places_of_all_alignments_go_round() {
    let _watchdog = watchdog();
    #[derive(Debug, Clone, Copy, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(C, align(64))]
    struct Line([u64; 8]);
    #[derive(Debug, Clone, Copy, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(C, align(64))]
    struct Lines([[u64; 8]; 16]);
    #[derive(Debug, Clone, Copy, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(C, align(128))]
    struct Pairs([[u64; 8]; 4]);

    fn laps<T: Shared + Debug + Clone + PartialEq>(message: &T) {
        for capacity in 1..=64 {
            let queue = PlainQueue::<T>::bounded(capacity).unwrap();
            for _ in 0..3 {
                (0..capacity).for_each(|_| queue.try_put(message.clone()).unwrap());
                (0..capacity).for_each(|_| assert_eq!(queue.try_get().as_ref(), Ok(message)));
            }
        }
    }
    laps(&1_u64);
    laps(&[2_u64; 30]);
    laps(&[3_u64; 128]);
    laps(&Line([4; 8]));
    laps(&[Line([5; 8]); 2]);
    laps(&Lines([[6; 8]; 16]));
    laps(&Pairs([[7; 8]; 4]));
}

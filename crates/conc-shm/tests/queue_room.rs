//! The capacity is exact, in whatever order places become free.
#![cfg(all(target_os = "linux", not(conc_loom)))]

mod processes;

use conc_shm::queue::{Builder, Encoded, Lease, PlainQueue, PutError, Queue};
use conc_tests::{watchdog, watchdog_for};
use processes::{Copy, Words, alone};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

fn bounded(capacity: u32) -> PlainQueue<u64> {
    Builder::new(capacity).build().unwrap()
}

fn assert_full(queue: &PlainQueue<u64>) {
    assert!(matches!(queue.try_put(0), Err(PutError::Full(0))));
    assert!(matches!(queue.put_timeout(0, Duration::ZERO), Err(PutError::Full(0))));
    assert!(matches!(queue.try_loan(), Err(PutError::Full(()))));
    assert!(queue.is_full());
}

#[test]
fn the_place_of_a_loan_that_was_dropped_can_be_had_at_once() {
    let _watchdog = watchdog();
    for capacity in 2..10 {
        for before in 1..capacity {
            let queue = bounded(capacity);
            (0..before.into()).for_each(|n| queue.put(n).unwrap());
            // Several times around, past the messages that wait.
            for _ in 0..3 * capacity {
                drop(queue.loan().unwrap());
            }
            (before..capacity).for_each(|n| queue.try_put(n.into()).unwrap());
            assert_full(&queue);
            let got: Vec<_> = (0..capacity).map(|_| queue.try_get().unwrap()).collect();
            assert_eq!(got, (0..capacity.into()).collect::<Vec<_>>());
        }
    }
}

#[test]
fn whoever_waits_for_room_gets_it_too() {
    let _watchdog = watchdog();
    let queue = bounded(2);
    queue.put(1).unwrap();
    drop(queue.loan().unwrap());
    queue.put(2).unwrap();
    assert_eq!(queue.get().unwrap(), 1);
    drop(queue.loan().unwrap());
    queue.put_timeout(3, Duration::from_secs(3600)).unwrap();
    assert_eq!((queue.get().unwrap(), queue.get().unwrap()), (2, 3));
}

/// All orders in which the leases of a full queue can be acknowledged.
#[test]
fn leases_end_in_any_order() {
    let _watchdog = watchdog();
    const CAPACITY: u64 = 5;
    for order in orders(4) {
        let queue = bounded(CAPACITY as u32);
        (0..CAPACITY).for_each(|n| queue.put(n).unwrap());
        let mut leases: Vec<_> = (0..4).map(|_| Some(queue.lease().unwrap())).collect();
        for (next, index) in (CAPACITY..).zip(order) {
            assert_full(&queue);
            leases[index].take().unwrap().ack();
            queue.try_put(next).unwrap();
        }
        assert_full(&queue);
        let got: Vec<_> = (0..CAPACITY).map(|_| queue.try_get().unwrap()).collect();
        assert_eq!(got, (4..4 + CAPACITY).collect::<Vec<_>>());
    }
}

fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    let with_last = |order: &Vec<usize>| {
        let order = order.clone();
        (0..count).map(move |at| {
            let mut longer = order.clone();
            longer.insert(at, count - 1);
            longer
        })
    };
    shorter.iter().flat_map(with_last).collect()
}

/// For a long time, with a message in front that nobody takes.
#[test]
fn the_line_goes_past_one_that_waits_again_and_again() {
    let _watchdog = watchdog();
    let queue = bounded(3);
    queue.put(7).unwrap();
    for n in 0..1_000 {
        drop(queue.loan().unwrap());
        if n % 10 == 0 {
            let (one, other) = (queue.try_loan().unwrap(), queue.try_loan().unwrap());
            assert!(matches!(queue.try_loan(), Err(PutError::Full(()))));
            drop((other, one));
        }
    }
    queue.put(8).unwrap();
    queue.put(9).unwrap();
    assert_full(&queue);
    let got: Vec<_> = (0..3).map(|_| queue.get().unwrap()).collect();
    assert_eq!(got, [7, 8, 9]);
}

/// Nobody goes past a producer that is writing, but for consumers that have messages behind it.
#[test]
fn room_behind_a_loan_that_is_held_waits_for_a_consumer() {
    let _watchdog = watchdog();
    let queue = bounded(4);
    let mut slow = queue.loan().unwrap();
    let given_up: Vec<_> = (0..2).map(|_| queue.loan().unwrap()).collect();
    queue.put(3).unwrap();
    assert_full(&queue);
    drop(given_up);
    assert!(matches!(queue.try_put(4), Err(PutError::Full(4))));
    assert_eq!(queue.get().unwrap(), 3);
    (4..7).for_each(|n| queue.try_put(n).unwrap());
    assert_full(&queue);
    *slow = 1;
    slow.publish().unwrap();
    let got: Vec<_> = (0..4).map(|_| queue.try_get().unwrap()).collect();
    assert_eq!(got, [1, 4, 5, 6], "one that came late is next");
}

#[test]
fn messages_that_came_back_and_dead_letters_leave_their_places() {
    let _watchdog = watchdog();
    let queue: Queue<String> = Builder::new(3).inline_bytes(16).max_deliveries(2).build().unwrap();
    let put = |text: &str| queue.try_put(text.to_owned());
    ["a", "b", "c"].into_iter().for_each(|text| put(text).unwrap());
    let leases: Vec<Lease<String, Encoded>> = (0..2).map(|_| queue.lease().unwrap()).collect();
    leases.into_iter().for_each(Lease::nack);
    let (one, other) = (queue.lease().unwrap(), queue.lease().unwrap());
    other.ack();
    put("d").unwrap();
    one.nack();
    assert!(put("e").is_err());
    queue.try_lease_dead_letter().unwrap().unwrap().ack();
    put("e").unwrap();
    assert!(put("f").is_err());
    let got: Vec<_> = (0..3).map(|_| queue.try_get().unwrap()).collect();
    assert_eq!(got, ["c", "d", "e"]);
}

/// Three at a time are killed in whatever they do with a queue; then one that lives has all of it.
#[test]
fn all_room_comes_back_from_the_dead() {
    let _watchdog = watchdog_for(Duration::from_secs(600));
    if !alone(all_room_comes_back_from_the_dead) {
        return;
    }
    for round in 0..200_u64 {
        let capacity = [1, 2, 3, 8][round as usize % 4];
        let queue = Builder::new(capacity).max_deliveries(3).build().unwrap();
        let deeds = Words::new(3);
        let busy = |number| {
            let (queue, done): (&PlainQueue<u64>, _) = (&queue, deeds.word(number));
            Copy::new(move || {
                let queue = PlainQueue::attach(queue.as_fd().try_clone_to_owned().unwrap());
                do_anything(&queue.unwrap(), round * 3 + number as u64, done);
            })
        };
        let copies = [busy(0), busy(1), busy(2)];
        // ORDERING: Relaxed. A count.
        while (0..3)
            .any(|number| deeds.word(number).load(Ordering::Relaxed) < 20 * (1 + round % 20))
        {
            thread::park_timeout(Duration::from_micros(50));
        }
        copies.into_iter().for_each(Copy::kill);
        assert_all_room(&queue);
    }
}

/// For ever.
fn do_anything(queue: &PlainQueue<u64>, seed: u64, done: &AtomicU64) {
    let mut leases = Vec::new();
    let mut random = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    loop {
        // ORDERING: Relaxed. A count.
        done.fetch_add(1, Ordering::Relaxed);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // The low bits are not random enough.
        let (deed, which) = (random >> 32 & 15, random as usize >> 40);
        match deed {
            0..5 => drop(queue.try_put(random)),
            5 => drop(queue.try_loan()),
            6 => drop(queue.try_loan().map(|loan| loan.publish())),
            7 => drop(queue.try_get()),
            8..11 => leases.extend(queue.try_lease().ok()),
            11..14 if !leases.is_empty() => leases.swap_remove(which % leases.len()).ack(),
            14 if !leases.is_empty() => leases.swap_remove(which % leases.len()).nack(),
            15 => drop(queue.try_lease_dead_letter().map(|letter| letter.map(Lease::ack))),
            _ => {}
        }
    }
}

/// Nobody else uses it.
fn assert_all_room(queue: &PlainQueue<u64>) {
    let capacity = queue.capacity();
    queue.recover();
    while queue.try_put(0).is_ok() {}
    let filled = format!("{queue:?}");
    let messages = std::iter::from_fn(|| queue.try_get().ok()).count();
    let letters = std::iter::from_fn(|| queue.try_lease_dead_letter().unwrap().map(Lease::ack));
    let in_all = messages + letters.count();
    assert_eq!(in_all, capacity, "full with so many: {filled}");
    (0..capacity as u64).for_each(|n| queue.try_put(n).unwrap());
    assert_full(queue);
    let got: Vec<_> = (0..capacity).map(|_| queue.try_get().unwrap()).collect();
    assert_eq!(got, (0..capacity as u64).collect::<Vec<_>>());
    assert!(queue.is_empty() && queue.leased() == 0, "{queue:?}");
}

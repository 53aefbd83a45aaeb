//! Handles of queues are values: they travel in arguments, in results and in other queues.
#![cfg(all(target_os = "linux", not(conc_loom)))]

use conc_process::{Builder, Process};
use conc_shm::queue::{GetError, Queue};
use conc_tests::watchdog;
use std::time::Duration;

#[test]
fn a_queue_travels_in_an_argument() {
    let _watchdog = watchdog();
    let queue: Queue<String> = Queue::bounded(4).unwrap();
    let child = Process::spawn(
        |(queue, count): (Queue<String>, u32)| {
            for number in 0..count {
                queue.put(format!("message {number}")).unwrap();
            }
        },
        (queue.clone(), 20),
    )
    .unwrap();
    for number in 0..20 {
        assert_eq!(queue.get().unwrap(), format!("message {number}"));
    }
    child.join().unwrap();
    assert_eq!(queue.get(), Err(GetError::Abandoned));
}

#[test]
fn a_queue_travels_in_a_result() {
    let _watchdog = watchdog();
    let child = Process::spawn(
        |()| {
            let queue: Queue<u32> = Queue::bounded(2).unwrap();
            queue.put(7).unwrap();
            queue
        },
        (),
    )
    .unwrap();
    let queue = child.join().unwrap();
    assert_eq!(queue.get().unwrap(), 7);
}

#[test]
fn a_queue_travels_in_a_queue() {
    let _watchdog = watchdog();
    let requests: Queue<(u32, Queue<u32>)> = Queue::bounded(4).unwrap();
    let server = Process::spawn(
        |requests: Queue<(u32, Queue<u32>)>| {
            while let Ok((number, answers)) = requests.get() {
                answers.put(number * number).unwrap();
            }
        },
        requests.clone(),
    )
    .unwrap();
    for number in 0..50 {
        let answers = Queue::bounded(1).unwrap();
        requests.put((number, answers.clone())).unwrap();
        assert_eq!(answers.get().unwrap(), number * number);
    }
    requests.close();
    server.join().unwrap();
}

#[test]
fn whoever_has_the_queue_hands_it_on_when_its_sender_is_gone() {
    let _watchdog = watchdog();
    let post: Queue<Queue<u32>> = Queue::bounded(1).unwrap();
    let shared: Queue<u32> = Queue::bounded(1).unwrap();
    let sender = Process::spawn(
        |(post, shared): (Queue<Queue<u32>>, Queue<u32>)| post.put(shared).is_ok(),
        (post.clone(), shared.clone()),
    )
    .unwrap();
    assert!(sender.join().unwrap());
    // The sender is gone; this process still has it.
    let receiver =
        Process::spawn(|post: Queue<Queue<u32>>| post.get().unwrap().put(5).is_ok(), post.clone())
            .unwrap();
    assert!(receiver.join().unwrap());
    assert_eq!(shared.get().unwrap(), 5);
}

#[test]
fn a_child_that_dies_before_it_looks_at_its_argument_leaves_nobody_waiting() {
    let _watchdog = watchdog();
    let queue: Queue<u32> = Queue::bounded(4).unwrap();
    let child =
        Process::spawn(|_: Queue<u32>| -> () { std::process::abort() }, queue.clone()).unwrap();
    assert_eq!(queue.get(), Err(GetError::Abandoned));
    assert!(child.join().is_err());
}

#[test]
fn who_waits_for_a_child_that_starts_is_not_alone() {
    let _watchdog = watchdog();
    for round in 0..20 {
        let queue: Queue<u32> = Queue::bounded(4).unwrap();
        let child = Process::spawn(
            |(queue, round): (Queue<u32>, u32)| queue.put(round).is_ok(),
            (queue.clone(), round),
        )
        .unwrap();
        assert_eq!(queue.get_timeout(Duration::from_secs(20)), Ok(round));
        assert!(child.join().unwrap());
    }
}

#[test]
fn a_handle_in_a_forked_copy_is_inert() {
    let _watchdog = watchdog();
    let queue: Queue<u32> = Queue::bounded(1).unwrap();
    queue.put(1).unwrap();
    let inside = queue.clone();
    // SAFETY: the child uses this handle, which must not touch the parent's queue, and returns.
    let child = unsafe {
        Builder::new().fork(move || {
            let forked = matches!(inside.try_get(), Err(GetError::Forked));
            inside.close();
            drop(inside);
            forked
        })
    };
    assert!(child.unwrap().join().unwrap());
    assert!(!queue.is_closed());
    assert_eq!(queue.get().unwrap(), 1);
}

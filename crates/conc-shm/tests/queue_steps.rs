//! The queue, killed and stopped before every instruction.
//!
//! Every scene is judged after *every* instruction, by images (see [`step`]). Real kills come at
//! every instruction of the four operations that a consumer and a producer live on, and at every
//! n-th of the others, since a kill costs a run and an instruction some 20 µs here.

#![cfg(not(conc_loom))]
#![allow(clippy::print_stdout, reason = "says how many instructions there were")]

mod processes;
mod step;

use conc_shm::queue::{Encoded, Form, Plain, PlainQueue, Queue};
use conc_tests::watchdog_for;
use processes::alone;
use std::os::fd::AsFd;
use std::time::Duration;
use step::{
    CAPACITY, Item, PATIENCE, Scene, assert_all_chunks, attach, builder, judge, keep, with,
};

/// Puts an item.
fn put<T: Item, F: Form<T>>(name: &'static str, stride: usize) {
    let scene = Scene::new(
        name,
        || with::<T, F>(builder(), &[1, 2]),
        |queue: &Queue<T, F>| {
            let mine = attach(queue);
            move || {
                let put = mine.put(T::new(3));
                move || {
                    put.unwrap();
                    keep(mine);
                }
            }
        },
        |queue, _| judge(queue, &[1, 2], &[1, 2, 3]),
    );
    scene.images();
    scene.kills(stride);
}

/// Gets an item.
fn get<T: Item, F: Form<T>>(name: &'static str, stride: usize, joinable: bool) {
    let scene = Scene::new(
        name,
        move || with::<T, F>(if joinable { builder().joinable() } else { builder() }, &[1, 2]),
        |queue: &Queue<T, F>| {
            let mine = attach(queue);
            move || {
                let got = mine.get();
                move || {
                    assert_eq!(got.unwrap(), T::new(1));
                    keep(mine);
                }
            }
        },
        |queue, _| judge(queue, &[1, 2], &[2]),
    );
    scene.images();
    scene.kills(stride);
}

#[test]
fn a_put_is_killed_at_every_instruction() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(a_put_is_killed_at_every_instruction) {
        return;
    }
    put::<[u8; 64], Plain>("put of 64 bytes", 1);
}

#[test]
fn a_get_is_killed_at_every_instruction() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(a_get_is_killed_at_every_instruction) {
        return;
    }
    get::<[u8; 64], Plain>("get of 64 bytes", 1, false);
}

#[test]
fn puts_of_all_sizes_are_killed() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(puts_of_all_sizes_are_killed) {
        return;
    }
    put::<(), Encoded>("put of an empty message", 7);
    put::<[u8; 1024], Plain>("put of 1 KiB", 151);
    put::<[u8; 4096], Plain>("put of 4 KiB", 5003);
}

#[test]
fn gets_of_all_sizes_are_killed() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(gets_of_all_sizes_are_killed) {
        return;
    }
    get::<(), Encoded>("get of an empty message", 7, false);
    get::<[u8; 64], Plain>("get of 64 bytes that are counted", 7, true);
    get::<[u8; 1024], Plain>("get of 1 KiB", 613, false);
    get::<[u8; 4096], Plain>("get of 4 KiB", 20_011, false);
}

/// All chunks come back, whoever dies, wherever.
#[test]
fn chained_messages_are_killed() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(chained_messages_are_killed) {
        return;
    }
    let put = Scene::new(
        "put of a chained message",
        || with::<String, Encoded>(builder(), &[1, 2]),
        |queue: &Queue<String>| {
            let mine = attach(queue);
            move || {
                let put = mine.put(<String as Item>::new(3));
                move || {
                    put.unwrap();
                    keep(mine);
                }
            }
        },
        |queue, _| {
            let effect = judge(queue, &[1, 2], &[1, 2, 3]);
            assert_all_chunks(queue);
            effect
        },
    );
    put.images();
    put.kills(1511);
    let get = Scene::new(
        "get of a chained message",
        || with::<String, Encoded>(builder(), &[1, 2]),
        |queue: &Queue<String>| {
            let mine = attach(queue);
            move || {
                let got = mine.get();
                move || {
                    assert_eq!(got.unwrap(), <String as Item>::new(1));
                    keep(mine);
                }
            }
        },
        |queue, _| {
            let effect = judge(queue, &[1, 2], &[2]);
            assert_all_chunks(queue);
            effect
        },
    );
    get.images();
    get.kills(401);
}

/// A queue that is full: the producer sleeps, and somebody makes room.
#[test]
fn a_put_that_waits_is_killed() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(a_put_that_waits_is_killed) {
        return;
    }
    let scene = Scene::new(
        "put that sleeps",
        || with::<[u8; 64], Plain>(builder(), &[1, 2, 3, 4]),
        |queue: &PlainQueue<[u8; 64]>| {
            let mine = attach(queue);
            // Its thread that looks after the dead is there already.
            mine.put_timeout([9; 64], Duration::from_millis(1)).unwrap_err();
            move || {
                let put = mine.put([5; 64]);
                move || {
                    put.unwrap();
                    keep(mine);
                }
            }
        },
        |queue, moment| match moment.woken {
            false => {
                judge(queue, &[1, 2, 3, 4], &[1, 2, 3, 4]);
                false
            }
            true => judge(queue, &[2, 3, 4], &[2, 3, 4, 5]),
        },
    )
    .wake(|queue| assert_eq!(queue.try_get().unwrap(), [1; 64]));
    scene.images();
    scene.kills(5003);
}

/// Three messages that wait, and the only free place is behind them in the line.
fn with_room_further_on() -> PlainQueue<[u8; 64]> {
    let queue = with::<[u8; 64], Plain>(builder(), &[1, 2, 3]);
    drop(queue.loan().unwrap());
    queue
}

/// As many as fit, whatever the dead began.
fn judge_full(queue: &PlainQueue<[u8; 64]>, before: &[u8], after: &[u8]) -> bool {
    let done = queue.len() == after.len();
    let mut expected = if done { after.to_vec() } else { before.to_vec() };
    for number in expected.len() as u8 + 1..=CAPACITY as u8 {
        queue.try_put([10 + number; 64]).unwrap();
        expected.push(10 + number);
    }
    queue.try_put([9; 64]).unwrap_err();
    judge(queue, &expected, &expected);
    done
}

#[test]
fn a_put_that_goes_past_others_is_killed() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(a_put_that_goes_past_others_is_killed) {
        return;
    }
    let scene = Scene::new(
        "put further on",
        with_room_further_on,
        |queue: &PlainQueue<[u8; 64]>| {
            let mine = attach(queue);
            move || {
                let put = mine.try_put([4; 64]);
                move || {
                    put.unwrap();
                    keep(mine);
                }
            }
        },
        |queue, _| judge_full(queue, &[1, 2, 3], &[1, 2, 3, 4]),
    );
    scene.images();
    scene.kills(11);
}

#[test]
fn the_end_of_an_overdue_message_is_killed() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(the_end_of_an_overdue_message_is_killed) {
        return;
    }
    let overdue = || {
        let queue = with_room_further_on();
        queue.try_put([4; 64]).unwrap();
        queue
    };
    let get = Scene::new(
        "get of an overdue message",
        overdue,
        |queue: &PlainQueue<[u8; 64]>| {
            let mine = attach(queue);
            move || {
                let got = mine.try_get();
                move || {
                    assert_eq!(got.unwrap(), [1; 64]);
                    keep(mine);
                }
            }
        },
        |queue, _| judge_full(queue, &[1, 2, 3, 4], &[2, 3, 4]),
    );
    get.images();
    get.kills(11);
    let lease = Scene::new(
        "lease of an overdue message, and its end",
        overdue,
        |queue: &PlainQueue<[u8; 64]>| {
            let mine = attach(queue);
            move || {
                let lease = mine.try_lease().unwrap();
                let right = *lease == [1; 64];
                lease.ack();
                move || {
                    assert!(right);
                    keep(mine);
                }
            }
        },
        |queue, _| judge_full(queue, &[1, 2, 3, 4], &[2, 3, 4]),
    );
    lease.images();
    lease.kills(11);
}

#[test]
fn who_comes_and_who_leaves_is_killed() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(who_comes_and_who_leaves_is_killed) {
        return;
    }
    let come = Scene::new(
        "attach",
        || with::<[u8; 64], Plain>(builder(), &[1, 2]),
        |queue: &PlainQueue<[u8; 64]>| {
            let descriptor = queue.as_fd().try_clone_to_owned().unwrap();
            move || {
                let mine = PlainQueue::<[u8; 64]>::attach(descriptor);
                move || keep(mine.unwrap())
            }
        },
        |queue, moment| {
            judge(queue, &[1, 2], &[1, 2]);
            moment.done
        },
    );
    come.images();
    come.kills(503);
    let leave = Scene::new(
        "leave",
        || with::<[u8; 64], Plain>(builder(), &[1, 2]),
        |queue: &PlainQueue<[u8; 64]>| {
            let mine = attach(queue);
            move || {
                drop(mine);
                || {}
            }
        },
        |queue, moment| {
            judge(queue, &[1, 2], &[1, 2]);
            moment.done
        },
    );
    leave.images();
    leave.kills(67);
}

//! The queue while a process stands still in the middle of an operation: before every instruction.

#![cfg(not(conc_loom))]
#![allow(clippy::print_stdout, reason = "says how many instructions there were")]

mod processes;
mod step;

use conc_shm::queue::{Plain, PlainQueue};
use conc_tests::watchdog_for;
use processes::{Channel, alone};
use step::{CAPACITY, Fate, PATIENCE, Scene, attach, builder, drain, judge, keep, with};

/// What survivors do while somebody stands still: rounds of three puts and gets of 11, 12, ...;
/// what they got.
fn three_rounds(queue: &PlainQueue<[u8; 64]>) -> Vec<u8> {
    let mut got = Vec::new();
    let mut number = 10;
    for _ in 0..3 * CAPACITY {
        // Two messages were there, and the one who stands still may keep a place.
        if got.len() < 2 {
            got.push(queue.try_get().unwrap()[0]);
            continue;
        }
        number += 1;
        queue.try_put([number; 64]).unwrap();
        got.push(queue.try_get().unwrap()[0]);
    }
    got
}

/// A put that stands still, and then meets this fate.
fn put(fate: Fate, stride: usize) {
    let scene = Scene::new(
        "put of 64 bytes",
        || with::<[u8; 64], Plain>(builder(), &[1, 2]),
        |queue: &PlainQueue<[u8; 64]>| {
            let mine = attach(queue);
            move || {
                let put = mine.put([3; 64]);
                move || {
                    put.unwrap();
                    keep(mine);
                }
            }
        },
        |_, _| true,
    );
    scene.stops(stride, fate, three_rounds, |queue, mut got| {
        got.extend(drain(queue).iter().map(|item| item[0]));
        let theirs = got.iter().filter(|&&number| number == 3).count();
        assert!(theirs == 1 || theirs == 0 && fate == Fate::Dies, "{got:?}");
        got.retain(|&number| number != 3);
        assert!(got.is_sorted() && got.len() == 12, "{got:?}");
        judge(queue, &[], &[]);
    });
}

/// Stopped, and not dead: the others go on, and it does the rest later.
#[test]
fn a_put_stands_still_at_every_instruction() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(a_put_stands_still_at_every_instruction) {
        return;
    }
    put(Fate::GoesOn, 1);
}

/// The line went past it, its place is still its own, and then it dies.
#[test]
fn a_put_that_stood_still_is_killed() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(a_put_that_stood_still_is_killed) {
        return;
    }
    put(Fate::Dies, 3);
}

#[test]
fn a_get_stands_still_at_every_instruction() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(a_get_stands_still_at_every_instruction) {
        return;
    }
    let channel = Channel::new();
    let said = &channel;
    let scene = Scene::new(
        "get of 64 bytes",
        || with::<[u8; 64], Plain>(builder(), &[1, 2, 9]),
        move |queue: &PlainQueue<[u8; 64]>| {
            let mine = attach(queue);
            move || {
                let got = mine.get();
                move || {
                    said.say(&got.unwrap()[0]);
                    keep(mine);
                }
            }
        },
        |_, _| true,
    );
    scene.stops(1, Fate::GoesOn, three_rounds, |queue, mut got| {
        got.extend(drain(queue).iter().map(|item| item[0]));
        assert!(got.is_sorted() && got.len() == 12, "{got:?}");
        got.push(channel.hear());
        got.sort_unstable();
        got.dedup();
        assert_eq!(got.len(), 13, "each once: {got:?}");
        judge(queue, &[], &[]);
    });
}

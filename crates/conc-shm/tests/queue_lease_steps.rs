//! Leases, and what ends them, killed before every instruction: see [`step`].

#![cfg(not(conc_loom))]
#![allow(clippy::print_stdout, reason = "says how many instructions there were")]

mod processes;
mod step;

use conc_shm::queue::{Form, GetError, Leasing, Plain, PlainQueue, Queue};
use conc_tests::watchdog_for;
use processes::{Channel, Copy, alone, forever};
use step::{Item, PATIENCE, Scene, attach, builder, drain, items, judge, keep, with};

/// What the survivors get of item 1, which somebody may have leased before, and of item 2:
/// whether it was leased; `None`: it is gone.
fn leased_before<T: Item, F: Form<T> + Leasing<T>>(queue: &Queue<T, F>) -> Option<bool> {
    let first = queue.try_lease().unwrap();
    if *first == T::new(2) {
        first.ack();
        judge(queue, &[], &[]);
        return None;
    }
    assert_eq!(*first, T::new(1));
    let before = first.deliveries() - 1;
    assert!(before <= 1, "leased {before} times");
    first.ack();
    let second = queue.try_lease().unwrap();
    assert_eq!((&*second, second.deliveries()), (&T::new(2), 1));
    second.ack();
    judge(queue, &[], &[]);
    Some(before == 1)
}

#[test]
fn a_lease_is_killed_at_every_instruction() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(a_lease_is_killed_at_every_instruction) {
        return;
    }
    let scene = Scene::new(
        "lease",
        || {
            let queue = with::<[u8; 64], Plain>(builder(), &[9, 1, 2]);
            // What a process asks the system once was asked, and copies know it.
            queue.lease().unwrap().ack();
            queue
        },
        |queue: &PlainQueue<[u8; 64]>| {
            let mine = attach(queue);
            move || {
                let lease = mine.lease();
                move || {
                    std::mem::forget(lease.unwrap());
                    keep(mine);
                }
            }
        },
        |queue, _| leased_before(queue).expect("it comes back"),
    );
    scene.images();
    scene.kills(1);
}

#[test]
fn an_ack_is_killed_at_every_instruction() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(an_ack_is_killed_at_every_instruction) {
        return;
    }
    let scene = Scene::new(
        "ack",
        || with::<[u8; 64], Plain>(builder(), &[1, 2]),
        |queue: &PlainQueue<[u8; 64]>| {
            let mine = attach(queue);
            let lease = mine.lease().unwrap();
            move || {
                lease.ack();
                move || keep(mine)
            }
        },
        |queue, _| leased_before(queue).is_none(),
    );
    scene.images();
    scene.kills(1);
}

#[test]
fn nacks_and_closes_are_killed() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(nacks_and_closes_are_killed) {
        return;
    }
    let nack = Scene::new(
        "nack",
        || with::<[u8; 64], Plain>(builder(), &[1, 2]),
        |queue: &PlainQueue<[u8; 64]>| {
            let mine = attach(queue);
            let lease = mine.lease().unwrap();
            move || {
                lease.nack();
                move || keep(mine)
            }
        },
        |queue, moment| {
            // By itself, or because its consumer died: once, in any case.
            assert_eq!(leased_before(queue), Some(true));
            moment.done
        },
    );
    nack.images();
    nack.kills(7);
    let close = Scene::new(
        "close",
        || with::<[u8; 64], Plain>(builder(), &[1, 2]),
        |queue: &PlainQueue<[u8; 64]>| {
            let mine = attach(queue);
            move || {
                mine.close();
                move || keep(mine)
            }
        },
        |queue, _| {
            if !queue.is_closed() {
                return judge(queue, &[1, 2], &[]);
            }
            assert!(queue.try_put([3; 64]).unwrap_err().into_inner() == [3; 64]);
            assert_eq!(drain(queue), items::<[u8; 64]>(&[1, 2]));
            assert!(matches!(queue.try_get(), Err(GetError::Closed)));
            true
        },
    );
    close.images();
    close.kills(7);
}

/// Who recovers the dead may die of it, wherever; the next one finds both.
#[test]
fn a_recovery_is_killed() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(a_recovery_is_killed) {
        return;
    }
    let scene = Scene::new(
        "recovery of a lease and half a put",
        || {
            let queue = with::<[u8; 64], Plain>(builder(), &[1, 2]);
            let channel = Channel::new();
            let dead = Copy::new(|| {
                let mine = attach(&queue);
                let _lease = mine.lease().unwrap();
                let _half_a_put = mine.try_loan().unwrap();
                channel.say(&());
                forever();
            });
            channel.hear::<()>();
            dead.kill();
            queue
        },
        |queue: &PlainQueue<[u8; 64]>| {
            let mine = attach(queue);
            move || {
                let found = mine.recover();
                move || {
                    assert_eq!(found, 1);
                    keep(mine);
                }
            }
        },
        |queue, moment| {
            assert_eq!(leased_before(queue), Some(true));
            moment.done
        },
    );
    scene.images();
    scene.kills(499);
}

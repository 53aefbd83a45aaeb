//! What must pass.

use super::brute::explains;
use super::script::{close, empty, ended, full, got, history, put, refused};
use crate::linear::{Call, Fifo, History, Order, Rules, linearize, screen};
use crate::watchdog;

/// All judges let it pass.
fn passes<const N: usize>(capacity: usize, calls: [Call; N]) {
    let history = history(calls);
    if let Err(refused) = linearize(&Fifo::bounded(capacity), &history) {
        panic!("{refused}");
    }
    screen(&history, &Rules::new(Order::Global).capacity(capacity)).unwrap();
    screen(&history, &Rules::new(Order::PerProducer).capacity(capacity)).unwrap();
    assert!(explains(Some(capacity), &history), "{history}");
}

#[test]
fn nothing_at_all_passes() {
    let _watchdog = watchdog();
    passes(1, []);
}

#[test]
fn one_after_the_other_passes() {
    let _watchdog = watchdog();
    let calls = [put(0, (0, 1), 1), put(0, (2, 3), 2), got(1, (4, 5), 1), got(1, (6, 7), 2)];
    passes(2, calls);
}

/// No order of the two explains it, but the one that was refused in the end may have had a place,
/// or stood in front of one.
#[test]
fn full_beside_a_put_that_is_refused_passes_the_screen() {
    let _watchdog = watchdog();
    let history = history([full(1, (0, 9), 1), full(2, (4, 5), 2)]);
    screen(&history, &Rules::new(Order::Global).capacity(1)).unwrap();
    assert!(linearize(&Fifo::bounded(1), &history).is_err());
}

#[test]
fn puts_that_overlap_have_either_order() {
    let _watchdog = watchdog();
    let puts = [put(0, (0, 10), 1), put(1, (0, 10), 2)];
    passes(2, [puts[0], puts[1], got(2, (11, 12), 1), got(2, (13, 14), 2)]);
    passes(2, [puts[0], puts[1], got(2, (11, 12), 2), got(2, (13, 14), 1)]);
}

#[test]
fn a_get_may_begin_before_the_put_of_its_item() {
    let _watchdog = watchdog();
    passes(1, [got(1, (0, 9), 1), put(0, (3, 5), 1)]);
}

#[test]
fn empty_may_be_said_before_a_put_has_ended_and_after_a_get_has_begun() {
    let _watchdog = watchdog();
    passes(1, [put(0, (0, 5), 1), empty(1, (2, 6)), got(1, (7, 8), 1)]);
    passes(1, [put(0, (0, 1), 1), got(1, (2, 9), 1), empty(2, (3, 4))]);
}

#[test]
fn empty_may_be_said_between_two_items() {
    let _watchdog = watchdog();
    let calls = [
        put(0, (0, 1), 1),
        got(1, (3, 5), 1),
        put(0, (4, 6), 2),
        empty(2, (2, 7)),
        got(1, (8, 9), 2),
    ];
    passes(2, calls);
}

#[test]
fn full_may_be_said_before_a_get_has_ended_and_after_a_put_has_begun() {
    let _watchdog = watchdog();
    passes(1, [put(0, (0, 1), 1), got(1, (2, 6), 1), full(2, (4, 5), 7)]);
    passes(1, [put(0, (0, 9), 1), full(2, (4, 5), 7), got(1, (10, 11), 1)]);
}

#[test]
fn as_many_as_fit_may_be_inside() {
    let _watchdog = watchdog();
    let calls = [
        put(0, (0, 1), 1),
        put(0, (2, 3), 2),
        put(1, (4, 9), 3),
        got(2, (5, 8), 1),
        full(3, (10, 11), 4),
    ];
    passes(2, calls);
}

#[test]
fn a_closed_queue_that_is_drained_passes() {
    let _watchdog = watchdog();
    let calls = [
        put(0, (0, 1), 1),
        close(1, (2, 5)),
        put(0, (3, 4), 2),
        refused(0, (6, 7), 3),
        got(1, (8, 9), 1),
        got(2, (10, 15), 2),
        ended(1, (12, 13)),
        close(1, (16, 17)),
        ended(2, (18, 19)),
    ];
    passes(4, calls);
}

#[test]
fn equal_stamps_order_nothing() {
    let _watchdog = watchdog();
    passes(2, [put(0, (0, 5), 1), put(1, (5, 9), 2), got(2, (10, 11), 2), got(2, (12, 13), 1)]);
    passes(1, [put(0, (0, 5), 1), empty(1, (5, 5)), got(1, (6, 7), 1)]);
}

#[test]
fn long_histories_without_overlap_are_fast() {
    let _watchdog = watchdog();
    let calls = (0..3_000)
        .flat_map(|n| [put(0, (n * 10, n * 10 + 1), n), got(1, (n * 10 + 2, n * 10 + 3), n)]);
    let history = History::new(calls.collect());
    assert_eq!(linearize(&Fifo::bounded(1), &history).unwrap().len(), 6_000);
}

#[test]
fn a_million_calls_are_screened() {
    let _watchdog = watchdog();
    // Each item stays inside until five later ones are.
    let calls = (0..500_000)
        .flat_map(|n| [put(0, (n * 10, n * 10 + 3), n), got(1, (n * 10 + 51, n * 10 + 54), n)]);
    let history = History::new(calls.collect());
    screen(&history, &Rules::new(Order::Global).capacity(6).drained()).unwrap();
    assert!(screen(&history, &Rules::new(Order::Global).capacity(4).drained()).is_err());
}

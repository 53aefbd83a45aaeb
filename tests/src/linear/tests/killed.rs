//! Calls that never returned.

use super::brute::explains;
use super::script::{close, empty, ended, full, got, history, killed, put};
use crate::linear::{Call, Fifo, Operation, Order, Rules, linearize, screen};
use crate::watchdog;

/// Whether all judges agree that it is right.
fn is_right<const N: usize>(capacity: usize, calls: [Call; N]) -> bool {
    let history = history(calls);
    let right = linearize(&Fifo::bounded(capacity), &history).is_ok();
    assert_eq!(right, explains(Some(capacity), &history), "{history}");
    assert_eq!(right, screen(&history, &Rules::new(Order::Global).capacity(capacity)).is_ok());
    right
}

#[test]
fn a_killed_put_is_all_or_nothing() {
    let _watchdog = watchdog();
    let put = killed(0, 0, Operation::Put(1));
    assert!(is_right(1, [put]));
    assert!(is_right(1, [put, got(1, (2, 3), 1)]));
    assert!(is_right(1, [put, empty(1, (2, 3)), got(1, (4, 5), 1)]));
    assert!(is_right(1, [put, full(1, (2, 3), 2)]));
    assert!(is_right(1, [put, close(1, (2, 3)), ended(1, (4, 5))]));
    assert!(!is_right(1, [put, got(1, (2, 3), 1), got(1, (4, 5), 1)]));
    assert!(!is_right(1, [put, close(1, (2, 3)), ended(1, (4, 5)), got(1, (6, 7), 1)]));
}

#[test]
fn a_killed_put_comes_after_what_its_thread_put_before() {
    let _watchdog = watchdog();
    let puts = [put(0, (0, 1), 1), killed(0, 2, Operation::Put(2))];
    assert!(is_right(2, [puts[0], puts[1], got(1, (3, 4), 1), got(1, (5, 6), 2)]));
    assert!(!is_right(2, [puts[0], puts[1], got(1, (3, 4), 2), got(1, (5, 6), 1)]));
}

#[test]
fn a_killed_get_takes_one_item_at_most() {
    let _watchdog = watchdog();
    let puts = [put(0, (0, 1), 1), put(0, (2, 3), 2)];
    let get = killed(1, 4, Operation::Get);
    assert!(is_right(2, [puts[0], puts[1], get, got(2, (5, 6), 1), got(2, (7, 8), 2)]));
    assert!(is_right(2, [puts[0], puts[1], get, got(2, (5, 6), 2), empty(2, (7, 8))]));
    assert!(is_right(2, [puts[0], puts[1], get, got(2, (5, 6), 1), empty(2, (7, 8))]));
    assert!(!is_right(2, [puts[0], puts[1], get, got(2, (5, 6), 2), got(2, (7, 8), 1)]));
    let both = history([puts[0], puts[1], get, empty(2, (5, 6))]);
    assert!(linearize(&Fifo::bounded(2), &both).is_err(), "two are gone");
    let drained = Rules::new(Order::Global).drained();
    assert!(screen(&history([puts[0], get]), &drained).is_ok());
    assert!(screen(&history([puts[0], puts[1], get]), &drained).is_err(), "two are gone");
}

#[test]
fn a_get_that_is_killed_later_has_taken_nothing_before() {
    let _watchdog = watchdog();
    let get = killed(1, 4, Operation::Get);
    assert!(!is_right(1, [put(0, (0, 1), 1), empty(2, (2, 3)), get]));
    assert!(is_right(1, [put(0, (0, 1), 1), get, empty(2, (5, 6))]));
}

#[test]
fn a_killed_close_closes_or_does_not() {
    let _watchdog = watchdog();
    let close = killed(0, 0, Operation::Close);
    assert!(is_right(1, [close, put(1, (1, 2), 1), got(1, (3, 4), 1)]));
    assert!(is_right(1, [close, put(1, (1, 2), 1), got(1, (3, 4), 1), ended(1, (5, 6))]));
    assert!(!is_right(1, [close, ended(1, (1, 2)), put(1, (3, 4), 1), got(1, (5, 6), 1)]));
}

//! What must be refused.

use super::brute::explains;
use super::script::{close, empty, ended, full, got, history, put, refused};
use crate::linear::{Call, Fifo, Order, Rules, Violation, linearize, screen};
use crate::watchdog;

/// All judges refuse it; the screen says why. A last get finds the queue empty.
fn refuses<const N: usize>(capacity: usize, calls: [Call; N]) -> Violation {
    let history = history(calls);
    assert!(linearize(&Fifo::bounded(capacity), &history).is_err(), "{history}");
    assert!(!explains(Some(capacity), &history), "{history}");
    screen(&history, &Rules::new(Order::Global).capacity(capacity)).unwrap_err()
}

#[test]
fn a_lost_item_is_noticed() {
    let _watchdog = watchdog();
    let calls = [put(0, (0, 1), 1), put(0, (2, 3), 2), got(1, (4, 5), 2), empty(1, (6, 7))];
    assert_eq!(refuses(4, calls), Violation::Reordered { first: 1, second: 2 });
    let calls = [put(0, (0, 1), 1), empty(1, (6, 7))];
    assert_eq!(refuses(4, calls), Violation::NotEmpty(calls[1]));
    let rules = Rules::new(Order::PerProducer).drained();
    let lost = screen(&history([calls[0]]), &rules).unwrap_err();
    assert_eq!(lost, Violation::Lost { items: 1, killed: 0, example: 1 });
}

#[test]
fn an_item_that_comes_twice_is_noticed() {
    let _watchdog = watchdog();
    let calls = [put(0, (0, 1), 1), got(1, (2, 3), 1), got(2, (4, 5), 1)];
    assert_eq!(refuses(4, calls), Violation::Twice { first: calls[1], second: calls[2] });
}

#[test]
fn an_invented_item_is_noticed() {
    let _watchdog = watchdog();
    let calls = [put(0, (0, 1), 1), got(1, (2, 3), 7)];
    assert_eq!(refuses(4, calls), Violation::Invented(calls[1]));
}

#[test]
fn another_order_is_noticed() {
    let _watchdog = watchdog();
    let calls = [put(0, (0, 1), 1), put(1, (2, 3), 2), got(2, (4, 5), 2), got(2, (6, 7), 1)];
    assert_eq!(refuses(4, calls), Violation::Reordered { first: 1, second: 2 });
    // By different producers: an order for each of them alone allows it.
    screen(&history(calls), &Rules::new(Order::PerProducer)).unwrap();
    let calls = calls.map(|call| Call { thread: 0, ..call });
    assert!(screen(&history(calls), &Rules::new(Order::PerProducer)).is_err());
}

#[test]
fn another_order_is_noticed_behind_many() {
    let _watchdog = watchdog();
    let calls = [
        put(0, (0, 1), 1),
        put(0, (2, 3), 2),
        put(0, (4, 5), 3),
        got(1, (6, 9), 1),
        got(2, (7, 8), 3),
        got(1, (10, 11), 2),
    ];
    assert_eq!(refuses(4, calls), Violation::Reordered { first: 2, second: 3 });
}

#[test]
fn empty_is_noticed_where_an_item_was_inside() {
    let _watchdog = watchdog();
    let calls = [put(0, (0, 1), 1), empty(1, (2, 3)), got(1, (4, 5), 1)];
    assert_eq!(refuses(4, calls), Violation::NotEmpty(calls[1]));
}

#[test]
fn empty_is_noticed_where_one_item_followed_another() {
    let _watchdog = watchdog();
    let calls = [
        put(0, (0, 1), 1),
        put(0, (3, 4), 2),
        got(1, (5, 6), 1),
        put(0, (7, 8), 3),
        got(1, (9, 10), 2),
        empty(2, (2, 11)),
        got(1, (12, 13), 3),
    ];
    assert_eq!(refuses(4, calls), Violation::NotEmpty(calls[5]));
}

#[test]
fn a_get_before_the_put_is_noticed() {
    let _watchdog = watchdog();
    let calls = [got(1, (0, 1), 1), put(0, (2, 3), 1)];
    assert_eq!(refuses(4, calls), Violation::BeforePut(calls[0]));
}

#[test]
fn too_many_inside_is_noticed() {
    let _watchdog = watchdog();
    let calls = [put(0, (0, 1), 1), put(1, (2, 3), 2), put(0, (4, 5), 3), got(2, (6, 7), 1)];
    assert_eq!(refuses(2, calls), Violation::OverCapacity { items: 3, moment: 5 });
}

#[test]
fn full_is_noticed_where_there_was_room() {
    let _watchdog = watchdog();
    let calls = [put(0, (0, 1), 1), full(1, (2, 3), 2), got(2, (4, 5), 1)];
    assert_eq!(refuses(2, calls), Violation::NotFull(calls[1]));
    let calls = [put(0, (0, 1), 1), got(2, (2, 3), 1), full(1, (4, 5), 2)];
    assert_eq!(refuses(1, calls), Violation::NotFull(calls[2]));
    let calls = [full(1, (0, 1), 2), put(0, (2, 3), 1)];
    assert_eq!(refuses(1, calls), Violation::NotFull(calls[0]));
    // Another put, but not at the same time.
    let calls = [full(1, (0, 3), 2), full(2, (4, 5), 3)];
    assert_eq!(refuses(1, calls), Violation::NotFull(calls[0]));
}

#[test]
fn a_refused_item_that_comes_out_is_noticed() {
    let _watchdog = watchdog();
    let calls = [put(0, (0, 1), 1), full(1, (2, 3), 2), got(2, (4, 5), 1), got(2, (6, 7), 2)];
    assert_eq!(refuses(1, calls), Violation::Refused(calls[3]));
}

#[test]
fn a_put_after_the_close_is_noticed() {
    let _watchdog = watchdog();
    let calls = [close(0, (0, 1)), put(1, (2, 3), 1)];
    assert_eq!(refuses(2, calls), Violation::NotOpen(calls[1]));
}

#[test]
fn empty_and_full_are_noticed_after_the_close() {
    let _watchdog = watchdog();
    let calls = [close(0, (0, 1)), empty(1, (2, 3))];
    assert_eq!(refuses(2, calls), Violation::NotOpen(calls[1]));
    let calls = [put(0, (0, 1), 1), close(0, (2, 3)), full(1, (4, 5), 2)];
    assert_eq!(refuses(1, calls), Violation::NotOpen(calls[2]));
}

#[test]
fn closed_is_noticed_where_it_was_open() {
    let _watchdog = watchdog();
    let calls = [refused(1, (0, 1), 1), close(0, (2, 3))];
    assert_eq!(refuses(2, calls), Violation::NotClosed(calls[0]));
    let calls = [ended(1, (0, 1))];
    assert_eq!(refuses(2, calls), Violation::NotClosed(calls[0]));
}

#[test]
fn the_end_is_noticed_where_something_was_left() {
    let _watchdog = watchdog();
    let calls = [put(0, (0, 1), 1), close(0, (2, 3)), ended(1, (4, 5)), got(1, (6, 7), 1)];
    assert_eq!(refuses(2, calls), Violation::AfterTheEnd { item: 1, closed: calls[2] });
    // The put overlaps the close and the end, and still it was before both.
    let calls = [put(0, (0, 9), 1), close(1, (1, 2)), ended(1, (3, 4)), got(1, (10, 11), 1)];
    assert_eq!(refuses(2, calls), Violation::AfterTheEnd { item: 1, closed: calls[2] });
    let calls = [put(0, (0, 9), 1), close(1, (1, 2)), ended(1, (3, 4))];
    assert_eq!(refuses(2, calls), Violation::AfterTheEnd { item: 1, closed: calls[2] });
}

#[test]
fn a_refusal_says_how_far_it_came() {
    let _watchdog = watchdog();
    let calls = [put(0, (0, 1), 1), empty(1, (2, 3)), got(1, (4, 5), 1)];
    let refused = linearize(&Fifo::unbounded(), &history(calls)).unwrap_err();
    assert_eq!(
        (refused.explained.as_slice(), refused.stuck.as_slice()),
        (&calls[..1], &calls[1..2])
    );
    let text = refused.to_string();
    assert!(text.contains("thread 1 Get -> Empty [2, 3]"), "{text}");
}

//! What the three specifications allow.

use super::script::{call, close, empty, ended, full, got, history, killed, put, refused};
use crate::linear::{
    Call, Fifo, Operation, Order, Outcome, PerProducer, Redelivery, Rules, Specification,
    Violation, linearize, screen,
};
use crate::watchdog;

fn allows<const N: usize>(specification: &impl Specification, calls: [Call; N]) -> bool {
    linearize(specification, &history(calls)).is_ok()
}

#[test]
fn producers_are_ordered_each_for_itself() {
    let _watchdog = watchdog();
    let puts = [put(0, (0, 1), 1), put(1, (2, 3), 2), put(0, (4, 5), 3)];
    let gets = |items: [u64; 3]| {
        [(6, 7), (8, 9), (10, 11)].into_iter().zip(items).map(|(span, item)| got(2, span, item))
    };
    for (items, per_producer, fifo) in [
        ([1, 2, 3], true, true),
        ([1, 3, 2], true, false),
        ([2, 1, 3], true, false),
        ([3, 1, 2], false, false),
        ([2, 3, 1], false, false),
    ] {
        let calls: Vec<_> = puts.into_iter().chain(gets(items)).collect();
        let calls: [Call; 6] = calls.try_into().unwrap();
        assert_eq!(allows(&PerProducer::bounded(3), calls), per_producer, "{items:?}");
        assert_eq!(allows(&PerProducer::unbounded(), calls), per_producer, "{items:?}");
        assert_eq!(allows(&Fifo::bounded(3), calls), fifo, "{items:?}");
        let screened = |order| screen(&history(calls), &Rules::new(order)).is_ok();
        assert_eq!((screened(Order::PerProducer), screened(Order::Global)), (per_producer, fifo));
    }
}

#[test]
fn order_for_each_producer_still_counts_and_closes() {
    let _watchdog = watchdog();
    let queue = PerProducer::bounded(2);
    let puts = [put(0, (0, 1), 1), put(1, (2, 3), 2)];
    assert!(allows(&queue, [puts[0], puts[1], full(2, (4, 5), 3)]));
    assert!(!allows(&queue, [puts[0], full(2, (4, 5), 3)]));
    assert!(!allows(&queue, [puts[0], puts[1], put(2, (4, 5), 3)]));
    assert!(!allows(&queue, [puts[0], empty(2, (4, 5))]));
    assert!(allows(&queue, [puts[0], killed(2, 4, Operation::Get), empty(3, (5, 6))]));
    assert!(!allows(&queue, [puts[0], puts[1], killed(2, 4, Operation::Get), empty(3, (5, 6))]));
    let closed = close(2, (4, 5));
    assert!(allows(
        &queue,
        [puts[0], closed, refused(0, (6, 7), 9), got(3, (8, 9), 1), ended(3, (10, 11))]
    ));
    assert!(!allows(&queue, [puts[0], closed, ended(3, (10, 11))]));
}

fn acked(thread: usize, span: (u64, u64), item: u64) -> Call {
    call(thread, span, Operation::Ack(item), Outcome::Done)
}

fn kill(thread: usize, span: (u64, u64)) -> Call {
    call(9, span, Operation::Kill(thread), Outcome::Done)
}

#[test]
fn what_the_dead_held_comes_again() {
    let _watchdog = watchdog();
    let queue = Redelivery::unbounded();
    let first = [put(0, (0, 1), 1), put(0, (2, 3), 2), got(1, (4, 5), 1)];
    let [one, two, held] = first;
    let dead = kill(1, (6, 7));
    // Again, before or after what waits behind it.
    assert!(allows(&queue, [one, two, held, dead, got(2, (8, 9), 1), got(2, (10, 11), 2)]));
    assert!(allows(&queue, [one, two, held, dead, got(2, (8, 9), 2), got(2, (10, 11), 1)]));
    // Its holder lives, or had acknowledged it, or dies later.
    assert!(!allows(&queue, [one, held, got(2, (8, 9), 1)]));
    assert!(!allows(
        &queue,
        [one, held, acked(1, (6, 7), 1), kill(1, (8, 9)), got(2, (10, 11), 1)]
    ));
    assert!(!allows(&queue, [one, held, got(2, (6, 7), 1), kill(1, (8, 9))]));
    // Twice, if both holders die.
    let twice = [one, held, dead, got(2, (8, 9), 1), kill(2, (10, 11)), got(3, (12, 13), 1)];
    assert!(allows(&queue, twice));
    let screened = |rules: Rules| screen(&history(twice), &rules);
    screened(Rules::new(Order::Global).redelivers().drained()).unwrap();
    assert!(matches!(screened(Rules::new(Order::Global)), Err(Violation::Twice { .. })));
}

#[test]
fn an_acknowledgement_is_its_holders() {
    let _watchdog = watchdog();
    let queue = Redelivery::unbounded();
    let [one, held] = [put(0, (0, 1), 1), got(1, (2, 3), 1)];
    assert!(allows(&queue, [one, held, acked(1, (4, 5), 1)]));
    assert!(!allows(&queue, [one, held, acked(2, (4, 5), 1)]));
    assert!(!allows(&queue, [one, held, acked(1, (4, 5), 1), acked(1, (6, 7), 1)]));
    assert!(!allows(&queue, [one, acked(1, (4, 5), 1)]));
    // A killed one has happened or has not.
    let maybe = killed(1, 4, Operation::Ack(1));
    let dead = kill(1, (5, 6));
    assert!(allows(&queue, [one, held, maybe, dead, got(2, (7, 8), 1)]));
    assert!(allows(&queue, [one, held, maybe, dead, close(2, (7, 8)), ended(2, (9, 10))]));
    assert!(!allows(&queue, [one, held, dead, close(2, (7, 8)), ended(2, (9, 10))]));
}

#[test]
fn a_killed_get_may_have_leased() {
    let _watchdog = watchdog();
    let queue = Redelivery::unbounded();
    let [one, two] = [put(0, (0, 1), 1), put(0, (2, 3), 2)];
    let (maybe, dead) = (killed(1, 4, Operation::Get), kill(1, (5, 6)));
    assert!(allows(&queue, [one, two, maybe, dead, got(2, (7, 8), 2), got(2, (9, 10), 1)]));
    assert!(!allows(&queue, [one, two, dead, got(2, (7, 8), 2), got(2, (9, 10), 1)]));
    let late = history([one, two, maybe, dead, got(2, (7, 8), 2), got(2, (9, 10), 1)]);
    screen(&late, &Rules::new(Order::PerProducer).redelivers().drained()).unwrap();
}

#[test]
fn leased_items_count_towards_the_capacity() {
    let _watchdog = watchdog();
    let queue = Redelivery::bounded(1);
    let [one, held] = [put(0, (0, 1), 1), got(1, (2, 3), 1)];
    assert!(allows(&queue, [one, held, full(0, (4, 5), 2)]));
    assert!(!allows(&queue, [one, held, put(0, (4, 5), 2)]));
    assert!(allows(&queue, [one, held, acked(1, (4, 5), 1), put(0, (6, 7), 2)]));
    assert!(!allows(&queue, [one, held, acked(1, (4, 5), 1), full(0, (6, 7), 2)]));
}

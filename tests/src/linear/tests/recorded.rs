//! What a scribe writes.

use crate::linear::{Call, Clock, History, Operation, Outcome};
use crate::watchdog;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

#[test]
fn calls_are_stamped_in_order() {
    let _watchdog = watchdog();
    let clock = Clock::default();
    let mut scribe = clock.scribe(3);
    let inside = |outcome| {
        clock.tick();
        outcome
    };
    assert_eq!(scribe.record(Operation::Put(1), || inside(Outcome::Done)), Outcome::Done);
    assert_eq!(scribe.record(Operation::Get, || inside(Outcome::Got(1))), Outcome::Got(1));
    let calls = scribe.into_calls();
    assert_eq!((calls[0].invoked, calls[0].returned), (0, 2));
    assert_eq!((calls[1].invoked, calls[1].returned), (3, 5));
    assert!(calls[0].is_before(&calls[1]) && !calls[1].is_before(&calls[0]));
    assert!(calls.iter().all(|call| call.thread == 3));
}

#[test]
fn a_call_that_does_not_return_is_written_down() {
    let _watchdog = watchdog();
    let clock = Clock::default();
    let mut scribe = clock.scribe(0);
    let call = || scribe.record(Operation::Put(1), || std::panic::resume_unwind(Box::new(())));
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    let history = History::of([scribe]);
    assert_eq!((history.calls()[0].outcome, history.calls()[0].returned), (None, Call::NEVER));
}

#[test]
fn the_calls_of_all_threads_are_sorted_by_their_begin() {
    let _watchdog = watchdog();
    let clock = Clock::default();
    let scribes = thread::scope(|scope| {
        let threads = [0, 1, 2].map(|thread| {
            let clock = &clock;
            scope.spawn(move || {
                let mut scribe = clock.scribe(thread);
                for _ in 0..100 {
                    scribe.record(Operation::Get, || Outcome::Empty);
                }
                scribe
            })
        });
        threads.map(|thread| thread.join().unwrap())
    });
    let history = History::of(scribes);
    assert_eq!(history.calls().len(), 300);
    assert!(history.calls().is_sorted_by(|a, b| a.invoked < b.invoked));
}

#[test]
#[should_panic(expected = "it ends before it begins")]
fn a_call_ends_after_it_begins() {
    let _watchdog = watchdog();
    let _ = History::new(vec![super::script::empty(0, (2, 1))]);
}

#[test]
#[should_panic(expected = "an outcome or none?")]
fn a_call_without_outcome_has_no_end() {
    let _watchdog = watchdog();
    let call = super::script::empty(0, (1, 2));
    let _ = History::new(vec![Call { outcome: None, ..call }]);
}

//! Models of a ring's words: taking, stealing, cutting, sleeping.
//!
//! `RUSTFLAGS="--cfg conc_loom" cargo test --release -p conc-process --lib models`
//!
//! What an entry holds is a cell that loom watches: it may be touched by whoever the words say.

use super::claim::{Claim, Stage, Take};
use super::sleeper::Sleeper;
use super::span::{Cut, Span};
use conc_core::sync::UnsafeCell;
use conc_core::sys::futex::Scope;
use conc_tests::model;
use loom::thread;
use std::sync::Arc;

/// One place of a ring.
struct Place {
    claim: Claim,
    argument: UnsafeCell<u32>,
    result: UnsafeCell<u32>,
    sleeper: Sleeper,
}

// SAFETY: the cells are loom's, which finds every access that the words do not allow.
unsafe impl Sync for Place {}

impl Place {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            claim: Claim::new(),
            argument: UnsafeCell::new(0),
            result: UnsafeCell::new(0),
            sleeper: Sleeper::new(),
        })
    }

    fn write_argument(&self, value: u32) {
        // SAFETY: loom watches the cell.
        self.argument.with_mut(|cell| unsafe { *cell = value });
    }

    fn read_argument(&self) -> u32 {
        // SAFETY: loom watches the cell.
        self.argument.with(|cell| unsafe { *cell })
    }

    /// As a worker runs what it has taken.
    fn run(&self, number: u64) {
        let argument = self.read_argument();
        // SAFETY: loom watches the cell.
        self.result.with_mut(|cell| unsafe { *cell = argument * 2 });
        self.claim.finish(number);
    }
}

#[test]
fn an_entry_is_run_or_stolen_and_never_both() {
    model("an_entry_is_run_or_stolen_and_never_both", || {
        let place = Place::new();
        place.write_argument(21);
        place.claim.publish(0);
        let worker = thread::spawn({
            let place = Arc::clone(&place);
            move || match place.claim.take(0) {
                Take::Taken => {
                    place.run(0);
                    true
                }
                _ => false,
            }
        });
        let stolen = place.claim.steal(0);
        if stolen {
            // The place is the parent's again at once.
            place.write_argument(5);
            place.claim.publish(128);
        }
        assert!(worker.join().unwrap() ^ stolen, "one of them has it, and only one");
        if !stolen {
            assert_eq!(place.claim.stage(0), Stage::Done);
            // SAFETY: loom watches the cell.
            assert_eq!(place.result.with(|cell| unsafe { *cell }), 42);
        }
    });
}

#[test]
fn results_are_seen_by_whoever_sees_them_done() {
    model("results_are_seen_by_whoever_sees_them_done", || {
        let place = Place::new();
        place.write_argument(21);
        place.claim.publish(0);
        let worker = thread::spawn({
            let place = Arc::clone(&place);
            move || {
                assert_eq!(place.claim.take(0), Take::Taken);
                place.run(0);
            }
        });
        while place.claim.stage(0) != Stage::Done {
            thread::yield_now();
        }
        // SAFETY: loom watches the cell.
        assert_eq!(place.result.with(|cell| unsafe { *cell }), 42);
        // And the argument's place is the parent's again.
        place.write_argument(1);
        worker.join().unwrap();
    });
}

#[test]
fn a_worker_that_sleeps_is_woken() {
    model("a_worker_that_sleeps_is_woken", || {
        let place = Place::new();
        let worker = thread::spawn({
            let place = Arc::clone(&place);
            move || {
                // As `Worker::run`, without patience.
                while place.claim.take(0) == Take::NotYet {
                    place.sleeper.announce();
                    if place.claim.stage(0) == Stage::Ahead {
                        place.sleeper.sleep(Scope::Shared);
                    }
                    place.sleeper.retract();
                }
                place.run(0);
            }
        });
        place.write_argument(1);
        place.claim.publish(0);
        place.sleeper.wake(Scope::Shared);
        worker.join().unwrap();
        assert_eq!(place.claim.stage(0), Stage::Done);
    });
}

#[test]
fn each_item_of_a_batch_is_run_by_one() {
    model("each_item_of_a_batch_is_run_by_one", || {
        let span = Arc::new(Span::new());
        span.begin(3);
        let worker = thread::spawn({
            let span = Arc::clone(&span);
            move || {
                let mut run = 0;
                while span.take() {
                    run += 1;
                    span.count(run, run * 4);
                }
                run
            }
        });
        let cut = span.cut(Cut::Half).map_or(0, |(from, to)| to - from);
        let seen = span.progress();
        assert!(seen.done <= 3 && seen.bytes == seen.done * 4);
        let run = worker.join().unwrap();
        assert_eq!(run + cut, 3);
        let ended = span.progress();
        assert_eq!((ended.next, ended.end, ended.done), (run, run, run));
    });
}

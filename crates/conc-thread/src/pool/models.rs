//! Models of sleeping, searching and standing in.
//!
//! `RUSTFLAGS="--cfg conc_loom" cargo test --release -p conc-thread --lib models`
//!
//! The queues are stand-ins: a count of pieces, changed without any ordering of its own, so that
//! only the protocol under test can make a piece visible.

use super::crew::{Crew, Hired};
use super::idle::{Idle, Outcome, Search};
use conc_core::Deadline;
use conc_core::sync::{AtomicBool, AtomicU32, Ordering, fence};
use conc_tests::model;
use loom::thread;
use std::sync::Arc;

struct Pool {
    idle: Idle,
    workers: usize,
    pieces: AtomicU32,
    /// What a worker has moved into its own queue.
    moved: AtomicU32,
    closed: AtomicBool,
}

impl Pool {
    /// With more `workers` than threads, all searchers believe that somebody is awake, and nap.
    fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            idle: Idle::new(),
            workers,
            pieces: AtomicU32::new(0),
            moved: AtomicU32::new(0),
            closed: AtomicBool::new(false),
        })
    }

    fn push(&self) {
        self.pieces.fetch_add(1, Ordering::Relaxed);
        self.idle.announce(false);
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.idle.wake_all();
    }
}

impl Search for Pool {
    type Found = ();

    /// Takes all that is there, as a worker takes a batch: one piece to run, the others into its
    /// own queue, where others may find them. In between they are in neither.
    fn find(&self) -> Option<()> {
        // A real queue is looked at before it is changed, and the look may be stale.
        if self.moved.load(Ordering::Relaxed) > 0 {
            let take = |moved: u32| moved.checked_sub(1);
            if self.moved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                return Some(());
            }
        }
        if self.pieces.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let batch = self.pieces.swap(0, Ordering::Relaxed);
        if batch > 1 {
            self.moved.fetch_add(batch - 1, Ordering::Relaxed);
        }
        (batch > 0).then_some(())
    }

    fn more(&self) -> usize {
        let moved = self.moved.load(Ordering::Relaxed);
        (moved + self.pieces.load(Ordering::Relaxed)) as usize
    }

    fn has_ended(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn workers(&self) -> usize {
        self.workers
    }
}

#[test]
fn a_sleeping_worker_hears_of_work() {
    model("a_sleeping_worker_hears_of_work", || {
        let pool = Pool::new(1);
        let worker = thread::spawn({
            let pool = Arc::clone(&pool);
            move || pool.idle.search(&*pool, None)
        });
        pool.push();
        assert_eq!(worker.join().unwrap(), Outcome::Found(()));
    });
}

#[test]
fn two_pieces_reach_two_workers() {
    model("two_pieces_reach_two_workers", || {
        let pool = Pool::new(2);
        let workers = [(); 2].map(|()| {
            let pool = Arc::clone(&pool);
            // Neither comes back for a second piece: each must be woken or find one.
            thread::spawn(move || pool.idle.search(&*pool, None))
        });
        pool.push();
        pool.push();
        for worker in workers {
            assert_eq!(worker.join().unwrap(), Outcome::Found(()));
        }
    });
}

#[test]
fn a_call_that_meets_a_time_out_is_passed_on() {
    model("a_call_that_meets_a_time_out_is_passed_on", || {
        let pool = Pool::new(2);
        let hasty = thread::spawn({
            let pool = Arc::clone(&pool);
            // A deadline in a model comes at once.
            let deadline = Deadline::at(std::time::Instant::now());
            move || pool.idle.search(&*pool, Some(deadline))
        });
        let patient = thread::spawn({
            let pool = Arc::clone(&pool);
            move || pool.idle.search(&*pool, None)
        });
        pool.push();
        if hasty.join().unwrap() == Outcome::Found(()) {
            pool.push();
        }
        assert_eq!(patient.join().unwrap(), Outcome::Found(()));
    });
}

#[test]
fn a_nap_hides_no_work() {
    model("a_nap_hides_no_work", || {
        let pool = Pool::new(9);
        let worker = thread::spawn({
            let pool = Arc::clone(&pool);
            move || pool.idle.search(&*pool, None)
        });
        pool.push();
        assert_eq!(worker.join().unwrap(), Outcome::Found(()));
    });
}

#[test]
fn two_pieces_reach_two_workers_that_nap() {
    model("two_pieces_reach_two_workers_that_nap", || {
        let pool = Pool::new(3);
        let worker = thread::spawn({
            let pool = Arc::clone(&pool);
            move || pool.idle.search(&*pool, None)
        });
        pool.push();
        pool.push();
        assert_eq!(pool.idle.search(&*pool, None), Outcome::Found(()));
        assert_eq!(worker.join().unwrap(), Outcome::Found(()));
    });
}

#[test]
fn the_end_overtakes_no_accepted_work() {
    model("the_end_overtakes_no_accepted_work", || {
        let pool = Pool::new(1);
        let worker = thread::spawn({
            let pool = Arc::clone(&pool);
            move || {
                let mut found = 0;
                while pool.idle.search(&*pool, None) == Outcome::Found(()) {
                    found += 1;
                }
                found
            }
        });
        let submitter = thread::spawn({
            let pool = Arc::clone(&pool);
            move || {
                pool.push();
                // As `Registry::submit`: seen closed after the push, the work may be taken back.
                pool.closed.load(Ordering::Relaxed) && pool.find().is_some()
            }
        });
        pool.close();
        let taken_back = submitter.join().unwrap();
        assert_eq!(worker.join().unwrap(), u32::from(!taken_back));
        assert_eq!(pool.pieces.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn the_end_is_not_slept_through() {
    model("the_end_is_not_slept_through", || {
        let pool = Pool::new(2);
        let workers = [(); 2].map(|()| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.idle.search(&*pool, None))
        });
        pool.close();
        for worker in workers {
            assert_eq!(worker.join().unwrap(), Outcome::Ended);
        }
    });
}

#[test]
fn work_never_waits_for_a_thread_that_sleeps_in_a_job() {
    model("work_never_waits_for_a_thread_that_sleeps_in_a_job", || {
        let crew = Arc::new(Crew::new(1, 2));
        let pieces = Arc::new(AtomicU32::new(0));
        crew.hire_worker();
        let blocker = thread::spawn({
            let (crew, pieces) = (Arc::clone(&crew), Arc::clone(&pieces));
            // As a worker's `before_block`.
            move || {
                crew.block()
                    && pieces.load(Ordering::Relaxed) > 0
                    && crew.hire_spare() != Hired::Nobody
            }
        });
        // As `Registry::push`; the fence is the one in `Idle::announce`.
        pieces.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let hired_here = crew.is_short_handed() && crew.hire_spare() != Hired::Nobody;
        let hired_there = blocker.join().unwrap();
        assert!(hired_here ^ hired_there, "one of them, and only one, adds the spare");
    });
}

//! Hand-written limits: what the machine would allow somebody who knows the work in advance.

use super::cases::{heavy, nested, skewed, square, tiny_map};
use crate::harness::{Bench, Contender, Group, Outcome};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const SERIAL: &str = "limit_serial";
const SHARED_INDEX: &str = "limit_shared_index";

pub(super) fn register(group: &mut Group) {
    let how = "a plain loop on one thread, collected into a Vec";
    group.add(tiny_map::NAME, Contender::new(SERIAL, how, serial_tiny));
    let how = "a plain loop on one thread";
    group.add(heavy::NAME, Contender::new(SERIAL, how, serial_heavy));
    group.add(skewed::NAME, Contender::new(SERIAL, how, serial_skewed));
    let how = "plain recursion on one thread, no pool";
    group.add(nested::NAME, Contender::new(SERIAL, how, serial_nested));

    let how = "two spinning threads that draw 1,024 indexes at a time, results into reused memory";
    group.add(tiny_map::NAME, Contender::new(SHARED_INDEX, how, shared_tiny));
    let how = "two spinning threads that draw one index at a time";
    group.add(heavy::NAME, Contender::new(SHARED_INDEX, how, shared_heavy));
    group.add(skewed::NAME, Contender::new(SHARED_INDEX, how, shared_skewed));
}

fn serial_tiny(bench: &Bench) -> Outcome {
    tiny_map::measure(bench, |jobs| (0..jobs).map(square).collect(), |squares: Vec<u64>| squares)
}

fn serial_heavy(bench: &Bench) -> Outcome {
    heavy::measure(bench, |jobs| (0..jobs).map(heavy::job).sum())
}

fn serial_skewed(bench: &Bench) -> Outcome {
    skewed::measure(bench, |jobs| (0..jobs).map(skewed::job).sum())
}

fn serial_nested(bench: &Bench) -> Outcome {
    fn level(left: u64) -> u64 {
        if left == 0 { 0 } else { std::hint::black_box(level(left - 1)) + 1 }
    }
    nested::measure(bench, level, Vec::new)
}

fn shared_tiny(bench: &Bench) -> Outcome {
    let board = Board::new(bench.jobs(tiny_map::JOBS), 1_024, square);
    let results = |()| board.results().collect();
    board.with_helper(|| tiny_map::measure(bench, |_| board.run(), results))
}

fn shared_heavy(bench: &Bench) -> Outcome {
    let board = Board::new(bench.jobs(heavy::JOBS), 1, heavy::job);
    board.with_helper(|| heavy::measure(bench, |_| board.run_and_sum()))
}

fn shared_skewed(bench: &Bench) -> Outcome {
    let board = Board::new(bench.jobs(skewed::JOBS), 1, skewed::job);
    board.with_helper(|| skewed::measure(bench, |_| board.run_and_sum()))
}

/// Work for the caller's thread and one helper, who draw indexes from a shared counter.
struct Board {
    job: fn(u64) -> u64,
    chunk: u64,
    results: Vec<AtomicU64>,
    next: AtomicU64,
    /// How many runs have begun; [`CLOSED`](Self::CLOSED) sends the helper home.
    begun: AtomicU64,
    /// How many runs the helper has ended.
    helped: AtomicU64,
}

impl Board {
    const CLOSED: u64 = u64::MAX;

    fn new(jobs: u64, chunk: u64, job: fn(u64) -> u64) -> Self {
        Self {
            job,
            chunk,
            results: (0..jobs).map(|_| AtomicU64::new(0)).collect(),
            next: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            helped: AtomicU64::new(0),
        }
    }

    /// Starts the helper before `measure` and ends it afterwards.
    fn with_helper(&self, measure: impl FnOnce() -> Outcome) -> Outcome {
        /// Sends the helper home even if a check panics: the scope waits for it.
        struct Close<'b>(&'b Board);
        impl Drop for Close<'_> {
            fn drop(&mut self) {
                // ORDERING: Relaxed. It says nothing but "go".
                self.0.begun.store(Board::CLOSED, Ordering::Relaxed);
            }
        }
        thread::scope(|scope| {
            scope.spawn(|| self.help());
            let _close = Close(self);
            measure()
        })
    }

    fn run(&self) {
        // ORDERING: Relaxed. Published by the next store.
        self.next.store(0, Ordering::Relaxed);
        // ORDERING: Release. The helper that sees the new run sees the counter at zero.
        let run = self.begun.fetch_add(1, Ordering::Release) + 1;
        self.draw();
        // ORDERING: Acquire. The helper's results are visible from here on.
        while self.helped.load(Ordering::Acquire) != run {
            thread::yield_now();
        }
    }

    fn run_and_sum(&self) -> u64 {
        self.run();
        self.results().sum()
    }

    fn help(&self) {
        let mut ended = 0;
        loop {
            // ORDERING: Acquire. The counter has been set to zero for this run.
            match self.begun.load(Ordering::Acquire) {
                Self::CLOSED => return,
                run if run == ended => std::hint::spin_loop(),
                run => {
                    self.draw();
                    ended = run;
                    // ORDERING: Release. Publishes the results.
                    self.helped.store(ended, Ordering::Release);
                }
            }
        }
    }

    fn draw(&self) {
        loop {
            // ORDERING: Relaxed. An index is handed out once, whatever else is seen.
            let begin = self.next.fetch_add(self.chunk, Ordering::Relaxed) as usize;
            let Some(rest) = self.results.get(begin..) else { return };
            if rest.is_empty() {
                return;
            }
            for (result, index) in rest.iter().take(self.chunk as usize).zip(begin as u64..) {
                // ORDERING: Relaxed. Published when the run ends.
                result.store((self.job)(index), Ordering::Relaxed);
            }
        }
    }

    fn results(&self) -> impl Iterator<Item = u64> {
        // ORDERING: Relaxed. The run has ended.
        self.results.iter().map(|result| result.load(Ordering::Relaxed))
    }
}

//! An executor all of whose workers are busy.

use super::{Gate, Visitor, pass};
use conc_core::{Executor, Job};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Keeps all workers of an executor busy, so that what is submitted meanwhile stays queued.
#[derive(Debug)]
pub struct Occupied {
    jobs: Vec<Job<u64>>,
    visitors: Mutex<Vec<Visitor>>,
    workers: usize,
}

impl Occupied {
    /// Submits one job a worker, and waits until all of them run.
    ///
    /// # Panics
    ///
    /// If the executor accepts no work.
    #[must_use]
    pub fn all_of(executor: &impl Executor) -> Self {
        let gate = Gate::new();
        let workers = executor.parallelism();
        let submit = |n| executor.submit(stay, (gate.key(), n)).expect("it accepts work");
        let jobs = (0..workers as u64).map(submit).collect();
        let visitors = (0..workers).map(|_| gate.visitor()).collect();
        Self { jobs, visitors: Mutex::new(visitors), workers }
    }

    /// Lets the workers go on; gives the jobs that kept them busy.
    pub fn release(self) -> Vec<Job<u64>> {
        self.jobs
    }

    /// Lets the workers go on.
    pub fn let_go(&self) {
        self.visitors.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The jobs that keep the workers busy.
    pub fn jobs(&self) -> &[Job<u64>] {
        &self.jobs
    }

    /// How many workers were busy.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers
    }
}

fn stay((gate, number): (PathBuf, u64)) -> u64 {
    pass(&gate, number);
    number
}

//! A place where sides wait for each other, whatever they are.

use super::memory::{self, Line};
use std::sync::atomic::Ordering;
use std::thread;

/// Passed when all parties have come; may be used again and again.
#[derive(Debug, Clone, Copy)]
pub(in crate::groups) struct Meeting {
    /// `number` counts all arrivals.
    line: &'static Line,
    parties: u64,
}

impl Meeting {
    /// To be made before the sides are.
    pub(in crate::groups) fn new(parties: usize) -> Self {
        Self { line: &memory::lines(1)[0], parties: parties as u64 }
    }

    /// Waits for the others. Two sides may share a CPU: it yields.
    pub(in crate::groups) fn meet(&self) {
        // ORDERING: AcqRel here and Acquire below. What was done before a meeting is seen after it.
        let arrived = self.line.number.fetch_add(1, Ordering::AcqRel) + 1;
        let complete = arrived.next_multiple_of(self.parties);
        while self.line.number.load(Ordering::Acquire) < complete {
            thread::yield_now();
        }
    }
}

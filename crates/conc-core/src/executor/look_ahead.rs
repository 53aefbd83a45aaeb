//! `map` out of `submit`: one job an item, a bounded number of them ahead.
//!
//! What an executor gets that does not bring a `map` of its own.

use super::Executor;
use crate::{Job, JobSet, JoinError, SubmitError, Wire};
use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;

/// Jobs that are kept ahead for each that can run at the same moment.
const AHEAD_PER_WORKER: usize = 2;

struct Source<'e, E: ?Sized, A, R, I> {
    executor: &'e E,
    function: fn(A) -> R,
    /// Empty when exhausted, so that it is not asked again.
    items: Option<I>,
}

impl<E: Executor + ?Sized, A: Wire, R: Wire, I: Iterator<Item = A>> Source<'_, E, A, R, I> {
    fn submit_next(&mut self) -> Option<Job<R>> {
        let Some(item) = self.items.as_mut()?.next() else {
            self.items = None;
            return None;
        };
        Some(self.executor.submit(self.function, item).unwrap_or_else(|error| {
            let error = match error {
                SubmitError::NotEncoded { message, .. } => JoinError::NotEncoded { message },
                _ => JoinError::Cancelled,
            };
            Job::finished(Err(error))
        }))
    }

    fn window(&self) -> usize {
        self.executor.parallelism() * AHEAD_PER_WORKER
    }
}

/// Results in the order of the items; see [`Executor::map`].
#[must_use = "nothing is submitted before the first call of next"]
pub struct Mapped<'e, E: ?Sized, A, R, I> {
    source: Source<'e, E, A, R, I>,
    ahead: VecDeque<Job<R>>,
}

impl<'e, E: Executor + ?Sized, A: Wire, R: Wire, I: Iterator<Item = A>> Mapped<'e, E, A, R, I> {
    pub(super) fn new(executor: &'e E, function: fn(A) -> R, items: I) -> Self {
        let source = Source { executor, function, items: Some(items) };
        Self { source, ahead: VecDeque::new() }
    }
}

impl<E, A, R, I> Iterator for Mapped<'_, E, A, R, I>
where
    E: Executor + ?Sized,
    A: Wire,
    R: Wire,
    I: Iterator<Item = A>,
{
    type Item = Result<R, JoinError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ahead.len() < self.source.window() {
            let Some(job) = self.source.submit_next() else { break };
            self.ahead.push_back(job);
        }
        self.ahead.pop_front().map(Job::join)
    }
}

/// Cancels what is still queued.
impl<E: ?Sized, A, R, I> Drop for Mapped<'_, E, A, R, I> {
    fn drop(&mut self) {
        for job in &self.ahead {
            job.cancel();
        }
    }
}

impl<E, A: Wire, R: Wire, I> FusedIterator for Mapped<'_, E, A, R, I>
where
    E: Executor + ?Sized,
    I: Iterator<Item = A>,
{
}

/// Results in the order in which they come; see [`Executor::map_unordered`].
#[must_use = "nothing is submitted before the first call of next"]
pub struct MappedUnordered<'e, E: ?Sized, A, R, I> {
    source: Source<'e, E, A, R, I>,
    /// Items are submitted in order, so that a job's place in the set is its item's.
    ahead: JobSet<R>,
}

impl<'e, E, A: Wire, R: Wire, I: Iterator<Item = A>> MappedUnordered<'e, E, A, R, I>
where
    E: Executor + ?Sized,
{
    pub(super) fn new(executor: &'e E, function: fn(A) -> R, items: I) -> Self {
        let source = Source { executor, function, items: Some(items) };
        Self { source, ahead: JobSet::new() }
    }
}

impl<E, A: Wire, R: Wire, I> Iterator for MappedUnordered<'_, E, A, R, I>
where
    E: Executor + ?Sized,
    I: Iterator<Item = A>,
{
    type Item = (usize, Result<R, JoinError>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.ahead.len() < self.source.window() {
            let Some(job) = self.source.submit_next() else { break };
            self.ahead.add(job);
        }
        self.ahead.next_finished()
    }
}

/// Cancels what is still queued.
impl<E: ?Sized, A, R, I> Drop for MappedUnordered<'_, E, A, R, I> {
    fn drop(&mut self) {
        self.ahead.cancel_all();
    }
}

impl<E: ?Sized, A, R, I> fmt::Debug for Mapped<'_, E, A, R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").field("ahead", &self.ahead.len()).finish_non_exhaustive()
    }
}

impl<E: ?Sized, A, R, I> fmt::Debug for MappedUnordered<'_, E, A, R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedUnordered").field("ahead", &self.ahead.len()).finish_non_exhaustive()
    }
}

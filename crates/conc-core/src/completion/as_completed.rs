//! Results in the order in which they come, as an iterator.

use super::job_set::{JobSet, NextFinished, Waited};
use crate::{Job, JoinError};
use std::iter::FusedIterator;
use std::time::{Duration, Instant};

/// Gives the results of `jobs` in the order in which they come, each with the place that its job
/// had in `jobs`.
///
/// The jobs may belong to different executors. A job that is cancelled meanwhile counts as ended.
/// For a set that grows while it is read, use a [`JobSet`].
///
/// # Examples
///
/// ```
/// use conc_core::{Promise, as_completed};
///
/// let (slow, first) = Promise::new();
/// let (quick, second) = Promise::new();
/// let mut results = as_completed([first, second]);
/// quick.finish(Ok("quick")).unwrap();
/// slow.finish(Ok("slow")).unwrap();
/// assert_eq!(results.next(), Some((1, Ok("quick"))));
/// assert_eq!(results.next(), Some((0, Ok("slow"))));
/// assert_eq!(results.next(), None);
/// ```
///
/// # Python
///
/// `concurrent.futures.as_completed`, which may wait for ever for a future that was cancelled and
/// not yet noticed by a worker.
pub fn as_completed<T>(jobs: impl IntoIterator<Item = Job<T>>) -> AsCompleted<T> {
    AsCompleted { set: jobs.into_iter().collect() }
}

/// The iterator of [`as_completed`]. Dropped early: the remaining jobs are dropped, and go on.
#[derive(Debug)]
#[must_use = "nothing is waited for before the first call of next"]
pub struct AsCompleted<T> {
    set: JobSet<T>,
}

impl<T> AsCompleted<T> {
    /// The next result, if it comes within `timeout`.
    pub fn next_timeout(&mut self, timeout: Duration) -> Waited<T> {
        self.set.next_finished_timeout(timeout)
    }

    /// The next result, if it comes before `deadline`.
    pub fn next_deadline(&mut self, deadline: Instant) -> Waited<T> {
        self.set.next_finished_deadline(deadline)
    }

    /// The next result, for a task.
    pub fn next_async(&mut self) -> NextFinished<'_, T> {
        self.set.next_finished_async()
    }

    /// The jobs that are left, as a set.
    #[must_use]
    pub fn into_set(self) -> JobSet<T> {
        self.set
    }
}

impl<T> Iterator for AsCompleted<T> {
    type Item = (usize, Result<T, JoinError>);

    fn next(&mut self) -> Option<Self::Item> {
        self.set.next_finished()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.set.len(), Some(self.set.len()))
    }
}

impl<T> ExactSizeIterator for AsCompleted<T> {}
impl<T> FusedIterator for AsCompleted<T> {}

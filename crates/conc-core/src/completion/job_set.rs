//! A growing set of jobs that gives results in the order in which they come.

use super::Group;
use super::sealed::Watchable;
use crate::{Deadline, Job, JoinError};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// A growing set of jobs that gives results in the order in which they come.
///
/// Dropping the set drops its jobs: they go on, and their results are discarded. See
/// [`cancel_all`](Self::cancel_all).
///
/// # Examples
///
/// ```
/// use conc_core::{Executor, InlineExecutor, JobSet};
///
/// let executor = InlineExecutor::new();
/// let mut set = JobSet::new();
/// for n in 0..3_u64 {
///     set.add(executor.submit(|n: u64| n * n, n)?);
/// }
/// let mut sum = 0;
/// while let Some((_place, square)) = set.next_finished() {
///     sum += square.unwrap();
/// }
/// assert_eq!(sum, 5);
/// # Ok::<(), conc_core::SubmitError<u64>>(())
/// ```
///
/// # Python
///
/// None; `as_completed` takes all futures at once.
pub struct JobSet<T> {
    /// By place; a job leaves when its result is given out.
    jobs: BTreeMap<usize, Job<T>>,
    next_place: usize,
    group: Arc<Group>,
}

/// How a bounded wait for the next result ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Waited<T> {
    /// A job ended: its place, and its result.
    Ended(usize, Result<T, JoinError>),
    /// All results have been given out.
    Exhausted,
    /// The time was up first; the unfinished jobs are still there.
    TimedOut,
}

impl<T> JobSet<T> {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self { jobs: BTreeMap::new(), next_place: 0, group: Arc::new(Group::default()) }
    }

    /// Adds a job and gives its place: 0 for the first, 1 for the second, and so on.
    pub fn add(&mut self, job: Job<T>) -> usize {
        let place = self.next_place;
        self.next_place += 1;
        self.group.add(&job, place);
        self.jobs.insert(place, job);
        place
    }

    /// Jobs whose results have not been given out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether all results have been given out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The job at `place`, if its result has not been given out.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&Job<T>> {
        self.jobs.get(&place)
    }

    /// Waits for the next to end: its place and its result. `None` if all have been given out.
    ///
    /// # Panics
    ///
    /// If the job's result was taken by polling it before it was added.
    pub fn next_finished(&mut self) -> Option<(usize, Result<T, JoinError>)> {
        match self.next_until(None) {
            Waited::Ended(place, result) => Some((place, result)),
            Waited::Exhausted | Waited::TimedOut => None,
        }
    }

    /// The next result, if it comes within `timeout`.
    pub fn next_finished_timeout(&mut self, timeout: Duration) -> Waited<T> {
        self.next_until(Deadline::after(timeout))
    }

    /// The next result, if it comes before `deadline`.
    pub fn next_finished_deadline(&mut self, deadline: Instant) -> Waited<T> {
        self.next_until(Some(Deadline::at(deadline)))
    }

    /// The next result, for a task.
    pub fn next_finished_async(&mut self) -> NextFinished<'_, T> {
        NextFinished { set: self }
    }

    /// Cancels every job that has not begun; their results are [`JoinError::Cancelled`]. Says how
    /// many it cancelled.
    pub fn cancel_all(&self) -> usize {
        self.jobs.values().filter(|job| !job.is_finished() && job.cancel()).count()
    }

    /// The jobs whose results have not been given out, with their places, in order.
    pub fn into_jobs(self) -> impl Iterator<Item = (usize, Job<T>)> {
        self.jobs.into_iter()
    }

    pub(super) fn next_until(&mut self, deadline: Option<Deadline>) -> Waited<T> {
        if self.jobs.is_empty() {
            return Waited::Exhausted;
        }
        // A worker of a pool runs the last job itself if it is queued. Not one of several: it could
        // wait for something that this thread does after another one of them has ended.
        if deadline.is_none() && self.jobs.len() == 1 && !self.group.has_news() {
            self.jobs.values().for_each(Watchable::help);
        }
        match self.group.next(deadline) {
            None => Waited::TimedOut,
            Some(place) => Waited::Ended(place, self.give_out(place)),
        }
    }

    fn give_out(&mut self, place: usize) -> Result<T, JoinError> {
        self.jobs.remove(&place).expect("a job settles once").join()
    }
}

impl<T> Default for JobSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Extend<Job<T>> for JobSet<T> {
    fn extend<I: IntoIterator<Item = Job<T>>>(&mut self, jobs: I) {
        for job in jobs {
            self.add(job);
        }
    }
}

impl<T> FromIterator<Job<T>> for JobSet<T> {
    fn from_iter<I: IntoIterator<Item = Job<T>>>(jobs: I) -> Self {
        let mut set = Self::new();
        set.extend(jobs);
        set
    }
}

impl<T> fmt::Debug for JobSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobSet").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The future of [`JobSet::next_finished_async`].
///
/// # Cancel safety
///
/// Nothing is lost when it is dropped: a result stays in the set until it is given out.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct NextFinished<'a, T> {
    set: &'a mut JobSet<T>,
}

impl<T> Future for NextFinished<'_, T> {
    type Output = Option<(usize, Result<T, JoinError>)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.set.is_empty() {
            return Poll::Ready(None);
        }
        let next = self.set.group.poll_next(context);
        next.map(|place| Some((place, self.set.give_out(place))))
    }
}

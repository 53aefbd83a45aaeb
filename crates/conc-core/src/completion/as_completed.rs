//! Results in the order in which they come.

use super::Group;
use super::sealed::Watchable;
use crate::{Deadline, Job, JoinError};
use std::fmt;
use std::future::Future;
use std::iter::FusedIterator;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Gives the results of `jobs` in the order in which they come, each with the place that its job
/// had in `jobs`.
///
/// The jobs may belong to different executors. A job that is cancelled meanwhile counts as ended.
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
    let jobs: Vec<_> = jobs.into_iter().map(Some).collect();
    let group = Group::watching(jobs.iter().flatten());
    AsCompleted { left: jobs.len(), jobs, group }
}

/// The iterator of [`as_completed`]. Dropped early: the remaining jobs are dropped, and go on.
#[must_use = "nothing is waited for before the first call of next"]
pub struct AsCompleted<T> {
    /// By place; a job leaves when its result is given out.
    jobs: Vec<Option<Job<T>>>,
    left: usize,
    group: Arc<Group>,
}

/// How a bounded wait for the next result ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Waited<T> {
    /// A job ended: its place, and its result.
    Ended(usize, Result<T, JoinError>),
    /// All results have been given out.
    Exhausted,
    /// The time was up first; the unfinished jobs are still here.
    TimedOut,
}

impl<T> AsCompleted<T> {
    /// The next result, if it comes within `timeout`.
    pub fn next_timeout(&mut self, timeout: Duration) -> Waited<T> {
        self.next_until(Deadline::after(timeout))
    }

    /// The next result, if it comes before `deadline`.
    pub fn next_deadline(&mut self, deadline: Instant) -> Waited<T> {
        self.next_until(Some(Deadline::at(deadline)))
    }

    /// The next result, for a task.
    pub fn next_async(&mut self) -> NextCompleted<'_, T> {
        NextCompleted { results: self }
    }

    /// The unfinished jobs and their places.
    pub fn into_rest(mut self) -> Vec<(usize, Job<T>)> {
        let jobs = std::mem::take(&mut self.jobs);
        jobs.into_iter().enumerate().filter_map(|(place, job)| Some((place, job?))).collect()
    }

    fn next_until(&mut self, deadline: Option<Deadline>) -> Waited<T> {
        if self.left == 0 {
            return Waited::Exhausted;
        }
        if deadline.is_none() && !self.group.has_news() {
            // A worker of a pool runs one of its own queued jobs instead of sleeping.
            let _ = self.jobs.iter().flatten().any(Watchable::help);
        }
        match self.group.next(deadline) {
            None => Waited::TimedOut,
            Some(place) => {
                let (place, result) = self.give_out(place);
                Waited::Ended(place, result)
            }
        }
    }

    fn give_out(&mut self, place: usize) -> (usize, Result<T, JoinError>) {
        self.left -= 1;
        let job = self.jobs[place].take().expect("a job settles once");
        (place, job.join())
    }
}

impl<T> Iterator for AsCompleted<T> {
    type Item = (usize, Result<T, JoinError>);

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_until(None) {
            Waited::Ended(place, result) => Some((place, result)),
            Waited::Exhausted | Waited::TimedOut => None,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for AsCompleted<T> {}
impl<T> FusedIterator for AsCompleted<T> {}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.left).finish_non_exhaustive()
    }
}

/// The future of [`AsCompleted::next_async`].
///
/// # Cancel safety
///
/// Nothing is lost when it is dropped: a result stays in the iterator until it is given out.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct NextCompleted<'a, T> {
    results: &'a mut AsCompleted<T>,
}

impl<T> Future for NextCompleted<'_, T> {
    type Output = Option<(usize, Result<T, JoinError>)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.results.left == 0 {
            return Poll::Ready(None);
        }
        let next = self.results.group.poll_next(context);
        next.map(|place| Some(self.results.give_out(place)))
    }
}

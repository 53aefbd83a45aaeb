//! Wait until one of several jobs has ended.

use super::Waitable;
use super::group::Watch;
use crate::Deadline;
use std::future::poll_fn;
use std::time::{Duration, Instant};

/// Waits until one of `jobs` has ended, and says which: its place in the slice. `None` if the
/// slice is empty.
///
/// The jobs may have different types and belong to different executors.
///
/// # Examples
///
/// ```
/// use conc_core::{Promise, wait_first};
///
/// let (_slow, number) = Promise::<u64>::new();
/// let (quick, text) = Promise::<String>::new();
/// quick.finish(Ok("first".into())).unwrap();
/// assert_eq!(wait_first(&[&number, &text]), Some(1));
/// ```
///
/// # Python
///
/// `concurrent.futures.wait(fs, return_when=FIRST_COMPLETED)`.
#[doc(alias = "FIRST_COMPLETED")]
#[must_use]
pub fn wait_first(jobs: &[&dyn Waitable]) -> Option<usize> {
    first(jobs, None)
}

/// [`wait_first`], at most so long; `None` if none ended in time.
#[must_use]
pub fn wait_first_timeout(jobs: &[&dyn Waitable], timeout: Duration) -> Option<usize> {
    first(jobs, Deadline::after(timeout))
}

/// [`wait_first`], at most until then; `None` if none ended in time.
#[must_use]
pub fn wait_first_deadline(jobs: &[&dyn Waitable], deadline: Instant) -> Option<usize> {
    first(jobs, Some(Deadline::at(deadline)))
}

/// [`wait_first`] for a task.
///
/// # Cancel safety
///
/// Nothing is lost when it is dropped: the jobs are only borrowed.
pub async fn wait_first_async(jobs: &[&dyn Waitable]) -> Option<usize> {
    if jobs.is_empty() {
        return None;
    }
    let watch = Watch::new(jobs);
    Some(poll_fn(|context| watch.group.poll_next(context)).await)
}

/// Waits until one of `jobs` has ended with an error, and says which; `None` if all of them ended
/// well.
///
/// # Examples
///
/// ```
/// use conc_core::{JoinError, Promise, wait_first_error};
///
/// let (well, a) = Promise::<u8>::new();
/// let (ill, b) = Promise::<u8>::new();
/// well.finish(Ok(1)).unwrap();
/// ill.finish(Err(JoinError::TimedOut)).unwrap();
/// assert_eq!(wait_first_error(&[&a, &b]), Some(1));
/// ```
///
/// # Python
///
/// `concurrent.futures.wait(fs, return_when=FIRST_EXCEPTION)`, which overlooks cancellations.
#[doc(alias = "FIRST_EXCEPTION")]
#[must_use]
pub fn wait_first_error(jobs: &[&dyn Waitable]) -> Option<usize> {
    first_error(jobs, None)
}

/// [`wait_first_error`], at most so long; `None` also if the time was up first.
#[must_use]
pub fn wait_first_error_timeout(jobs: &[&dyn Waitable], timeout: Duration) -> Option<usize> {
    first_error(jobs, Deadline::after(timeout))
}

/// [`wait_first_error`], at most until then; `None` also if the time was up first.
#[must_use]
pub fn wait_first_error_deadline(jobs: &[&dyn Waitable], deadline: Instant) -> Option<usize> {
    first_error(jobs, Some(Deadline::at(deadline)))
}

/// [`wait_first_error`] for a task.
///
/// # Cancel safety
///
/// Nothing is lost when it is dropped: the jobs are only borrowed.
pub async fn wait_first_error_async(jobs: &[&dyn Waitable]) -> Option<usize> {
    let watch = Watch::new(jobs);
    for _ in jobs {
        let place = poll_fn(|context| watch.group.poll_next(context)).await;
        if jobs[place].has_failed() {
            return Some(place);
        }
    }
    None
}

fn first_error(jobs: &[&dyn Waitable], deadline: Option<Deadline>) -> Option<usize> {
    let watch = Watch::new(jobs);
    for _ in jobs {
        let place = watch.next(deadline)?;
        if jobs[place].has_failed() {
            return Some(place);
        }
    }
    None
}

fn first(jobs: &[&dyn Waitable], deadline: Option<Deadline>) -> Option<usize> {
    if let Some(place) = jobs.iter().position(|job| job.is_settled()) {
        return Some(place);
    }
    if jobs.is_empty() {
        return None;
    }
    Watch::new(jobs).next(deadline)
}

//! Wait until all of several jobs have ended.

use super::Waitable;
use super::group::Watch;
use crate::Deadline;
use std::future::poll_fn;
use std::time::{Duration, Instant};

/// Waits until all `jobs` have ended, well or not.
///
/// The jobs may have different types and belong to different executors.
///
/// # Examples
///
/// ```
/// use conc_core::{Job, wait_all};
///
/// let number = Job::finished(Ok(1));
/// let text = Job::finished(Ok("one"));
/// wait_all(&[&number, &text]);
/// ```
///
/// # Python
///
/// `concurrent.futures.wait(fs)`.
#[doc(alias = "ALL_COMPLETED")]
pub fn wait_all(jobs: &[&dyn Waitable]) {
    let all_ended = all(jobs, None);
    debug_assert!(all_ended, "only a deadline cuts the wait short");
}

/// [`wait_all`], at most so long; whether all ended in time.
#[must_use]
pub fn wait_all_timeout(jobs: &[&dyn Waitable], timeout: Duration) -> bool {
    all(jobs, Deadline::after(timeout))
}

/// [`wait_all`], at most until then; whether all ended in time.
#[must_use]
pub fn wait_all_deadline(jobs: &[&dyn Waitable], deadline: Instant) -> bool {
    all(jobs, Some(Deadline::at(deadline)))
}

/// [`wait_all`] for a task.
///
/// # Cancel safety
///
/// Nothing is lost when it is dropped: the jobs are only borrowed.
pub async fn wait_all_async(jobs: &[&dyn Waitable]) {
    let watch = Watch::new(jobs);
    for _ in jobs {
        poll_fn(|context| watch.group.poll_next(context)).await;
    }
}

fn all(jobs: &[&dyn Waitable], deadline: Option<Deadline>) -> bool {
    let watch = Watch::new(jobs);
    if deadline.is_none() {
        watch.help();
    }
    jobs.iter().all(|_| watch.next(deadline).is_some())
}

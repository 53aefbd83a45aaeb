//! The list that jobs tell when they settle.

use super::sealed::{Watchable, Watcher};
use crate::Deadline;
use crate::executor::blocking;
use crate::job::quietly;
use crate::sync::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The list that jobs tell when they settle, and the one who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Group {
    finished: Mutex<Finished>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Finished {
    /// Indices of settled jobs, in the order in which they settled.
    order: VecDeque<usize>,
    waker: Option<Waker>,
}

impl Group {
    /// Watches all `jobs`; those that have settled already come first, in the order given.
    pub(crate) fn watching<'a, W>(jobs: impl IntoIterator<Item = &'a W>) -> Arc<Self>
    where
        W: Watchable + ?Sized + 'a,
    {
        let group = Arc::new(Self::default());
        for (index, job) in jobs.into_iter().enumerate() {
            group.add(job, index);
        }
        group
    }

    /// Watches one more job.
    pub(crate) fn add<W: Watchable + ?Sized>(self: &Arc<Self>, job: &W, index: usize) {
        if !job.watch(Arc::clone(self) as Arc<dyn Watcher>, index) {
            self.settled(index);
        }
    }

    /// The next to settle; `None` if the deadline came first.
    pub(crate) fn next(&self, deadline: Option<Deadline>) -> Option<usize> {
        if let Some(index) = self.finished.lock().order.pop_front() {
            return Some(index);
        }
        blocking(|| {
            let mut finished = self.finished.lock();
            loop {
                if let Some(index) = finished.order.pop_front() {
                    return Some(index);
                }
                match deadline {
                    None => self.news.wait(&mut finished),
                    Some(deadline) => {
                        if self.news.wait_until(&mut finished, deadline.instant()).timed_out() {
                            return finished.order.pop_front();
                        }
                    }
                }
            }
        })
    }

    /// The next to settle, for a task.
    pub(crate) fn poll_next(&self, context: &Context<'_>) -> Poll<usize> {
        // Cloned before and dropped after the lock: both may run code of the user's.
        let new = context.waker().clone();
        let mut finished = self.finished.lock();
        if let Some(index) = finished.order.pop_front() {
            return Poll::Ready(index);
        }
        let old = finished.waker.replace(new);
        drop(finished);
        drop(old);
        Poll::Pending
    }

    /// Whether something waits to be taken.
    pub(crate) fn has_news(&self) -> bool {
        !self.finished.lock().order.is_empty()
    }
}

impl Watcher for Group {
    fn settled(&self, index: usize) {
        let mut finished = self.finished.lock();
        finished.order.push_back(index);
        let waker = finished.waker.take();
        drop(finished);
        self.news.notify_one();
        if let Some(waker) = waker {
            quietly(|| waker.wake());
        }
    }
}

/// Watches borrowed jobs for the time of one call.
pub(super) struct Watch<'a> {
    pub(super) jobs: &'a [&'a dyn super::Waitable],
    pub(super) group: Arc<Group>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(jobs: &'a [&'a dyn super::Waitable]) -> Self {
        let group = Group::watching(jobs.iter().map(|job| *job as &dyn Watchable));
        Self { jobs, group }
    }

    /// The next to settle.
    pub(super) fn next(&self, deadline: Option<Deadline>) -> Option<usize> {
        self.group.next(deadline)
    }

    /// A worker of a pool that will wait for all of them runs those that are queued.
    pub(super) fn help(&self) {
        for job in self.jobs {
            job.help();
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let watcher = Arc::clone(&self.group) as Arc<dyn Watcher>;
        for job in self.jobs {
            job.unwatch(&watcher);
        }
    }
}

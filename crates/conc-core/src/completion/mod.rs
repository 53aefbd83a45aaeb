//! Waiting for several jobs, without polling any of them.
//!
//! Each job tells a shared list when it settles; whoever waits sleeps on that list. A waiter that
//! gives up takes its entries out of the jobs again.

mod as_completed;
mod group;
mod job_set;
mod wait_all;
mod wait_first;

pub use as_completed::{AsCompleted, as_completed};
pub use job_set::{JobSet, NextFinished, Waited};
pub use wait_all::{wait_all, wait_all_async, wait_all_deadline, wait_all_timeout};
pub use wait_first::{
    wait_first, wait_first_async, wait_first_deadline, wait_first_error, wait_first_error_async,
    wait_first_error_deadline, wait_first_error_timeout, wait_first_timeout,
};

pub(crate) use group::Group;

/// Something that ends once and can be waited for together with others: every [`Job`].
///
/// This trait is sealed.
///
/// [`Job`]: crate::Job
pub trait Waitable: sealed::Watchable {}

impl<W: sealed::Watchable> Waitable for W {}

#[expect(unnameable_types, reason = "sealed: only this crate implements and calls it")]
pub(crate) mod sealed {
    use std::sync::Arc;

    /// Told when a job has settled.
    pub trait Watcher: Send + Sync {
        /// The job that was registered under `index` has settled.
        fn settled(&self, index: usize);
    }

    /// What a job offers to those who wait for several.
    pub trait Watchable: Send + Sync {
        /// Whether it has settled.
        fn is_settled(&self) -> bool;

        /// Whether it has settled with an error.
        fn has_failed(&self) -> bool;

        /// Registers `watcher`; `false` if it has settled, and the watcher will not be told.
        fn watch(&self, watcher: Arc<dyn Watcher>, index: usize) -> bool;

        /// Forgets `watcher`.
        fn unwatch(&self, watcher: &Arc<dyn Watcher>);

        /// Runs the work right here, if this thread may.
        fn help(&self);
    }
}

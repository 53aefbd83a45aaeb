//! A piece of work and its job in one allocation.

use super::call::Call;
use super::caught::{caught, quietly};
use super::core::Core;
use super::state::End;
use super::{Cell, Job};
use crate::JoinError;
use crate::sync::UnsafeCell;
use std::any::type_name;
use std::fmt;
use std::sync::Arc;

/// What came of an attempt to run work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// It ran to its end.
    Completed,
    /// It ran and panicked.
    Panicked,
    /// It did not run here: somebody else claimed or cancelled it.
    Not,
}

/// Queued work of unknown type.
pub trait Work: Send + Sync {
    /// Runs the work here, unless somebody else claimed or cancelled it.
    fn run(&self) -> Ran;

    /// Takes the work out of the queue's hands: its job ends [`JoinError::Cancelled`]. `false` if
    /// it was claimed or cancelled before.
    fn cancel(&self) -> bool;

    /// Whether nobody has claimed the work yet.
    fn is_pending(&self) -> bool;

    /// Which executor may run it, by the number that the executor chose.
    fn home(&self) -> u64;

    /// The name of the work's type.
    fn name(&self) -> &'static str;
}

/// An entry of an executor's queue. Dropped without being run: cancelled.
pub struct Runnable(Arc<dyn Work>);

impl Runnable {
    /// Runs the work, unless somebody else claimed or cancelled it.
    pub fn run(self) -> Ran {
        self.0.run()
    }

    /// The work.
    #[must_use]
    pub fn work(&self) -> &dyn Work {
        &*self.0
    }
}

impl Drop for Runnable {
    fn drop(&mut self) {
        if self.0.is_pending() {
            self.0.cancel();
        }
    }
}

impl fmt::Debug for Runnable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runnable").field("name", &self.0.name()).finish_non_exhaustive()
    }
}

/// A piece of work and its job in one allocation, for executors that run work in their own process.
///
/// # Examples
///
/// ```
/// use conc_core::job::{Package, Ran};
///
/// let package = Package::new(0, || 6 * 7);
/// let queued = package.runnable();
/// let job = package.into_job();
/// assert_eq!(queued.run(), Ran::Completed);
/// assert_eq!(job.join(), Ok(42));
/// ```
pub struct Package<T, F>(Arc<Inner<T, F>>);

struct Inner<T, F> {
    core: Core<T>,
    home: u64,
    /// Owned by whoever moved the core's word out of pending.
    work: UnsafeCell<Option<F>>,
}

// SAFETY:
// - `work` is the only field that is not `Sync` by itself; its owner is unique (invariant 1 of the
//   word), and it moves between threads, hence `F: Send` is enough.
unsafe impl<T: Send, F: Send> Sync for Inner<T, F> {}

impl<T, F> Package<T, F>
where
    T: Send + 'static,
    F: Call<Output = T> + Send + 'static,
{
    /// Packs `work`. Threads whose [`Host`](crate::executor::Host) has the number `home` may run
    /// it while they wait for it.
    pub fn new(home: u64, work: F) -> Self {
        let core = Core::pending();
        Self(Arc::new(Inner { core, home, work: UnsafeCell::new(Some(work)) }))
    }

    /// The entry for the executor's queue. One is enough: the first to run wins.
    #[must_use]
    pub fn runnable(&self) -> Runnable {
        Runnable(Arc::clone(&self.0) as Arc<dyn Work>)
    }

    /// The handle for whoever submitted the work.
    pub fn into_job(self) -> Job<T> {
        Job::from_cell(self.0)
    }

    /// Takes the work back, if nobody has claimed it; the job ends [`JoinError::Cancelled`].
    #[must_use]
    pub fn reclaim(&self) -> Option<F> {
        let work = self.0.take_cancelled()?;
        // SAFETY: `take_cancelled` moved the word out of pending for us.
        unsafe { self.0.core.settle(Err(JoinError::Cancelled), End::Cancelled) };
        Some(work)
    }
}

impl<T, F> fmt::Debug for Package<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Package").field(&type_name::<F>()).finish()
    }
}

impl<T, F> Inner<T, F> {
    /// Claims the work by cancelling. The caller settles.
    fn take_cancelled(&self) -> Option<F> {
        self.core.word.cancel().then(|| self.take_work())
    }

    /// The caller has just moved the word out of pending.
    fn take_work(&self) -> F {
        // SAFETY: the work belongs to whoever moved the word out of pending (invariant 1).
        let work = self.work.with_mut(|slot| unsafe { (*slot).take() });
        work.expect("the word leaves pending once")
    }
}

impl<T, F> Work for Inner<T, F>
where
    T: Send + 'static,
    F: Call<Output = T> + Send + 'static,
{
    fn run(&self) -> Ran {
        if !self.core.word.claim() {
            return Ran::Not;
        }
        let result = caught(|| self.take_work().call());
        let ran = if result.is_ok() { Ran::Completed } else { Ran::Panicked };
        // SAFETY: we moved the word out of pending above and settle once.
        unsafe { self.core.settle(result, End::Finished) };
        ran
    }

    fn cancel(&self) -> bool {
        let Some(work) = self.take_cancelled() else { return false };
        // What the closure owns goes before the job ends, and its panic is not the canceller's.
        quietly(move || drop(work));
        // SAFETY: `take_cancelled` moved the word out of pending for us.
        unsafe { self.core.settle(Err(JoinError::Cancelled), End::Cancelled) };
        true
    }

    fn is_pending(&self) -> bool {
        self.core.snapshot().is_pending()
    }

    fn home(&self) -> u64 {
        self.home
    }

    fn name(&self) -> &'static str {
        type_name::<F>()
    }
}

impl<T, F> Cell<T> for Inner<T, F>
where
    T: Send + 'static,
    F: Call<Output = T> + Send + 'static,
{
    fn core(&self) -> &Core<T> {
        &self.core
    }

    fn work(&self) -> Option<&dyn Work> {
        Some(self)
    }

    fn cancel(&self) -> bool {
        Work::cancel(self)
    }
}

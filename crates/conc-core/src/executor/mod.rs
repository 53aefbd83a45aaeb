//! The one trait of all executors, and what an executor is to the threads it owns.

mod capabilities;
mod host;
mod inline;
mod look_ahead;

pub use capabilities::Capabilities;
pub use host::blocking;
#[doc(hidden)]
pub use host::{Help, Host, HostGuard};
pub use inline::InlineExecutor;
pub use look_ahead::{Mapped, MappedUnordered};

use crate::{Job, JoinError, SubmitError, Wire};

/// Runs portable work: the same call on the caller's thread, on a pool of threads, in processes.
///
/// Work is a *function pointer* and an argument that can travel. A closure without captures
/// becomes a function pointer by itself; one that captures is refused by the compiler:
///
/// ```compile_fail,E0308
/// use conc_core::{Executor, InlineExecutor};
///
/// let offset = 5_u64;
/// InlineExecutor::new().submit(|n: u64| n + offset, 1);
/// ```
///
/// An executor may have richer methods of its own; a thread pool takes any closure.
///
/// The trait is not dyn-compatible: its methods are generic over the work. Code that should run
/// anywhere is generic over the executor.
///
/// # Examples
///
/// ```
/// use conc_core::{Executor, InlineExecutor, JoinError};
///
/// fn sum_of_squares(executor: &impl Executor, upto: u64) -> Result<u64, JoinError> {
///     executor.map(|n: u64| n * n, 1..=upto).sum()
/// }
/// assert_eq!(sum_of_squares(&InlineExecutor::new(), 3), Ok(14));
/// ```
///
/// # Python
///
/// `concurrent.futures.Executor`. There `map` submits everything at once (`buffersize` since
/// 3.14), and what can travel is found out at run time.
#[doc(alias = "ThreadPoolExecutor")]
#[doc(alias = "ProcessPoolExecutor")]
pub trait Executor {
    /// What this executor can do.
    fn capabilities(&self) -> Capabilities;

    /// How many jobs can run at the same moment; at least 1.
    fn parallelism(&self) -> usize;

    /// Hands over one piece of work.
    ///
    /// # Errors
    ///
    /// Why it was not accepted; the argument comes back.
    #[doc(alias = "apply_async")]
    fn submit<A: Wire, R: Wire>(
        &self,
        function: fn(A) -> R,
        argument: A,
    ) -> Result<Job<R>, SubmitError<A>>;

    /// Applies `function` to each item; gives the results in the order of the items.
    ///
    /// Lazy on both sides: nothing is taken from `items` before the first result is asked for, and
    /// only so many items are taken ahead as keep the executor busy. An item that fails is an
    /// `Err` in its place; the others go on. Dropping the iterator cancels what is queued.
    ///
    /// If the executor is shut down meanwhile, items that could not be submitted are
    /// [`JoinError::Cancelled`].
    #[doc(alias = "imap")]
    fn map<A: Wire, R: Wire, I: IntoIterator<Item = A>>(
        &self,
        function: fn(A) -> R,
        items: I,
    ) -> impl Iterator<Item = Result<R, JoinError>> {
        Mapped::new(self, function, items.into_iter())
    }

    /// [`map`](Self::map), but gives results in the order in which they come, each with the place
    /// of its item.
    #[doc(alias = "imap_unordered")]
    fn map_unordered<A: Wire, R: Wire, I: IntoIterator<Item = A>>(
        &self,
        function: fn(A) -> R,
        items: I,
    ) -> impl Iterator<Item = (usize, Result<R, JoinError>)> {
        MappedUnordered::new(self, function, items.into_iter())
    }

    /// [`map`](Self::map) for a function of two arguments. For more of them, let the function take
    /// a tuple.
    fn starmap<A: Wire, B: Wire, R: Wire, I: IntoIterator<Item = (A, B)>>(
        &self,
        function: fn(A, B) -> R,
        items: I,
    ) -> impl Iterator<Item = Result<R, JoinError>>;

    /// Accepts no more work, and waits until all accepted work has ended.
    fn shutdown(&self);

    /// Accepts no more work, cancels what is queued, and waits until what runs has ended.
    #[doc(alias = "terminate")]
    fn shutdown_now(&self);
}

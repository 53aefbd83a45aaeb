//! The pool as an executor.

use super::Pool;
use conc_core::{Capabilities, Executor, Job, JoinError, SubmitError, Wire};

impl<S: 'static> Executor for Pool<S> {
    fn capabilities(&self) -> Capabilities {
        Capabilities::PARALLEL
            | Capabilities::ISOLATES
            | Capabilities::KILLS
            | Capabilities::CANCELS_QUEUED
    }

    fn parallelism(&self) -> usize {
        self.workers()
    }

    fn submit<A: Wire, R: Wire>(
        &self,
        function: fn(A) -> R,
        argument: A,
    ) -> Result<Job<R>, SubmitError<A>> {
        Self::submit(self, function, argument)
    }

    fn map<A: Wire, R: Wire, I: IntoIterator<Item = A>>(
        &self,
        function: fn(A) -> R,
        items: I,
    ) -> impl Iterator<Item = Result<R, JoinError>> {
        Self::map(self, function, items)
    }

    fn map_unordered<A: Wire, R: Wire, I: IntoIterator<Item = A>>(
        &self,
        function: fn(A) -> R,
        items: I,
    ) -> impl Iterator<Item = (usize, Result<R, JoinError>)> {
        Self::map_unordered(self, function, items)
    }

    fn starmap<A: Wire, B: Wire, R: Wire, I: IntoIterator<Item = (A, B)>>(
        &self,
        function: fn(A, B) -> R,
        items: I,
    ) -> impl Iterator<Item = Result<R, JoinError>> {
        Self::starmap(self, function, items)
    }

    fn shutdown(&self) {
        Self::shutdown(self);
    }

    fn shutdown_now(&self) {
        Self::shutdown_now(self);
    }
}

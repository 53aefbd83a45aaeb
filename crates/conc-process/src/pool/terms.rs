//! Choices for single jobs.

use super::Pool;
use super::builder::job_time;
use super::cargo::Terms;
use super::routine::{Routine, WithState};
use super::submit;
use conc_core::{Job, SubmitError, Wire};
use std::fmt;
use std::time::Duration;

/// Choices for single jobs; see [`Pool::terms`].
#[must_use = "terms do nothing until a job is submitted"]
pub struct PoolTerms<'p, S> {
    pool: &'p Pool<S>,
    terms: Terms,
}

impl<'p, S: 'static> PoolTerms<'p, S> {
    pub(super) fn new(pool: &'p Pool<S>) -> Self {
        Self { pool, terms: pool.shared.settings.terms }
    }

    /// Ends the job, with its worker, when it runs longer.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.terms.timeout = Some(job_time(timeout));
        self
    }

    /// Runs the job again if its worker died, so often.
    pub fn retries(mut self, retries: u32) -> Self {
        self.terms.retries = retries;
        self
    }

    /// As [`Pool::submit`].
    ///
    /// # Errors
    ///
    /// Why it was not accepted; the argument comes back.
    pub fn submit<A: Wire, R: Wire>(
        &self,
        function: fn(A) -> R,
        argument: A,
    ) -> Result<Job<R>, SubmitError<A>> {
        self.hand_over(&function, argument)
    }

    /// As [`Pool::submit_with`].
    ///
    /// # Errors
    ///
    /// Why it was not accepted; the argument comes back.
    pub fn submit_with<A: Wire, R: Wire>(
        &self,
        function: fn(&mut S, A) -> R,
        argument: A,
    ) -> Result<Job<R>, SubmitError<A>> {
        self.hand_over(&WithState(function), argument)
    }

    fn hand_over<C: Routine>(
        &self,
        routine: &C,
        argument: C::Argument,
    ) -> Result<Job<C::Output>, SubmitError<C::Argument>> {
        submit::submit(&self.pool.shared, routine, argument, self.terms)
    }
}

impl<S> fmt::Debug for PoolTerms<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolTerms").field("terms", &self.terms).finish_non_exhaustive()
    }
}

//! A process as a `Job`.

use super::{Process, Reception};
use crate::client::{Family, Kin};
use crate::supervisor::Watch;
use conc_core::{Control, Job, JoinError, KillError, Promise, Wire};
use std::future::IntoFuture;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

impl<R: Wire> Process<R> {
    /// The process as a job: with callbacks, for `as_completed` and its like, and to be awaited.
    ///
    /// One thread of this process waits for all such jobs, and runs their callbacks. It starts
    /// with the first of them and ends when there have been none for a while.
    ///
    /// So a callback ([`on_finish`](Job::on_finish)) **must not block for long**: meanwhile no
    /// other job of this process ends, and no captured stderr is read unless somebody waits for
    /// its process. It may start a process and join it; it must never wait for another *job* of a
    /// process, which would need this very thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use conc_core::as_completed;
    /// use conc_process::Process;
    ///
    /// let jobs = (1..=3).map(|n: u32| Process::spawn(|n: u32| n * n, n).map(Process::into_job));
    /// let jobs = jobs.collect::<Result<Vec<_>, _>>()?;
    /// let squares: u32 = as_completed(jobs).map(|(_, square)| square.unwrap()).sum();
    /// assert_eq!(squares, 14);
    /// # Ok::<(), conc_process::SpawnError>(())
    /// ```
    pub fn into_job(self) -> Job<R> {
        self.into_job_then(|| ())
    }

    /// [`into_job`](Self::into_job); `then` runs when the job has ended.
    pub(crate) fn into_job_then(self, then: impl FnOnce() + Send + 'static) -> Job<R> {
        if !self.family().is_own() {
            return Job::finished(Err(JoinError::Forked));
        }
        let (kin, family) = (Arc::clone(self.kin()), self.family());
        let (mut promise, job) = Promise::with_control(Leash(Arc::clone(&kin), family));
        promise.start();
        let reception = self.take();
        let server = reception.server().cloned();
        let reception = Some(reception);
        let watch = JobWatch {
            kin,
            orphaned: false,
            family,
            reception,
            promise: Some(promise),
            then: Some(then),
        };
        // If no thread can be had, the watch is dropped, which settles the job.
        let _ = family.supervisor.add(Box::new(watch), server.as_ref());
        job
    }
}

/// `.await`, which blocks nothing.
impl<R: Wire> IntoFuture for Process<R> {
    type Output = Result<R, JoinError>;
    type IntoFuture = Job<R>;

    fn into_future(self) -> Job<R> {
        self.into_job()
    }
}

/// Ends the process of a job by force.
struct Leash(Arc<Kin>, &'static Family);

impl Control for Leash {
    fn kill(&self) -> Result<(), KillError> {
        if !self.1.is_own() {
            // In a copy of the process that holds the job.
            return Err(KillError::Unsupported);
        }
        self.0.signal(libc::SIGKILL).map_err(|_| KillError::Unsupported)
    }
}

/// Waits for the result of one process.
struct JobWatch<R: Wire, F: FnOnce()> {
    kin: Arc<Kin>,
    /// Its server has died: nobody tells how it ends.
    orphaned: bool,
    family: &'static Family,
    reception: Option<Reception>,
    promise: Option<Promise<R>>,
    then: Option<F>,
}

impl<R: Wire, F: FnOnce() + Send> Watch for JobWatch<R, F> {
    fn descriptor(&self) -> BorrowedFd<'_> {
        match &self.reception {
            // A copy of the caller tells its end by its handle alone; so does whom nobody tells of.
            Some(reception) if !self.kin.ours && !self.orphaned => reception.channel(),
            _ => self.kin.handle.as_fd(),
        }
    }

    fn look(&mut self) -> bool {
        let Some(reception) = &mut self.reception else { return true };
        reception.look();
        if reception.is_settled() {
            self.finish();
            return true;
        }
        self.orphaned = reception.server().is_some_and(|server| server.has_died());
        false
    }
}

impl<R: Wire, F: FnOnce()> JobWatch<R, F> {
    fn finish(&mut self) {
        let Some(reception) = self.reception.take() else { return };
        self.family.remove(&self.kin);
        if let Some(promise) = self.promise.take() {
            // Running jobs cannot be cancelled.
            let _ = promise.finish(reception.conclude());
        }
        if let Some(then) = self.then.take() {
            then();
        }
    }
}

/// Nobody looks any more: end the process, and the job with it.
impl<R: Wire, F: FnOnce()> Drop for JobWatch<R, F> {
    fn drop(&mut self) {
        if !self.family.is_own() {
            return;
        }
        if let Some(reception) = &mut self.reception {
            // It may have ended; that is as good.
            let _ = self.kin.signal(libc::SIGKILL);
            reception.settle();
            self.finish();
        }
    }
}

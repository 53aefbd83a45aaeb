//! Whom an outcome is for.

use super::cargo::{Batch, Outcomes, Part};
use super::failure::Failure;
use super::ticket::Ticket;
use crate::protocol::decode;
use conc_core::job::Pledge;
use conc_core::{JoinError, Wire};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Whom the outcome of a piece of work is for.
pub(super) enum Reply {
    Call(Owed<dyn Call>),
    Batch(Box<BatchReply>),
}

/// How a call ended.
pub(super) enum Outcome<'r> {
    /// The encoded result, and the descriptors that are in it.
    Value(&'r [u8], Vec<OwnedFd>),
    Error(JoinError),
}

/// A job that is owed its end. If this is dropped without one, the job is abandoned: nobody waits
/// for ever.
pub(super) struct Owed<P: Pending + ?Sized>(Option<Arc<P>>);

/// A job of this pool.
pub(super) trait Pending: Send + Sync {
    fn ticket(&self) -> &Ticket;

    /// Runs callbacks, as all ends do: never under a lock.
    fn cancel(&self);

    fn abandon(&self);
}

/// The job of a call, whatever its type.
pub(super) trait Call: Pending {
    fn settle(&self, outcome: Outcome<'_>);
}

impl<T: Send + 'static> Pending for Pledge<T, Ticket> {
    fn ticket(&self) -> &Ticket {
        self.control()
    }

    fn cancel(&self) {
        // Whoever cancelled it before has ended it.
        let _ = Self::cancel(self);
    }

    fn abandon(&self) {
        let _ = self.finish(Err(JoinError::Abandoned));
    }
}

impl<R: Wire> Call for Pledge<R, Ticket> {
    fn settle(&self, outcome: Outcome<'_>) {
        let result = match outcome {
            Outcome::Error(error) => Err(error),
            Outcome::Value(bytes, descriptors) => {
                // The type's own code runs here, and may panic.
                conc_core::job::caught(|| decode(bytes, descriptors)).and_then(|decoded| decoded)
            }
        };
        // Whoever cancelled it did so before it ran.
        let _ = self.finish(result);
    }
}

impl<P: Pending + ?Sized> Owed<P> {
    pub(super) fn new(job: Arc<P>) -> Self {
        Self(Some(job))
    }

    /// The job, which the caller ends.
    fn pay(mut self) -> Arc<P> {
        self.0.take().expect("a job ends once")
    }

    fn ticket(&self) -> &Ticket {
        self.0.as_ref().expect("a job ends once").ticket()
    }
}

impl<P: Pending + ?Sized> Drop for Owed<P> {
    fn drop(&mut self) {
        if let Some(job) = self.0.take() {
            job.abandon();
        }
    }
}

/// Whom the outcomes of a batch are for.
pub(super) struct BatchReply {
    job: Owed<Pledge<Batch, Ticket>>,
    /// Where each item begins in the bytes, counted from the first.
    offsets: Vec<u32>,
    /// Parts that were cut off its end; the last cut comes first in the map.
    pub(super) cut_off: Vec<Part>,
}

impl BatchReply {
    pub(super) fn new(job: Arc<Pledge<Batch, Ticket>>, offsets: Vec<u32>) -> Box<Self> {
        Box::new(Self { job: Owed::new(job), offsets, cut_off: Vec::new() })
    }

    pub(super) fn len(&self) -> u32 {
        self.offsets.len() as u32
    }

    /// Where an item begins; `None`: there is none with this number.
    pub(super) fn offset(&self, item: u32) -> Option<usize> {
        self.offsets.get(item as usize).map(|offset| *offset as usize)
    }

    /// The offsets of some of the items as a batch of their own.
    pub(super) fn offsets(&self, items: std::ops::Range<u32>) -> Vec<u32> {
        let items = items.start as usize..items.end as usize;
        let part = self.offsets.get(items).unwrap_or_default();
        let start = part.first().copied().unwrap_or_default();
        part.iter().map(|offset| offset - start).collect()
    }

    /// The batch has ended.
    pub(super) fn settle(self, outcomes: Outcomes, rest: Vec<Part>) {
        let Self { job, cut_off, .. } = self;
        let rest = rest.into_iter().chain(cut_off.into_iter().rev()).collect();
        // Whoever cancelled it did so before it ran.
        let _ = job.pay().finish(Ok(Batch { outcomes, rest }));
    }
}

impl Reply {
    pub(super) fn call<R: Wire>(job: Arc<Pledge<R, Ticket>>) -> Self {
        Self::Call(Owed::new(job))
    }

    pub(super) fn ticket(&self) -> &Ticket {
        match self {
            Self::Call(job) => job.ticket(),
            Self::Batch(reply) => reply.job.ticket(),
        }
    }

    /// It has failed as a whole.
    pub(super) fn fail(self, error: JoinError) {
        match self {
            Self::Call(job) => job.settle(Outcome::Error(error)),
            // Nothing was cut off what never ran. Whoever cancelled it did so before.
            Self::Batch(reply) => drop(reply.job.pay().finish(Err(error))),
        }
    }

    /// Nobody will run it: it ends cancelled. Runs callbacks.
    pub(super) fn cancel(self) {
        match self {
            Self::Call(job) => job.pay().cancel(),
            Self::Batch(reply) => Pending::cancel(&*reply.job.pay()),
        }
    }

    /// Its holder has withdrawn it, and ends it.
    pub(super) fn withdrawn(self) {
        match self {
            Self::Call(job) => drop(job.pay()),
            Self::Batch(reply) => drop(reply.job.pay()),
        }
    }
}

impl Owed<dyn Call> {
    pub(super) fn settle(self, outcome: Outcome<'_>) {
        let job = self.pay();
        // What nobody holds any more is dropped here, and its destructor may panic.
        conc_core::job::quietly(move || {
            job.settle(outcome);
            drop(job);
        });
    }
}

/// The error in an encoded failure.
pub(super) fn failure(bytes: &[u8]) -> JoinError {
    match postcard::from_bytes::<Failure>(bytes) {
        Ok(failure) => failure.into(),
        Err(error) => JoinError::NotDecoded { message: error.to_string().into() },
    }
}

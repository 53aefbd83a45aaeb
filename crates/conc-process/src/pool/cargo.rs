//! A piece of work on its way: what the parent keeps while the worker has the bytes.

use super::failure::Failure;
use super::routine::Work;
use super::ticket::Ticket;
use crate::protocol::decode;
use conc_core::courier::Baggage;
use conc_core::{Job, JoinError, Promise, Wire};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

/// A piece of work that waits in the parent.
pub(super) struct Item {
    /// The encoded argument, or those of all items.
    pub(super) bytes: Vec<u8>,
    pub(super) cargo: Box<Cargo>,
}

/// What the parent keeps of a piece of work, wherever its bytes are.
pub(super) struct Cargo {
    pub(super) work: Work,
    pub(super) reply: Reply,
    pub(super) ticket: Arc<Ticket>,
    /// Descriptors that are in the argument, and what is kept while it is on its way.
    pub(super) baggage: Option<Box<Baggage>>,
    pub(super) terms: Terms,
    /// How attempts ended before this one.
    pub(super) attempts: Vec<JoinError>,
}

impl Cargo {
    pub(super) fn is_batch(&self) -> bool {
        matches!(self.reply, Reply::Batch(_))
    }

    /// What it is called in pictures, if it does not say.
    pub(super) fn name(&self) -> &'static str {
        if self.is_batch() { "batch" } else { "job" }
    }
}

/// What a job may take.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terms {
    /// A job, or an item of a map, that runs longer is ended.
    pub(super) timeout: Option<Duration>,
    /// So often it is run again if its worker died.
    pub(super) retries: u32,
}

/// Whom the outcome is for.
pub(super) enum Reply {
    Call(Box<dyn CallReply>),
    Batch(BatchReply),
}

/// Whom the outcome of a call is for.
pub(super) trait CallReply: Send {
    /// The call ended so. Runs callbacks: never under a lock.
    fn settle(self: Box<Self>, outcome: Outcome<'_>);

    /// Nobody will run it: it ends cancelled. Runs callbacks, too.
    fn cancel(self: Box<Self>);

    /// Its holder has withdrawn it, and ends it.
    fn withdrawn(self: Box<Self>);
}

/// How a call ended.
pub(super) enum Outcome<'r> {
    /// The encoded result, and the descriptors that are in it.
    Value(&'r [u8], Vec<OwnedFd>),
    Error(JoinError),
}

impl<R: Wire> CallReply for Promise<R> {
    fn settle(self: Box<Self>, outcome: Outcome<'_>) {
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

    fn cancel(self: Box<Self>) {
        Self::cancel(*self);
    }

    fn withdrawn(self: Box<Self>) {
        Self::withdrawn(*self);
    }
}

/// Whom the outcomes of a batch are for.
pub(super) struct BatchReply {
    pub(super) promise: Promise<Batch>,
    /// Where each item begins in the bytes, counted from the first.
    pub(super) offsets: Vec<u32>,
    /// Parts that were cut off its end; the last cut comes first in the map.
    pub(super) cut_off: Vec<Part>,
}

impl BatchReply {
    pub(super) fn len(&self) -> u32 {
        self.offsets.len() as u32
    }

    /// Takes the items from `from` to `to` out, as a batch of their own: its offsets, and where its
    /// bytes begin. Its bytes end with the whole or where the next item begins.
    pub(super) fn part(&self, from: u32, to: u32) -> (Vec<u32>, usize) {
        let (from, to) = (from as usize, to as usize);
        let part = self.offsets.get(from..to).unwrap_or_default();
        let start = part.first().copied().unwrap_or_default();
        (part.iter().map(|offset| offset - start).collect(), start as usize)
    }

    /// The batch has ended.
    pub(super) fn settle(self, outcomes: Outcomes, rest: Vec<Part>) {
        let Self { promise, cut_off, .. } = self;
        let rest = rest.into_iter().chain(cut_off.into_iter().rev()).collect();
        // Whoever cancelled it did so before it ran.
        let _ = promise.finish(Ok(Batch { outcomes, rest }));
    }
}

/// The outcomes of the first items of a batch.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    /// So many.
    pub(super) count: u32,
    /// Encoded: each a head, and a value or a failure.
    pub(super) bytes: Vec<u8>,
    /// In the last of them.
    pub(super) descriptors: Vec<OwnedFd>,
    /// What they took, in nanoseconds; 0: nobody knows.
    pub(super) nanos: u64,
    /// How the item after them ended the worker.
    pub(super) lost: Option<JoinError>,
}

impl Outcomes {
    /// Items that are accounted for.
    pub(super) fn len(&self) -> usize {
        self.count as usize + usize::from(self.lost.is_some())
    }
}

/// What came of a batch: outcomes, and parts that follow them in the map.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) outcomes: Outcomes,
    pub(super) rest: Vec<Part>,
}

/// Some items of a map, as a job of their own.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) job: Job<Batch>,
    pub(super) len: usize,
}

impl Reply {
    /// It has failed as a whole.
    pub(super) fn fail(self, error: JoinError) {
        match self {
            Self::Call(reply) => reply.settle(Outcome::Error(error)),
            // Nothing was cut off what never ran. Whoever cancelled it did so before.
            Self::Batch(reply) => drop(reply.promise.finish(Err(error))),
        }
    }
}

impl Reply {
    /// Nobody will run it: it ends cancelled. Runs callbacks.
    pub(super) fn cancel(self) {
        match self {
            Self::Call(reply) => reply.cancel(),
            Self::Batch(reply) => drop(reply.promise.cancel()),
        }
    }

    /// Its holder has withdrawn it, and ends it.
    pub(super) fn withdrawn(self) {
        match self {
            Self::Call(reply) => reply.withdrawn(),
            Self::Batch(reply) => reply.promise.withdrawn(),
        }
    }
}

/// The error in an encoded failure.
pub(super) fn failure(bytes: &[u8]) -> JoinError {
    match postcard::from_bytes::<Failure>(bytes) {
        Ok(failure) => failure.into(),
        Err(error) => JoinError::NotDecoded { message: error.to_string().into() },
    }
}

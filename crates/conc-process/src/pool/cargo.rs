//! A piece of work on its way: what the parent keeps while the worker has the bytes.

use super::bytes::Bytes;
use super::reply::Reply;
use super::routine::Work;
use super::ticket::Ticket;
use conc_core::courier::Baggage;
use conc_core::{Job, JoinError};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// A piece of work that waits in the parent.
pub(super) struct Item {
    /// The encoded argument, or those of all items.
    pub(super) bytes: Bytes<'static>,
    pub(super) cargo: Cargo,
}

/// What the parent keeps of a piece of work, wherever its bytes are.
pub(super) struct Cargo {
    pub(super) work: Work,
    pub(super) reply: Reply,
    pub(super) terms: Terms,
    /// Descriptors that are in the argument, and what is kept while it is on its way.
    pub(super) baggage: Baggage,
    /// How attempts ended before this one.
    pub(super) attempts: Vec<JoinError>,
    /// How many workers have died with it before they took its first item.
    pub(super) fruitless: u8,
}

impl Cargo {
    pub(super) fn new(work: Work, reply: Reply, baggage: Baggage, terms: Terms) -> Self {
        Self { work, reply, terms, baggage, attempts: Vec::new(), fruitless: 0 }
    }
}

impl Cargo {
    pub(super) fn is_batch(&self) -> bool {
        matches!(self.reply, Reply::Batch(_))
    }

    /// What it is called in pictures, if it does not say.
    pub(super) fn name(&self) -> &'static str {
        if self.is_batch() { "batch" } else { "job" }
    }

    pub(super) fn ticket(&self) -> &Ticket {
        self.reply.ticket()
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

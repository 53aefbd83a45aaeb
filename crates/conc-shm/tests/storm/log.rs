//! What each process called and what came of it, in memory that outlives it.

use crate::processes::Words;
use conc_tests::linear::{Call, Operation, Outcome};
use std::sync::atomic::{AtomicU64, Ordering};

/// Words of a record: what was called, when, what came of it, when.
const RECORD: usize = 4;
/// Words before the logs: a clock, whether producers are to end.
const HEAD: usize = 16;

const PUT: u64 = 1;
const GET: u64 = 2;
const ACK: u64 = 3;
const NACK: u64 = 4;

const DONE: u64 = 1;
const FULL: u64 = 2;
const GOT: u64 = 3;
const EMPTY: u64 = 4;
const CLOSED: u64 = 5;

/// Items have so many bits.
const ITEM: u64 = (1 << 48) - 1;

/// One log for each process that there will ever be.
pub(super) struct Logs {
    words: Words,
    writers: usize,
    records: usize,
}

/// What a process did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Put(u64),
    Get,
    Ack(u64),
    Nack(u64),
}

/// A line of a log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) writer: usize,
    pub(super) deed: Deed,
    pub(super) invoked: u64,
    pub(super) outcome: Option<Outcome>,
    /// How often the item was delivered, as the lease says; 0 without a lease.
    pub(super) deliveries: u64,
    pub(super) returned: u64,
}

impl Logs {
    pub(super) fn new(writers: usize, records: usize) -> Self {
        let words = Words::new(HEAD + writers * (1 + records * RECORD));
        Self { words, writers, records }
    }

    fn word(&self, at: usize) -> &AtomicU64 {
        self.words.word(at)
    }

    pub(super) fn tick(&self) -> u64 {
        self.word(0).fetch_add(1, Ordering::SeqCst)
    }

    /// The latest stamp: it stands still if nobody does anything.
    pub(super) fn now(&self) -> u64 {
        self.word(0).load(Ordering::SeqCst)
    }

    pub(super) fn end_producers(&self) {
        self.word(1).store(1, Ordering::SeqCst);
    }

    pub(super) fn producers_end(&self) -> bool {
        self.word(1).load(Ordering::SeqCst) != 0
    }

    fn count(&self, writer: usize) -> &AtomicU64 {
        self.word(HEAD + writer * (1 + self.records * RECORD))
    }

    fn record(&self, writer: usize, number: usize) -> usize {
        assert!(number < self.records);
        HEAD + writer * (1 + self.records * RECORD) + 1 + number * RECORD
    }

    pub(super) fn is_full(&self, writer: usize) -> bool {
        // Room for a get and what becomes of it.
        self.count(writer).load(Ordering::SeqCst) as usize + 2 > self.records
    }

    /// Writes down a call, before it and after it.
    pub(super) fn write<R>(
        &self,
        writer: usize,
        deed: Deed,
        call: impl FnOnce() -> R,
        outcome: impl FnOnce(&R) -> (Outcome, u64),
    ) -> R {
        let number = self.count(writer).load(Ordering::SeqCst);
        let at = self.record(writer, number as usize);
        let (kind, item) = match deed {
            Deed::Put(item) => (PUT, item),
            Deed::Get => (GET, 0),
            Deed::Ack(item) => (ACK, item),
            Deed::Nack(item) => (NACK, item),
        };
        self.word(at).store(kind << 48 | item, Ordering::SeqCst);
        self.word(at + 1).store(self.tick(), Ordering::SeqCst);
        self.count(writer).store(number + 1, Ordering::SeqCst);
        let result = call();
        let returned = self.tick();
        let (outcome, deliveries) = outcome(&result);
        let (kind, item) = match outcome {
            Outcome::Done => (DONE, 0),
            Outcome::Full => (FULL, 0),
            Outcome::Got(item) => (GOT, item),
            Outcome::Empty => (EMPTY, 0),
            Outcome::Closed => (CLOSED, 0),
        };
        self.word(at + 3).store(returned, Ordering::SeqCst);
        // The last: an outcome that is there has all that belongs to it.
        self.word(at + 2).store(deliveries << 56 | kind << 48 | item, Ordering::SeqCst);
        result
    }

    /// All that was written, once nobody writes any more.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let logs = (0..self.writers).flat_map(|writer| {
            let count = self.count(writer).load(Ordering::SeqCst) as usize;
            (0..count).map(move |number| self.entry(writer, number))
        });
        logs.collect()
    }

    fn entry(&self, writer: usize, number: usize) -> Entry {
        let at = self.record(writer, number);
        let [deed, invoked, outcome, returned] =
            [0, 1, 2, 3].map(|word| self.word(at + word).load(Ordering::SeqCst));
        let item = deed & ITEM;
        let deed = match deed >> 48 {
            PUT => Deed::Put(item),
            GET => Deed::Get,
            ACK => Deed::Ack(item),
            _ => Deed::Nack(item),
        };
        let deliveries = outcome >> 56;
        let outcome = match outcome >> 48 & 0xff {
            DONE => Some(Outcome::Done),
            FULL => Some(Outcome::Full),
            GOT => Some(Outcome::Got(outcome & ITEM)),
            EMPTY => Some(Outcome::Empty),
            CLOSED => Some(Outcome::Closed),
            _ => None,
        };
        let returned = if outcome.is_some() { returned } else { Call::NEVER };
        Entry { writer, deed, invoked, outcome, deliveries, returned }
    }
}

impl Entry {
    /// As judges of histories know it; `None`: they do not know giving back.
    pub(super) fn call(&self) -> Option<Call> {
        let operation = match self.deed {
            Deed::Put(item) => Operation::Put(item),
            Deed::Get => Operation::Get,
            Deed::Ack(item) => Operation::Ack(item),
            Deed::Nack(_) => return None,
        };
        let &Self { writer: thread, outcome, invoked, returned, .. } = self;
        Some(Call { thread, operation, outcome, invoked, returned })
    }
}

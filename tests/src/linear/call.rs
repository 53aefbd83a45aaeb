//! One call of a queue.

use std::fmt;

/// What was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Puts this item.
    Put(u64),
    /// Gets an item; leases it, where items are acknowledged.
    Get,
    /// Closes the queue.
    Close,
    /// This item, which the calling thread got, needs no redelivery any more.
    Ack(u64),
    /// Somebody kills this thread, or the process it stands for.
    Kill(usize),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is done: the item is in, the queue is closed, the thread is dead.
    Done,
    /// There was no room.
    Full,
    /// This item was got.
    Got(u64),
    /// There was no item.
    Empty,
    /// The queue is closed; and empty, if this is the answer to a get.
    Closed,
}

/// One call of a queue.
///
/// A call is before another if it returned before the other was invoked. Equal stamps order
/// nothing, so clocks with large ticks are no problem; they only let more pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Who called. A thread has one call at a time.
    pub thread: usize,
    /// What was called.
    pub operation: Operation,
    /// What came of it; `None` if it never returned.
    pub outcome: Option<Outcome>,
    /// When it began.
    pub invoked: u64,
    /// When it ended; [`NEVER`](Self::NEVER) if it never returned.
    pub returned: u64,
}

impl Call {
    /// When a call returns that never does.
    pub const NEVER: u64 = u64::MAX;

    /// Whether it ended before the other began.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        self.returned < other.invoked
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread {} {:?} ", self.thread, self.operation)?;
        match self.outcome {
            Some(outcome) => write!(f, "-> {outcome:?} [{}, {}]", self.invoked, self.returned),
            None => write!(f, "killed [{}, ..", self.invoked),
        }
    }
}

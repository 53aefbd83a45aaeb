//! What a queue can do.

use crate::laws::Needs;
use std::fmt;

bitflags::bitflags! {
    /// What a queue can do; decides which laws it is held to.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct QueueCapabilities: u32 {
        /// It is a `BlockingQueue`.
        const BLOCKING = 1 << 0;
        /// It is an `AsyncQueue`.
        const ASYNC = 1 << 1;
        /// It is a `JoinableQueue`.
        const JOINABLE = 1 << 2;
        /// It can be made with any capacity from 1 on.
        const BOUNDED = 1 << 3;
        /// It can be made without a limit.
        const UNBOUNDED = 1 << 4;
        /// Several threads may put at once.
        const MANY_PRODUCERS = 1 << 5;
        /// Several threads may get at once.
        const MANY_CONSUMERS = 1 << 6;
        /// First in, first out, for the items of each producer.
        const FIFO = 1 << 7;
        /// All operations together look as if they happened one after the other.
        const LINEARIZABLE = 1 << 8;
        /// Several handles stand for one queue.
        const HANDLES = 1 << 9;
        /// It can hold values that have a destructor, unencoded.
        const HOLDS_VALUES = 1 << 10;
    }
}

impl fmt::Display for QueueCapabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        bitflags::parser::to_writer_strict(self, f)
    }
}

impl QueueCapabilities {
    /// Several threads may use both ends.
    pub const CROWDS: Self = Self::MANY_PRODUCERS.union(Self::MANY_CONSUMERS);

    /// What is found in a queue's type.
    pub const TYPED: Self = Self::BLOCKING.union(Self::ASYNC).union(Self::JOINABLE);
}

/// What a law of queues asks of its subject.
pub type QueueNeeds = Needs<QueueCapabilities>;

impl QueueNeeds {
    pub(super) const BLOCKING: Self = Self::all(QueueCapabilities::BLOCKING);
    pub(super) const ASYNC: Self = Self::all(QueueCapabilities::ASYNC);
    pub(super) const JOINABLE: Self = Self::all(QueueCapabilities::JOINABLE);
    pub(super) const FIFO: Self = Self::all(QueueCapabilities::FIFO);
    pub(super) const HANDLES: Self = Self::all(QueueCapabilities::HANDLES);
    pub(super) const HOLDS_VALUES: Self = Self::all(QueueCapabilities::HOLDS_VALUES);
    pub(super) const BOUNDED: Self = Self::all(QueueCapabilities::BOUNDED);
    pub(super) const UNBOUNDED: Self = Self::all(QueueCapabilities::UNBOUNDED);
    pub(super) const PRODUCERS: Self = Self::all(QueueCapabilities::MANY_PRODUCERS);
    pub(super) const CONSUMERS: Self = Self::all(QueueCapabilities::MANY_CONSUMERS);
    pub(super) const CROWDS: Self = Self::all(QueueCapabilities::CROWDS);

    /// These as well.
    pub(super) const fn and(self, more: QueueCapabilities) -> Self {
        Self { with: Some(union(self.with, more)), ..self }
    }
}

const fn union(some: Option<QueueCapabilities>, more: QueueCapabilities) -> QueueCapabilities {
    match some {
        Some(some) => some.union(more),
        None => more,
    }
}

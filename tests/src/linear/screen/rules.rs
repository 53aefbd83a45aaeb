//! What a queue promises, and how it may break that.

use crate::linear::Call;
use thiserror::Error;

/// In which order items come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// First in, first out.
    Global,
    /// First in, first out for the items of one producer.
    PerProducer,
}

/// What a queue promises.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub(super) order: Order,
    pub(super) capacity: Option<usize>,
    pub(super) drained: bool,
    pub(super) redelivers: bool,
    pub(super) hints: bool,
}

impl Rules {
    /// Items come out once and in this order; whoever is told empty or full was told so rightly.
    #[must_use]
    pub const fn new(order: Order) -> Self {
        Self { order, capacity: None, drained: false, redelivers: false, hints: false }
    }

    /// No more items than these are inside.
    #[must_use]
    pub const fn capacity(self, capacity: usize) -> Self {
        Self { capacity: Some(capacity), ..self }
    }

    /// In the end nothing was left inside.
    #[must_use]
    pub const fn drained(self) -> Self {
        Self { drained: true, ..self }
    }

    /// Items may come several times; their first time is in order.
    #[must_use]
    pub const fn redelivers(self) -> Self {
        Self { redelivers: true, ..self }
    }

    /// Empty and full are hints and may be wrong for a moment.
    #[must_use]
    pub const fn hints(self) -> Self {
        Self { hints: true, ..self }
    }
}

/// What no queue may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Violation {
    /// An item came out that nobody put.
    #[error("{0}: nobody put it")]
    Invented(Call),
    /// An item came out that its producer got back.
    #[error("{0}: its producer got it back")]
    Refused(Call),
    /// An item came out twice.
    #[error("{second}: it was got before, {first}")]
    Twice {
        /// Once.
        first: Call,
        /// Again.
        second: Call,
    },
    /// An item came out before it was put.
    #[error("{0}: that is before it was put")]
    BeforePut(Call),
    /// Items never came out, more than killed gets may have taken.
    #[error("{items} never came out, {killed} gets were killed; one of them is {example}")]
    Lost {
        /// So many items.
        items: usize,
        /// So many gets may have taken one each.
        killed: usize,
        /// One of the items.
        example: u64,
    },
    /// Two items came out in the other order.
    #[error("{first} was put before {second} and not got before it")]
    Reordered {
        /// The item that was put before.
        first: u64,
        /// The item that was got before.
        second: u64,
    },
    /// There was an item inside all the time.
    #[error("{0}: there was an item inside all the time")]
    NotEmpty(Call),
    /// There was room all the time, and no other put was in progress.
    #[error("{0}: there was room all the time")]
    NotFull(Call),
    /// There were more items inside than fit.
    #[error("{items} items were inside at {moment}")]
    OverCapacity {
        /// So many.
        items: usize,
        /// Then.
        moment: u64,
    },
    /// The queue was open all the time.
    #[error("{0}: it was open all the time")]
    NotClosed(Call),
    /// The queue was closed, and did not say so.
    #[error("{0}: it was closed before")]
    NotOpen(Call),
    /// Somebody was told that nothing is left, and something came after that.
    #[error("{item} was inside when this was said: {closed}")]
    AfterTheEnd {
        /// What came, or never came.
        item: u64,
        /// Where the end was announced.
        closed: Call,
    },
}

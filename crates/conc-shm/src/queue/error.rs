//! Why a queue did not do what was asked.

use crate::OutOfMemory;
use conc_core::queue::{GetFailure, PutFailure};
use std::fmt;
use thiserror::Error;

/// Why an item was not put. The item comes back.
#[doc(alias = "Full")]
#[doc(alias = "ShutDown")]
#[derive(Error)]
#[non_exhaustive]
pub enum PutError<T> {
    /// There was no room, now or in time.
    #[error("the queue is full")]
    Full(T),
    /// The queue takes no more.
    #[error("the queue is closed")]
    Closed(T),
    /// It would not fit if the queue were empty.
    #[error("an item of more than {limit} bytes never fits")]
    TooLarge {
        /// The item.
        item: T,
        /// The largest that fits, in bytes of its encoding.
        limit: u64,
    },
    /// There is no room, and everybody who could make some is gone.
    #[error("the queue is full, and all other processes are gone")]
    Abandoned(T),
    /// The queue may grow, and the machine has no memory for it.
    #[error("{cause}")]
    OutOfMemory {
        /// The item.
        item: T,
        /// What was missing.
        cause: OutOfMemory,
    },
    /// Its own `Serialize` says no.
    #[error("the item cannot be encoded: {message}")]
    NotEncoded {
        /// The item.
        item: T,
        /// What the encoder said.
        message: Box<str>,
    },
    /// This process is a copy, by `fork`, of the one that the handle belongs to.
    #[error("the handle belongs to the process that this one was forked from")]
    Forked(T),
}

impl<T> PutError<T> {
    /// The item.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item)
            | Self::Closed(item)
            | Self::TooLarge { item, .. }
            | Self::Abandoned(item)
            | Self::OutOfMemory { item, .. }
            | Self::NotEncoded { item, .. }
            | Self::Forked(item) => item,
        }
    }
}

impl<T> PutFailure for PutError<T> {
    type Item = T;

    fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    fn into_item(self) -> T {
        self.into_inner()
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::Closed(_) => f.write_str("Closed(..)"),
            Self::TooLarge { limit, .. } => write!(f, "TooLarge {{ limit: {limit}, .. }}"),
            Self::Abandoned(_) => f.write_str("Abandoned(..)"),
            Self::OutOfMemory { cause, .. } => write!(f, "OutOfMemory {{ {cause:?}, .. }}"),
            Self::NotEncoded { message, .. } => write!(f, "NotEncoded {{ {message:?}, .. }}"),
            Self::Forked(_) => f.write_str("Forked(..)"),
        }
    }
}

/// Why no item was got.
#[doc(alias = "Empty")]
#[doc(alias = "ShutDown")]
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GetError {
    /// There was none, now or in time.
    #[error("the queue is empty")]
    Empty,
    /// There is none, and none will come: the queue is closed.
    #[error("the queue is closed and empty")]
    Closed,
    /// There is none, and everybody who could bring one is gone.
    #[error("the queue is empty, and all other processes are gone")]
    Abandoned,
    /// The item was taken, and is not of this type. It is lost.
    #[error("the item cannot be decoded: {message}")]
    NotDecoded {
        /// What the decoder said.
        message: Box<str>,
    },
    /// This process is a copy, by `fork`, of the one that the handle belongs to.
    #[error("the handle belongs to the process that this one was forked from")]
    Forked,
}

impl GetFailure for GetError {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

/// Why an item cannot be said to be done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TaskDoneError {
    /// This process has said so for each item that it got.
    #[error("more items are done with than were got")]
    TooOften,
    /// The queue was not made to count that: see
    /// [`Builder::joinable`](crate::queue::Builder::joinable).
    #[error("the queue does not count what is done")]
    NotJoinable,
    /// This process is a copy, by `fork`, of the one that the handle belongs to.
    #[error("the handle belongs to the process that this one was forked from")]
    Forked,
}

/// Why nobody can wait for the last item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JoinQueueError {
    /// The queue was not made to count what is done: see
    /// [`Builder::joinable`](crate::queue::Builder::joinable).
    #[error("the queue does not count what is done")]
    NotJoinable,
    /// All other processes are gone and items are left, which nobody works on.
    #[error("items are left, and all other processes are gone")]
    Abandoned,
    /// This process is a copy, by `fork`, of the one that the handle belongs to.
    #[error("the handle belongs to the process that this one was forked from")]
    Forked,
}

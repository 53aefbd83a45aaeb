//! The traits of all queues: between threads, between processes, through a broker.
//!
//! | trait | adds |
//! |---|---|
//! | [`QueueCore`] | what never waits: `try_put`, `try_get`, lengths, `close` |
//! | [`BlockingQueue`] | `put`, `get`, their bounded forms, batches |
//! | [`AsyncQueue`] | the same as futures |
//! | [`JoinableQueue`] | `task_done`, `join` |
//!
//! A queue says by its error types in how many ways it can fail. One inside a process fails in two
//! ways at each end, which are [`PutError`] and [`GetError`]; one between processes has more: an
//! item that does not fit, the last partner who went away. Code that is generic over queues asks
//! [`PutFailure`] and [`GetFailure`] for what all of them share.
//!
//! # When to use something else
//!
//! In a program that knows its queue, call the queue's own methods: they need no trait in scope.
//! Where only one thread puts and only one gets, a channel of the standard library is enough.

mod asynchronous;
mod blocking;
mod failure;
mod get_error;
mod joinable;
mod put_error;
mod put_many;
mod queue_core;

pub use asynchronous::AsyncQueue;
pub use blocking::BlockingQueue;
pub use failure::{GetFailure, PutFailure};
pub use get_error::GetError;
pub use joinable::{JoinableQueue, TaskDoneError};
pub use put_error::PutError;
pub use put_many::PutManyError;
pub use queue_core::QueueCore;

//! A ring between two: one process, or thread, puts, another one gets.
//!
//! | to | use |
//! |---|---|
//! | make one | [`bounded`], [`plain`], [`Builder`] |
//! | put | [`Sender`]; [`loan`](Sender::loan) to write plain data where it will be read |
//! | get | [`Receiver`]; [`peek`](Receiver::peek) to read plain data where it was written |
//!
//! # Promises
//!
//! - A message that was put is there as long as one process has the ring. A put whose process is
//!   killed is all or nothing; a [`get`](Receiver::get) is at most once, a
//!   [`peek`](Receiver::peek) with [`consume`](Peek::consume) at least once.
//! - Each end has one owner. When that has let go of it, or its death is proved, another process
//!   may [take it](Receiver::attach), and goes on exactly behind the last message that was
//!   published or consumed. An owner that is slow or stopped keeps its end.
//! - The capacity is exact. Nobody waits for a partner whose process is gone, unless somebody else
//!   is there who could take its place.
//!
//! # How it works
//!
//! Two counts in shared memory, each written by one side, each on cache lines of its own; each
//! side has a copy of the other one's and renews it when it must. A message belongs to one side at
//! a time, so it is copied once on either side and no copy has to be checked. To publish is one
//! store. Who finds nothing looks again for a moment, then sleeps; that no sleeper is missed
//! although there is no fence after that store, is the sleeper's affair: it announces its sleep, and
//! looks a last time when every store must have arrived. Who [closes](Receiver::close) has the
//! system make sure of that (`membarrier`). [`Builder::fenced`] is for those who want the fence.
//!
//! # When to use something else
//!
//! [`Queue`](crate::queue::Queue) has any number of producers and consumers, long messages,
//! leases with a count of deliveries, and dead letters. Here a message is at most as long as its
//! place.

mod builder;
mod error;
mod form;
mod geometry;
mod loan;
#[cfg(test)]
mod model;
mod peek;
mod protocol;
mod raw;
mod receiver;
mod sender;

pub use builder::{Builder, Ends, bounded, plain};
pub use error::EndError;
pub use form::Form;
pub use loan::Loan;
pub use peek::Peek;
pub use receiver::{PlainReceiver, Receiver};
pub use sender::{PlainSender, Sender};

pub use crate::queue::{Encoded, GetError, Plain, PutError};

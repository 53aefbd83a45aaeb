//! A queue between processes that survives the death of any of them.
//!
//! | to | use |
//! |---|---|
//! | pass values of any type that serde knows | [`Queue`] |
//! | pass plain data, without encoding it, or without copying it | [`PlainQueue`], [`Loan`] |
//! | be sure that each item is worked on, whoever dies over it | [`Lease`] |
//! | wait until all is done | [`Queue::join`] of a [joinable](Builder::joinable) queue |
//! | choose capacity, room for long messages, a name, the number of deliveries | [`Builder`] |
//! | be generic over queues | the traits of [`conc_core::queue`] |
//! | see what is going on | [`Inspector`] |
//!
//! # Promises
//!
//! Whatever instruction a process is killed or stopped at:
//!
//! - An item whose [`put`](Queue::put) has returned is delivered as long as one process has the
//!   queue. A put that was killed is all or nothing.
//! - [`get`](Queue::get) is at most once. [`lease`](Queue::lease) with [`ack`](Lease::ack) is at
//!   least once: what a dead consumer had leased comes back, and [counts](Lease::deliveries).
//! - Nobody waits for the dead. A stopped process keeps what it holds, and holds up nobody else.
//!   Who waits for what nobody is left to bring is told: [`GetError::Abandoned`],
//!   [`PutError::Abandoned`], [`JoinQueueError::Abandoned`].
//! - Items of one producer come in the order in which it put them; excepted are items that come
//!   back, and [loans](Loan) that the line went past.
//! - Exactly so many items fit as were said, those that are leased, set aside or just being put
//!   included. Two exceptions: a place may become free behind the oldest put or loan in progress, and
//!   has to wait for it, or for a consumer that goes past it; and with a capacity over 1,024, a place
//!   that becomes free out of turn (of a lease that others went past, of a put that was given up, or
//!   whose producer died or was very slow) is used again when the line has gone round to it.
//!
//! Nothing is promised for the time after a crash of the machine, nor if a member writes garbage
//! into the segment on purpose.
//!
//! # How it works
//!
//! The queue is a ring of places in a [segment](crate::Segment), and each place holds its message.
//! A *claim word* says which process may write there, a *slot word* says what is in it; both carry
//! the number of the lap, so that no word ever comes back. A producer claims a place with one
//! exchange, writes, and publishes with another. A consumer copies the message first and then
//! takes it with one exchange, which fails if anything happened to the place meanwhile; or leases
//! it, and the message stays where it is until it is acknowledged. Since every step is one exchange
//! of one word, there is no between in which a process could die. A producer that was slow finds
//! out when it publishes that the line has gone past. Survivors give back what the words say that
//! a dead process held. Who finds nothing looks again for a few microseconds, then sleeps on a
//! futex. The page `docs/QUEUE.md` of the repository has it all, with drawings.
//!
//! # When to use something else
//!
//! Between threads of one process, a channel. Between two processes with one producer and one
//! consumer, [`ring`](crate::ring) is faster. For bytes from somebody who is not trusted, a socket:
//! members of a segment trust each other not to destroy it on purpose.
//!
//! # Examples
//!
//! ```
//! use conc_shm::queue::{Builder, GetError, Queue};
//!
//! let orders: Queue<(u32, String)> = Builder::new(100).max_deliveries(3).build()?;
//! orders.put((1, "tea".into()))?;
//! orders.put((2, "coffee".into()))?;
//!
//! // In this process or in any other that got the handle:
//! let order = orders.lease()?;
//! assert_eq!(order.1, "tea");
//! drop(order); // Or this process dies: somebody else gets it, ahead of the line.
//! let again = orders.lease()?;
//! assert_eq!((again.1.as_str(), again.deliveries()), ("tea", 2));
//! again.ack();
//!
//! orders.close();
//! assert_eq!(orders.get()?.1, "coffee");
//! assert_eq!(orders.get(), Err(GetError::Closed));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod error;
mod form;
mod geometry;
mod get;
mod handle;
mod inspector;
mod lease;
mod loan;
#[cfg(test)]
mod model;
mod protocol;
mod put;
mod raw;
mod traits;
mod travel;

pub use builder::Builder;
pub use error::{GetError, JoinQueueError, PutError, TaskDoneError};
pub use form::{Encoded, Form, Plain};
pub use handle::{PlainQueue, Queue, bounded, plain};
pub use inspector::{Inspector, LeaseInfo, Snapshot, WriterInfo};
pub use lease::{Lease, Leasing};
pub use loan::Loan;

//! Descriptors that travel inside values.
//!
//! A descriptor is a number that means something in one process only, so serde has no word for it.
//! Whoever carries values between processes opens a *context* around the encoding; a value that
//! holds a descriptor hands it over there, and encodes the place it got. The carrier sends bytes
//! and descriptors, and opens a context with what arrived around the decoding.
//!
//! ```text
//!   sender                                        receiver
//!   packing(|| encode(value))                     unpacking(descriptors, || decode(bytes))
//!      └─ Serialize: pack(fd) ─► place 0             └─ Deserialize: unpack(0) ─► fd
//!      │                                             ▲
//!      └─► bytes, Baggage ─── carrier (a socket) ────┘
//! ```
//!
//! For values that merely hold a descriptor there is [`PortableFd`](crate::PortableFd); this module
//! is for those who carry values, and for types whose arrival has to be known (see
//! [`Baggage::into_parts`]).
//!
//! # Invariants
//!
//! 1. A context belongs to a thread and to one call; that call ends it, also by a panic, and then
//!    the context around it is in force again.
//! 2. A place of a message is unpacked at most once. What nobody unpacks is closed.
//!
//! | file | holds |
//! |---|---|
//! | `pack` | the sender's context, [`Baggage`] |
//! | `unpack` | the receiver's context |
//! | `portable_fd` | a descriptor as a value of serde |

mod pack;
mod portable_fd;
mod unpack;

pub use pack::{Baggage, Keepsake, pack, packing};
pub use portable_fd::PortableFd;
pub use unpack::{unpack, unpacking};

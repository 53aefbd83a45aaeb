//! What client, server and child say to each other.
//!
//! All of it travels on pairs of sockets that keep the borders of messages, in postcard's encoding.
//! Whoever reads checks: bytes that mean nothing are an error, lengths are those that the kernel
//! reports, and an address is used only if it lies in the code of the main executable.
//!
//! ```text
//!  client ──Hello──► server ──Answer──► client          once, at the server's start
//!  client ──Order──► server                             one message and its descriptors
//!  server, child ──Frame…──► client                     each child has a socket of its own
//!  client ──Frame::Baggage──► child                      ahead of the order, if there is any
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `hello` | the first words between client and server |
//! | `order` | what a client asks of its server |
//! | `frame` | what server and child report about one child |
//! | `task` | the work, as two addresses and an argument |
//! | `encoded` | a value on its way, with the descriptors that it holds |

mod encoded;
mod frame;
mod hello;
mod order;
mod task;

pub(crate) use encoded::{Argument, Encoded, decode, encode, too_many_descriptors};
pub(crate) use frame::{FRAME_LIMIT, Frame, Refusal, VALUE_LIMIT};
pub(crate) use hello::{Answer, CHILD_MARKER, Hello, SERVER_MARKER, hex, nonce};
pub(crate) use order::{Envelope, ORDER_DESCRIPTORS, ORDER_LIMIT, Order, Parcel, Preparation};
pub(crate) use task::{Address, Task, Verdict};

//! Laws of queues.
//!
//! | file | what it is about |
//! |---|---|
//! | `source`, `suite` | [`QueueSource`]: how queues come to be; [`QueueLaws`]: which laws apply |
//! | `channel`, `wakers` | [`ChannelQueue`]: a queue over a channel, the reference |
//! | `token`, `scene` | values whose end is counted; what laws are played with |
//! | `order` | first in, first out |
//! | `count` | nothing lost, nothing twice |
//! | `capacity` | so many items, and not one more |
//! | `failure` | why it failed; the item comes back |
//! | `close` | nothing goes in, what is inside comes out |
//! | `handles`, `values` | several handles, one queue; items with destructors |
//! | `linear` | histories look as if one thing happened after the other |
//! | `get`, `put`, `timeout` | waiting for an item, for room, and not too short |
//! | `close_blocked` | closing wakes whoever waits |
//! | `batch` | many at once |
//! | `join` | the end of all work |
//! | `await_get`, `await_put`, `await_race` | futures: pending, woken, dropped |
//! | `mixed` | some wait, some await, some never wait |

mod await_get;
mod await_put;
mod await_race;
mod batch;
mod capabilities;
mod capacity;
mod channel;
mod close;
mod close_blocked;
mod count;
mod failure;
mod get;
mod handles;
mod join;
mod linear;
mod mixed;
mod order;
mod put;
mod scene;
mod source;
mod suite;
mod timeout;
mod token;
mod values;
mod wakers;

pub use capabilities::{QueueCapabilities, QueueNeeds};
pub use channel::{ChannelQueue, ChannelQueues};
pub use source::{QueueSource, TokenQueue};
pub use suite::QueueLaws;
pub use token::{Mint, Token};

use super::Law;

/// A law of queues.
pub type QueueLaw<S> = Law<S, QueueCapabilities>;

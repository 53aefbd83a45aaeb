//! Processes that are killed and stopped while they work, and what they wrote down.
//!
//! | file | holds |
//! |---|---|
//! | `log` | what each process called and what came of it, in memory that outlives it |
//! | `message` | messages that show whether they are whole |
//! | `worker` | what a producer and a consumer do |
//! | `episode` | one queue, its workers, and who kills them |
//! | `judge` | whether all of that can be right |

mod episode;
mod judge;
mod log;
mod message;
mod worker;

pub(crate) use episode::{Episode, Pace, Tally};
pub(crate) use message::{Chained, Mixed, Small};
pub(crate) use worker::Taking;

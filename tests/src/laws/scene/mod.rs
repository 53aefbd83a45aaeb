//! What laws are played with: places that jobs of every world can reach.

mod block_on;
mod busy;
mod gate;
mod journal;
mod occupied;
mod scratch;

pub use block_on::{WakeCount, block_on, poll_once};
pub use busy::keep_busy;
pub use gate::{Gate, Visitor, pass};
pub use journal::{Journal, note};
pub use occupied::Occupied;
pub use scratch::Scratch;

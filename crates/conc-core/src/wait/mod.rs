//! How to wait: look again for a moment, then give way, then sleep.

mod event_count;
mod patience;

pub use event_count::{EventCount, Ticket};
pub use patience::Patience;

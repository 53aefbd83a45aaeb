//! Places that are fetched before they are used.
//!
//! A place that the other side wrote last lies in another processor's cache, and to get it from
//! there takes longer than all the rest of a put or a get. Both sides therefore ask for places
//! some time before they come to them. How far ahead was measured (docs/BENCHMARKS.md, group
//! `queue`): one side with the wrong distance takes places away that the other is about to use.

use super::{Cursors, RawQueue};
use crate::memory::Memory;
use crate::queue::protocol::Position;
use conc_core::sync::Ordering;

/// A producer asks for the place so many positions further on.
pub(super) const PRODUCER_AHEAD: u32 = 8;
/// A consumer does, while messages flow.
pub(super) const CONSUMER_AHEAD: u32 = 2;
/// So many messages without a wait are a flow: the producers are far ahead.
const FLOW: u32 = 2;
/// Words of a cache line.
const LINE: usize = 8;

impl RawQueue {
    /// Asks for the place that many positions after `at`.
    #[inline]
    pub(super) fn fetch_ahead(&self, at: Position, by: u32) {
        let places = self.geometry.numbers.places;
        if places < 4 * by {
            return;
        }
        let ahead = at.index() + by;
        let ahead = if ahead >= places { ahead - places } else { ahead };
        let word = self.ring().message(ahead);
        self.memory.write_soon(word);
        self.memory.write_soon(word + LINE);
    }
}

impl Cursors {
    /// Whether many messages were got without a wait.
    #[inline]
    pub(super) fn is_flowing(&self) -> bool {
        // ORDERING: Relaxed. A guess.
        self.flow.load(Ordering::Relaxed) >= FLOW
    }

    /// A message was there when it was asked for.
    #[inline]
    pub(super) fn flows(&self) {
        // ORDERING: Relaxed. A guess.
        self.flow.store(self.flow.load(Ordering::Relaxed).saturating_add(1), Ordering::Relaxed);
    }

    /// There was none.
    #[inline]
    pub(super) fn dries_up(&self) {
        // ORDERING: Relaxed. A guess.
        self.flow.store(0, Ordering::Relaxed);
    }
}

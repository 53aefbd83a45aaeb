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

/// So many messages without a wait are a flow: the producers are ahead.
const FLOW: u32 = 2;
/// Words of a cache line.
const LINE: usize = 8;

/// Which places are fetched ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// How many positions further on a producer asks.
    producer: u32,
    /// And a consumer, while messages flow.
    consumer: u32,
    /// How many lines of a place.
    lines: usize,
}

impl Ahead {
    /// For places with so many words.
    pub(crate) const fn of(words: usize) -> Self {
        match words / LINE {
            0..=4 => Self { producer: 8, consumer: 2, lines: 2 },
            5..=32 => Self { producer: 1, consumer: 1, lines: words / LINE },
            // The processor sees by itself where such a copy goes.
            _ => Self { producer: 1, consumer: 1, lines: 2 },
        }
    }
}

impl RawQueue {
    /// A producer is at `at`.
    #[inline]
    pub(super) fn producer_is_at(&self, at: Position) {
        self.fetch(at, self.ahead.producer);
    }

    /// A consumer is at `at`.
    #[inline]
    pub(super) fn consumer_is_at(&self, at: Position, cursors: &Cursors) {
        // ORDERING: Relaxed. A guess.
        if cursors.flow.load(Ordering::Relaxed) >= FLOW {
            self.fetch(at, self.ahead.consumer);
        }
    }

    /// Asks for the place that many positions after `at`.
    #[inline]
    fn fetch(&self, at: Position, by: u32) {
        let places = self.geometry.numbers.places;
        // In a small ring it is about to be used, by the other side.
        if places < 4 * by {
            return;
        }
        let ahead = at.index() + by;
        let ahead = if ahead >= places { ahead - places } else { ahead };
        let word = self.ring().message(ahead);
        for line in 0..self.ahead.lines {
            self.memory.write_soon(word + line * LINE);
        }
    }
}

impl Cursors {
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

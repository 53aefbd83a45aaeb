//! Places that are fetched before they are used.
//!
//! A place that the other side wrote last lies in another processor's cache, and to get it from
//! there takes longer than all the rest of a put or a get. Both sides therefore ask for places
//! some time before they come to them: producers to write them, since an exchange waits until all
//! that was written before it has reached the cache; consumers to read them.
//!
//! How far ahead, and how much, was measured for each size (docs/BENCHMARKS.md, group `queue`):
//! one side with the wrong distance takes places away that the other is about to use, and who
//! asks for more lines to write than the processor keeps track of waits for them there and then.

use super::{Cursors, RawQueue};
use crate::memory::Memory;
use crate::queue::protocol::Position;
use conc_core::sync::Ordering;

/// So many messages without a wait are a flow: the producers are ahead.
const FLOW: u32 = 2;
/// Words of a cache line.
const LINE: usize = 8;

/// Which places are fetched ahead: how many positions further on; none: 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ahead {
    producer: u32,
    /// While messages flow.
    consumer: u32,
    /// How many lines of a place.
    lines: usize,
}

impl Ahead {
    /// For places with so many words.
    pub(crate) const fn of(words: usize) -> Self {
        let lines = words / LINE;
        match lines {
            0..=2 => Self { producer: 8, consumer: 2, lines },
            3..=4 => Self { producer: 2, consumer: 0, lines },
            5..=15 => Self { producer: 2, consumer: 1, lines },
            // The processor sees by itself where a producer is going.
            16..=18 => Self { producer: 0, consumer: 1, lines },
            // And where a consumer is.
            _ => Self { producer: 0, consumer: 1, lines: 2 },
        }
    }
}

impl RawQueue {
    /// A producer is at `at`.
    #[inline]
    pub(super) fn producer_is_at(&self, at: Position) {
        if let Some(word) = self.place_ahead(at, self.ahead.producer) {
            for line in 0..self.ahead.lines {
                self.memory.write_soon(word + line * LINE);
            }
        }
    }

    /// A consumer is at `at`.
    #[inline]
    pub(super) fn consumer_is_at(&self, at: Position, cursors: &Cursors) {
        // ORDERING: Relaxed. A guess.
        if cursors.flow.load(Ordering::Relaxed) < FLOW {
            return;
        }
        if let Some(word) = self.place_ahead(at, self.ahead.consumer) {
            for line in 0..self.ahead.lines {
                self.memory.read_soon(word + line * LINE);
            }
        }
    }

    /// Where the place begins that lies so many positions after `at`: a word in its first line.
    #[inline]
    fn place_ahead(&self, at: Position, by: u32) -> Option<usize> {
        let places = self.geometry.numbers.places;
        // In a small ring it is about to be used, by the other side.
        if by == 0 || places < 4 * by {
            return None;
        }
        let ahead = at.index() + by;
        let ahead = if ahead >= places { ahead - places } else { ahead };
        Some(self.geometry.length_word(ahead))
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

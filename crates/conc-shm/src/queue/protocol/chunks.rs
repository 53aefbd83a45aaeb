//! Whose a chunk is.
//!
//! # Layout
//!
//! ```text
//!             63                              22 21                  2 1 0
//!  free       │ 0                                                     │ 0 │
//!  owned      │ 0      │ generation, bits 12 to 43 │ row, 2 to 11     │ 1 │
//!  bound      │ lap, its lower 42 bits           │ index of the place │ 2 │
//! ```
//!
//! # States and transitions
//!
//! ```text
//!            a producer takes it               the message gets a place
//!    FREE ─────────────────────────► OWNED(p) ──────────────────────────► BOUND(l,i)
//!     ▲ ▲                             │    ▲ ▲                              │  │  │
//!     │ └── given up, or p died ──────┘    │ └── the line went past, and ───┘  │  │
//!     │                                    │     the place is still p's        │  │
//!     │                                    └── any producer, when (l,i) ───────┘  │
//!     │                                        is over: nobody freed it           │
//!     └─────────────────── the consumer that took the message ────────────────────┘
//! ```
//!
//! # Invariants
//!
//! 1. A bound chunk is in use as long as its message is: as long as claim `i` has lap `l` and slot
//!    `i` is not `FREE` with a later lap. That is all there is to know: nobody has to free the
//!    chunks of a consumer that died after it took the message, since whoever needs a chunk sees
//!    that the message is over. Once over, it stays over.
//! 2. An owned chunk names the generation of its owner, so that a slow survivor never frees the
//!    chunk of a successor in the same row.
//! 3. Position (l, i) is claimed once. So no chunk is bound to it again after it was over, and a
//!    late exchange from `BOUND(l,i)` cannot hit a new message.

use super::ring::Ring;
use super::words::{ClaimWord, Position, SlotWord, State};
use crate::memory::Memory;

const OWNED: u64 = 1;
const BOUND: u64 = 2;
const KIND: u64 = 0b11;
const LAP_BITS: u64 = u64::MAX >> 22;

/// Nobody's.
pub(crate) const FREE: u64 = 0;

/// The word of a chunk that this process writes into.
pub(crate) const fn owned(row: u16, generation: u32) -> u64 {
    (generation as u64) << 12 | (row as u64) << 2 | OWNED
}

/// The word of a chunk that belongs to the message at this position.
pub(crate) const fn bound(at: Position) -> u64 {
    (at.lap().raw() & LAP_BITS) << 22 | (at.index() as u64) << 2 | BOUND
}

impl<M: Memory> Ring<'_, M> {
    /// Whether a chunk with this word can be taken: it is free, or its message is over.
    pub(crate) fn is_chunk_unused(&self, word: u64) -> Result<bool, M::Halt> {
        if word == FREE {
            return Ok(true);
        }
        if word & KIND != BOUND {
            return Ok(false);
        }
        let index = (word >> 2) as u32 & (super::PLACES_MAX - 1);
        let lap = word >> 22;
        let claim = ClaimWord::from_raw(self.memory.load(self.claim_word(index))?);
        if claim.lap().raw() & LAP_BITS != lap {
            return Ok(true);
        }
        let slot = SlotWord::from_raw(self.memory.load(self.slot(index))?);
        Ok(slot.state() == State::Free && slot.lap().raw() & LAP_BITS != lap)
    }
}

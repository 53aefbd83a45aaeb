//! The consumer's side: look, copy, take; or lease, work, acknowledge.

use super::ring::{Ring, control};
use super::words::{ClaimWord, Position, Row, SlotWord, State, TAKEN_MAX};
use crate::memory::Memory;

/// What is to be seen at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// A message, under this word.
    Message(SlotWord),
    /// This position is done with: look at that one.
    Passed(Position),
    /// A producer has claimed the place and has not published yet.
    Hole(Row),
    /// The line ends here.
    Empty,
}

/// What a glance at a position shows: only the slot word is looked at, which producers write once
/// for each message. To see more, the claim word has to be taken from the producers' caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glance {
    /// A message, under this word.
    Message(SlotWord),
    /// Nothing was published here yet.
    Nothing,
    /// Something else: [`look`](Ring::look).
    Other,
}

impl<M: Memory> Ring<'_, M> {
    /// Looks at a position without looking closely.
    #[inline]
    pub(crate) fn glance(&self, at: Position) -> Result<Glance, M::Halt> {
        let word = self.place(at.index())?;
        let full = SlotWord::full(at.lap());
        Ok(if word == full {
            // Of this one the compiler knows the state.
            Glance::Message(full)
        } else if word == SlotWord::free(at.lap()) {
            Glance::Nothing
        } else {
            Glance::Other
        })
    }

    /// Looks at a position.
    pub(crate) fn look(&self, at: Position) -> Result<Look, M::Halt> {
        let word = self.place(at.index())?;
        if word.is_message_of(at.lap()) {
            return Ok(Look::Message(word));
        }
        if word == SlotWord::free(at.lap()) {
            let claim = self.memory.load(self.claim_word(at.index()))?;
            let claim = ClaimWord::from_raw(claim);
            return Ok(if claim.lap().is_before(at.lap()) {
                Look::Empty
            } else if claim.lap() == at.lap() {
                Look::Hole(claim.owner())
            } else {
                // The line has moved on between our two looks: look again.
                Look::Passed(at)
            });
        }
        if word.lap().is_before(at.lap()) {
            return Ok(Look::Empty);
        }
        Ok(Look::Passed(self.behind(at).or_later(self.head()?)))
    }

    /// Takes a message: `true` if it is ours now. `to` is its word afterwards:
    /// [`freed`](SlotWord::freed), and a copy that was made before is whole; or
    /// [`leased`](SlotWord::leased_by), and it stays until [`ack`](Self::ack) or
    /// [`nack`](Self::nack).
    #[inline]
    pub(crate) fn take(&self, index: u32, word: SlotWord, to: SlotWord) -> Result<bool, M::Halt> {
        Ok(self.memory.exchange(self.slot(index), word.raw(), to.raw())?.is_ok())
    }

    /// Saves newcomers the walk to where this consumer is.
    #[inline]
    pub(crate) fn tell_head(&self, next: Position) -> Result<(), M::Halt> {
        self.tell(control::HEAD, next)
    }

    /// Whether a message is published somewhere behind a hole.
    ///
    /// "No" together with a hole that is still there afterwards means that there was none when
    /// the hole was first seen: whatever was passed behind it was empty.
    #[cold]
    pub(crate) fn message_behind(&self, mut at: Position) -> Result<bool, M::Halt> {
        for _ in 1..self.shape.places {
            at = self.behind(at);
            let word = self.place(at.index())?;
            if word.is_message_of(at.lap()) {
                return Ok(true);
            }
            if word == SlotWord::free(at.lap()) {
                let claim = self.memory.load(self.claim_word(at.index()))?;
                if ClaimWord::from_raw(claim).lap().is_before(at.lap()) {
                    return Ok(false);
                }
            } else if word.passed().is_before(at.lap()) {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Lets the line go past a hole. Its producer finds out when it publishes.
    #[cold]
    pub(crate) fn revoke(&self, at: Position, owner: Row) -> Result<bool, M::Halt> {
        let free = SlotWord::free(at.lap()).raw();
        let held = SlotWord::new(at.lap(), 0, State::Held, owner).raw();
        Ok(self.memory.exchange(self.slot(at.index()), free, held)?.is_ok())
    }

    /// A message that came back, if there is one at this place.
    pub(crate) fn ready(&self, index: u32) -> Result<Option<SlotWord>, M::Halt> {
        let word = self.place(index)?;
        Ok((word.state() == State::Ready).then_some(word))
    }

    /// The work on a leased message is done: its place is free.
    pub(crate) fn ack(&self, index: u32, me: Row) -> Result<(), M::Halt> {
        self.leave(index, State::Leased, me, SlotWord::freed).map(drop)
    }

    /// A leased message is set aside.
    pub(crate) fn set_aside(&self, index: u32, me: Row) -> Result<(), M::Halt> {
        self.leave(index, State::Leased, me, SlotWord::dead).map(drop)
    }

    /// A leased message goes back; after `limit` leases it is set aside instead (0: never).
    /// What became of it.
    pub(crate) fn nack(&self, index: u32, me: Row, limit: u64) -> Result<State, M::Halt> {
        let left = self.leave(index, State::Leased, me, |word| returned(word, limit))?;
        self.count_return()?;
        Ok(left.state())
    }
}

/// The word of a leased message that goes back.
pub(super) const fn returned(word: SlotWord, limit: u64) -> SlotWord {
    debug_assert!(limit <= TAKEN_MAX, "leases are not counted further");
    // One that could not be counted would have the same word twice.
    let limit = if limit == 0 { TAKEN_MAX } else { limit };
    if word.taken() >= limit { word.dead() } else { word.ready() }
}

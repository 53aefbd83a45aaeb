//! Where the words of a ring lie.

use super::words::{Lap, Position, SlotWord};
use crate::memory::Memory;

/// The words that belong to the ring as a whole. Each group has a cache line of its own.
pub(crate) mod control {
    /// Not 0: no new messages.
    pub(crate) const CLOSED: usize = 0;
    /// Counts the messages that came back: who has seen another number looks for them.
    pub(crate) const RETURNS: usize = 1;
    /// Messages of consumers that died, where those are not to come back.
    pub(crate) const LOST: usize = 2;
    /// So many chunks have pages.
    pub(crate) const EXTENT: usize = 3;
    /// All positions before this one were passed by consumers.
    pub(crate) const HEAD: usize = 8;
    /// All positions before this one were passed by producers.
    pub(crate) const TAIL: usize = 16;
    /// Counts whatever may let a place become free out of its turn.
    pub(crate) const DETOURS: usize = 17;
    /// The first word that is free for the places.
    pub(crate) const END: usize = 24;
}

/// The geometry of a ring, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many messages fit.
    pub(crate) places: u32,
    /// The first claim word.
    pub(crate) claims: usize,
    /// The first slot word.
    pub(crate) slots: usize,
    /// From one slot word to the next.
    pub(crate) stride: usize,
    /// From a slot word to its message.
    pub(crate) message: usize,
    /// Hints are written at indices that have none of these bits.
    pub(crate) hint_mask: u32,
}

/// A ring of places in some memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ring<'a, M> {
    pub(crate) memory: &'a M,
    pub(crate) shape: &'a Shape,
}

impl<'a, M: Memory> Ring<'a, M> {
    pub(crate) const fn new(memory: &'a M, shape: &'a Shape) -> Self {
        Self { memory, shape }
    }

    #[inline]
    pub(super) const fn slot(&self, index: u32) -> usize {
        self.shape.slots + index as usize * self.shape.stride
    }

    #[inline]
    pub(super) const fn claim_word(&self, index: u32) -> usize {
        self.shape.claims + index as usize
    }

    /// The first word of a place's message.
    #[inline]
    pub(crate) const fn message(&self, index: u32) -> usize {
        self.slot(index) + self.shape.message
    }

    #[inline]
    pub(super) const fn behind(&self, at: Position) -> Position {
        at.next(self.shape.places)
    }

    /// Writes an empty ring whose first use has this number.
    pub(crate) fn format(&self, first: Lap) -> Result<(), M::Halt> {
        for index in 0..self.shape.places {
            self.memory.store(self.slot(index), SlotWord::free(first).raw())?;
            let claim = super::ClaimWord::new(first.previous(), 0);
            self.memory.store(self.claim_word(index), claim.raw())?;
        }
        let start = Position::new(first, 0).raw();
        self.memory.store(control::HEAD, start)?;
        self.memory.store(control::TAIL, start)
    }

    /// What a place is in.
    pub(crate) fn place(&self, index: u32) -> Result<SlotWord, M::Halt> {
        Ok(SlotWord::from_raw(self.memory.load(self.slot(index))?))
    }

    /// The position at which a place was claimed last: that of its message.
    pub(crate) fn claimed_at(&self, index: u32) -> Result<Position, M::Halt> {
        let claim = self.memory.load(self.claim_word(index))?;
        Ok(Position::new(super::ClaimWord::from_raw(claim).lap(), index))
    }

    /// Whether a free place is being written into.
    pub(crate) fn is_claimed(&self, index: u32, free: SlotWord) -> Result<bool, M::Halt> {
        let claim = self.memory.load(self.claim_word(index))?;
        Ok(super::ClaimWord::from_raw(claim).lap() == free.lap())
    }

    /// No new messages from now on.
    pub(crate) fn close(&self) -> Result<(), M::Halt> {
        self.memory.store(control::CLOSED, 1)
    }

    pub(crate) fn is_closed(&self) -> Result<bool, M::Halt> {
        Ok(self.memory.load(control::CLOSED)? != 0)
    }

    /// How many times messages came back.
    #[inline]
    pub(crate) fn returns(&self) -> Result<u64, M::Halt> {
        self.memory.load(control::RETURNS)
    }

    /// Says that a message came back.
    pub(super) fn count_return(&self) -> Result<(), M::Halt> {
        self.memory.add(control::RETURNS, 1).map(drop)
    }

    /// Where newcomers start to look for messages.
    pub(crate) fn head(&self) -> Result<Position, M::Halt> {
        Ok(Position::from_raw(self.memory.hint(control::HEAD)?))
    }

    /// Where newcomers start to look for room.
    pub(crate) fn tail(&self) -> Result<Position, M::Halt> {
        Ok(Position::from_raw(self.memory.hint(control::TAIL)?))
    }

    /// Tells newcomers that everything before `at` was passed; now and then is enough.
    #[inline]
    pub(super) fn tell(&self, word: usize, at: Position) -> Result<(), M::Halt> {
        if at.index() & self.shape.hint_mask == 0
            && Position::from_raw(self.memory.hint(word)?).is_before(at)
        {
            self.memory.set_hint(word, at.raw())?;
        }
        Ok(())
    }
}

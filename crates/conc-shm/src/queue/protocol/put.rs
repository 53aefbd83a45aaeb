//! The producer's side: claim a place, write, publish.

use super::ring::{Ring, control};
use super::words::{ClaimWord, Position, Row, SlotWord, State};
use crate::memory::Memory;

/// What one attempt to claim a place came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The place is ours to write into.
    Mine(Position),
    /// Somebody was there: try this position next.
    Again(Position),
    /// Somebody keeps the place longer than its turn, and was carried along: the same again.
    Carried,
    /// There is no room.
    Full,
    /// No new messages.
    Closed,
}

/// What became of a message that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Published {
    /// In its turn.
    InLine,
    /// We were slow: the line went past. The place is still ours.
    Revoked,
}

impl<M: Memory> Ring<'_, M> {
    /// Tries to claim the position `at`.
    #[inline]
    pub(crate) fn claim(&self, at: Position, me: Row) -> Result<Claim, M::Halt> {
        let slot = self.slot(at.index());
        let word = SlotWord::from_raw(self.memory.load(slot)?);
        if word != SlotWord::free(at.lap()) {
            return self.claim_elsewhere(at, word);
        }
        let claim_word = self.claim_word(at.index());
        let claim = ClaimWord::from_raw(self.memory.load(claim_word)?);
        // Any older lap will do, not only the last: a place that was held while the line went
        // past was never claimed in between.
        if !claim.lap().is_before(at.lap()) {
            return Ok(Claim::Again(self.behind(at)));
        }
        let mine = ClaimWord::new(at.lap(), me);
        if self.memory.exchange(claim_word, claim.raw(), mine.raw())?.is_err() {
            return Ok(Claim::Again(self.behind(at)));
        }
        // Claim first, then look: who closes and then finds no claim knows that none will come.
        if self.is_closed()? {
            self.give_up(at, me)?;
            return Ok(Claim::Closed);
        }
        Ok(Claim::Mine(at))
    }

    #[cold]
    fn claim_elsewhere(&self, at: Position, word: SlotWord) -> Result<Claim, M::Halt> {
        if !word.passed().is_before(at.lap()) {
            return Ok(Claim::Again(self.behind(at).or_later(self.tail()?)));
        }
        match word.state() {
            // The oldest message waits, or is being written: all places are in use, but for those
            // that became free out of their turn.
            State::Free | State::Full => Ok(Claim::Full),
            // Somebody keeps this place longer than its turn: go past, if there is another.
            State::Held | State::Leased | State::Ready | State::Dead => {
                if !self.room_behind(at)? {
                    // If the line has moved on since, there may have been room all the time.
                    let moved = self.place(at.index())? != word;
                    return Ok(if moved { Claim::Again(at) } else { Claim::Full });
                }
                let carried = word.carried_to(at.lap());
                let slot = self.slot(at.index());
                if self.memory.exchange(slot, word.raw(), carried.raw())?.is_err() {
                    // The next look says how it moved.
                    return Ok(Claim::Again(at));
                }
                self.count_detour()?;
                Ok(Claim::Carried)
            }
        }
    }

    /// Whether a place further on is free.
    fn room_behind(&self, mut at: Position) -> Result<bool, M::Halt> {
        for _ in 1..self.shape.places {
            at = self.behind(at);
            let word = self.place(at.index())?;
            if word == SlotWord::free(at.lap()) {
                let claim = self.memory.load(self.claim_word(at.index()))?;
                if ClaimWord::from_raw(claim).lap().is_before(at.lap()) {
                    return Ok(true);
                }
            } else if word.passed().is_before(at.lap())
                && matches!(word.state(), State::Free | State::Full)
            {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Lets consumers have what was written at `at`.
    #[inline]
    pub(crate) fn publish(&self, at: Position) -> Result<Published, M::Halt> {
        let slot = self.slot(at.index());
        let free = SlotWord::free(at.lap()).raw();
        let full = SlotWord::full(at.lap()).raw();
        Ok(match self.memory.exchange(slot, free, full)? {
            Ok(()) => Published::InLine,
            Err(_) => Published::Revoked,
        })
    }

    /// Saves newcomers the walk to where this producer is.
    #[inline]
    pub(crate) fn tell_tail(&self, next: Position) -> Result<(), M::Halt> {
        self.tell(control::TAIL, next)
    }

    /// Lets consumers have a message that missed its turn.
    pub(crate) fn publish_late(&self, index: u32, me: Row) -> Result<(), M::Halt> {
        self.leave(index, State::Held, me, SlotWord::ready)?;
        self.count_return()
    }

    /// Gives a place back whose turn was missed.
    pub(crate) fn release(&self, index: u32, me: Row) -> Result<(), M::Halt> {
        self.leave(index, State::Held, me, SlotWord::freed).map(drop)
    }

    /// Gives up a claimed place: its position stays empty.
    #[cold]
    pub(crate) fn give_up(&self, at: Position, me: Row) -> Result<(), M::Halt> {
        let slot = self.slot(at.index());
        let free = SlotWord::free(at.lap());
        match self.memory.exchange(slot, free.raw(), free.freed().raw())? {
            Ok(()) => self.count_detour(),
            Err(_) => self.release(at.index(), me),
        }
    }

    /// Takes a place out of a state in which it is ours. Others may carry it along meanwhile, and
    /// nothing else.
    pub(super) fn leave(
        &self,
        index: u32,
        state: State,
        me: Row,
        to: impl Fn(SlotWord) -> SlotWord,
    ) -> Result<SlotWord, M::Halt> {
        loop {
            let word = self.place(index)?;
            assert!(word.state() == state && word.owner() == me, "a place of ours was taken");
            let left = to(word);
            if self.memory.exchange(self.slot(index), word.raw(), left.raw())?.is_ok() {
                return Ok(left);
            }
        }
    }
}

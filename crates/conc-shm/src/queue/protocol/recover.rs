//! What survivors do for a process that died.

use super::get::returned;
use super::ring::{Ring, control};
use super::words::{ClaimWord, Row, SlotWord, State};
use crate::memory::Memory;

/// What becomes of messages that a dead consumer had leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returns {
    /// They come back; after so many leases they are set aside (0: never).
    Again(u64),
    /// They are lost, and counted.
    Lost,
}

/// What one attempt to settle a place came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Nothing of the dead process is there.
    Nothing,
    /// It was given back.
    Done,
    /// The place was carried along meanwhile: again.
    Moved,
    /// Somebody else has finished the whole recovery.
    Overtaken,
}

impl<M: Memory> Ring<'_, M> {
    /// Gives back what the dead process `dead` held: places that it was writing into, and
    /// messages that it worked on. How many of either.
    ///
    /// Several survivors may do this at once, and any of them may die of it.
    pub(crate) fn recover(
        &self,
        dead: Row,
        returns: Returns,
        mut is_current: impl FnMut() -> Result<bool, M::Halt>,
    ) -> Result<u32, M::Halt> {
        let mut found = 0;
        for index in 0..self.shape.places {
            loop {
                match self.settle(index, dead, returns, &mut is_current)? {
                    Settled::Nothing => break,
                    Settled::Moved => {}
                    Settled::Done => {
                        found += 1;
                        break;
                    }
                    Settled::Overtaken => return Ok(found),
                }
            }
        }
        self.settled()?;
        Ok(found)
    }

    /// The last step of a recovery. Always: the dead process may have returned a message, or gone
    /// past a place, without saying so.
    pub(crate) fn settled(&self) -> Result<(), M::Halt> {
        self.count_detour()?;
        self.count_return()
    }

    /// One attempt to give back what the dead process held at one place.
    ///
    /// `is_current` says whether the row still belongs to the dead process: it does not once
    /// another survivor has finished and a newcomer has taken the row. The word is read *before*
    /// that question, so a "yes" proves that what was read is the dead one's; by the first
    /// invariant it cannot come back, so that the exchange acts on nothing else.
    pub(crate) fn settle(
        &self,
        index: u32,
        dead: Row,
        returns: Returns,
        mut is_current: impl FnMut() -> Result<bool, M::Halt>,
    ) -> Result<Settled, M::Halt> {
        let Some((word, after)) = self.left_behind(index, dead, returns)? else {
            return Ok(Settled::Nothing);
        };
        if !is_current()? {
            return Ok(Settled::Overtaken);
        }
        if self.memory.exchange(self.slot(index), word.raw(), after.raw())?.is_err() {
            return Ok(Settled::Moved);
        }
        if word.state() == State::Leased && after.state() == State::Free {
            self.memory.add(control::LOST, 1)?;
        }
        Ok(Settled::Done)
    }

    /// What of the dead process is at a place, and what it becomes.
    fn left_behind(
        &self,
        index: u32,
        dead: Row,
        returns: Returns,
    ) -> Result<Option<(SlotWord, SlotWord)>, M::Halt> {
        let word = self.place(index)?;
        let after = match word.state() {
            State::Held if word.owner() == dead => word.freed(),
            State::Leased if word.owner() == dead => match returns {
                Returns::Again(limit) => returned(word, limit),
                Returns::Lost => word.freed(),
            },
            State::Free => {
                let claim = self.memory.load(self.claim_word(index))?;
                if ClaimWord::from_raw(claim) != ClaimWord::new(word.lap(), dead) {
                    return Ok(None);
                }
                word.freed()
            }
            _ => return Ok(None),
        };
        Ok(Some((word, after)))
    }
}

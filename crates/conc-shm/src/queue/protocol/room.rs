//! Room that is not where the line ends.
//!
//! Places become free in the order in which they were filled, with exceptions: a lease that the
//! line went past is acknowledged, a producer gives its place up, or died in it. Such a place is
//! *out of turn*: its next use is further on in the line, behind places that are in use. Without
//! help it is claimed when the line has gone round to it, and the queue is full with fewer messages
//! than it has places.
//!
//! Who is told "full" and does not believe it looks at all places, and if one is free, lets the
//! line go past all that lie before it: leases and returned messages are carried along, and a
//! message that waits is noted to be *overdue*, which tells producers that the line is past this
//! use of its place, and consumers nothing. Each of that is one exchange of one word. Who dies
//! between two of them has let the line go a part of the way; the next one goes on.
//!
//! Nobody goes past a producer that is writing. It would find that it was revoked, give its place
//! back, which is out of turn then, and go past the next one to get there: several that write
//! equally fast would do that for ever. So a free place behind the oldest hole waits for it; or for
//! a consumer, which goes past it to the messages behind.

use super::ring::{Ring, control};
use super::words::{Position, SlotWord, State};
use crate::memory::Memory;

/// What a look at all places came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// At one moment of this call all places were in use.
    None {
        /// And none of them will become free out of its turn, unless detours are counted since
        /// before the call.
        in_turn: bool,
    },
    /// The use of a free place that comes first in the line.
    At(Position),
    /// Something moved meanwhile.
    Moved,
}

/// What came of letting the line go past a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// It is past.
    Passed,
    /// The position can be claimed.
    Open,
    /// Somebody changed the place meanwhile: again.
    Moved,
    /// A producer is writing, or the line went past what is there so often that it cannot be
    /// counted.
    Blocked,
}

impl<M: Memory> Ring<'_, M> {
    /// Counts whatever may let a place become free out of its turn.
    #[inline]
    pub(crate) fn detours(&self) -> Result<u64, M::Halt> {
        self.memory.load(control::DETOURS)
    }

    pub(super) fn count_detour(&self) -> Result<(), M::Halt> {
        self.memory.add(control::DETOURS, 1).map(drop)
    }

    /// Looks at all places.
    #[cold]
    pub(crate) fn room(&self) -> Result<Room, M::Halt> {
        let (mut sum, mut in_turn, mut first) = (0_u128, true, None);
        for index in 0..self.shape.places {
            let word = self.place(index)?;
            sum += u128::from(word.raw());
            match word.state() {
                State::Full => in_turn &= word.passed() == word.lap(),
                State::Free => {
                    if !self.is_claimed(index, word)? {
                        let at = Position::new(word.lap(), index);
                        let sooner = first.is_none_or(|first| at.is_before(first));
                        first = if sooner { Some(at) } else { first };
                    }
                }
                State::Held | State::Leased | State::Ready | State::Dead => {
                    in_turn &= self.claimed_at(index)?.lap() == word.lap();
                }
            }
        }
        if let Some(first) = first {
            return Ok(Room::At(first));
        }
        // Words only grow (but for a message that is leased more often than can be counted), so
        // what has the same sum twice was the same all the time between.
        let mut again = 0_u128;
        for index in 0..self.shape.places {
            again += u128::from(self.place(index)?.raw());
        }
        Ok(if sum == again { Room::None { in_turn } } else { Room::Moved })
    }

    /// Lets the line go past a position, because there is room further on.
    #[cold]
    pub(crate) fn pass(&self, at: Position) -> Result<Pass, M::Halt> {
        let word = self.place(at.index())?;
        if !word.passed().is_before(at.lap()) {
            let open = word == SlotWord::free(at.lap()) && !self.is_claimed(at.index(), word)?;
            return Ok(if open { Pass::Open } else { Pass::Passed });
        }
        let passed = match word.state() {
            State::Full => match word.overdue_since(at.lap()) {
                Some(overdue) => overdue,
                None => return Ok(Pass::Blocked),
            },
            State::Free => return Ok(Pass::Blocked),
            State::Held | State::Leased | State::Ready | State::Dead => word.carried_to(at.lap()),
        };
        let slot = self.slot(at.index());
        if self.memory.exchange(slot, word.raw(), passed.raw())?.is_err() {
            return Ok(Pass::Moved);
        }
        self.count_detour()?;
        Ok(Pass::Passed)
    }
}

//! The protocol of the ring: two counts, each with one writer.
//!
//! # Layout
//!
//! Words, each group on two cache lines of its own ([`control`]):
//!
//! | word | holds | written by |
//! |---|---|---|
//! | `TAIL` | messages that were ever published | the sender |
//! | `HEAD` | messages that were ever consumed | the receiver |
//! | `SEAL` | 0: open, 1: closing, n + 2: closed, and the first n messages are all that there are | both, by exchange |
//! | `OWNER` (two) | who has the end: row and generation, 0: nobody | who takes or leaves it; who recovers the dead; who closes, without a change |
//! | `MESSAGE`, `PLACE` | events: a message, a place came | both |
//!
//! Behind them lie the places; message `i` lies in place `i` modulo the capacity.
//!
//! # States and transitions of place `i`, seen from its two owners
//!
//! ```text
//!         TAIL = i + 1 (store by the sender)
//!   the sender's ──────────────────────────► the receiver's
//!        ▲                                         │
//!        └───────── HEAD = i + 1 (store) ──────────┘
//! ```
//!
//! Of the ring:
//!
//! ```text
//!   OPEN ── the sender closes: n = TAIL ───────────────────────────────► CLOSED(n)
//!     │                                                                    ▲
//!     └─ the receiver closes ─► CLOSING ─ whoever comes first: n = TAIL ───┘
//! ```
//!
//! The receiver decides before its close returns, unless the sender was faster. If it dies in
//! between, its successor does.
//!
//! A process may die before or after any of these stores and exchanges: there is no between.
//!
//! # Invariants
//!
//! 1. *HEAD ≤ TAIL ≤ HEAD + capacity*, and neither falls. So the capacity is exact.
//! 2. *One owner*: bytes of a place are touched by the sender from `HEAD > i - capacity` on until
//!    `TAIL > i`, and by the receiver from then on until `HEAD > i`. Nothing races.
//! 3. *One of each*: only the process that its owner word names uses an end, and from one thread at
//!    a time (handles are used by `&mut`). Who takes an end over, after the last owner has left or
//!    its death is proved, begins with the counts: what was published is there, what was only
//!    written is not; what was consumed is gone.
//! 4. *All or nothing when the receiver closes.* The sender publishes, then looks at the seal; the
//!    receiver sets it to closing, then looks at the tail; with [`Fences`] in between, either the
//!    receiver counts the message, or the sender sees that the end is near, and then one exchange
//!    decides for both. A message behind the end goes back to who has put it, and is got by nobody.
//! 5. *No wake-up is lost*: see [`crate::event`]. The change there is a plain store here, of either
//!    side, and so who announces a sleep waits until stores have arrived before it looks again. If
//!    one ever took longer, its sleeper would find it a [`SLICE`](crate::event::SLICE) later.
//!
//! # Where it comes from
//!
//! Leslie Lamport's queue of one producer and one consumer (1977), with each side's copy of the
//! other's count (as in `MCRingBuffer`, 2010). `ring::model` searches its states, deaths and store
//! buffers included; `ring::models` is for loom.

use crate::memory::Memory;

/// The two halves of a fence between a store and a load that follows.
///
/// Each side stores its count for each message, and then looks whether the other one sleeps, or
/// closes. A full fence there waits until the message has left the processor's store buffer: the ring
/// is slower with it, by a half where this was measured (see [`Builder::fenced`]). So it has the
/// light half, and who closes, which is rare, has the heavy one.
///
/// [`Builder::fenced`]: crate::ring::Builder::fenced
pub(crate) trait Fences {
    /// See [`Memory::Halt`].
    type Halt;

    /// In between a count, and a look for who closes or sleeps.
    fn light(&self) -> Result<(), Self::Halt>;

    /// In between the announcement of the end, and a look for what a sender has published that
    /// belongs to this owner.
    fn heavy(&self, owner: u64) -> Result<(), Self::Halt>;
}

/// Where the words are.
pub(crate) mod control {
    /// Words of two cache lines: processors fetch lines in pairs.
    const PAIR: usize = 16;

    /// The sender's owner word; the receiver's is next to it.
    pub(crate) const OWNERS: usize = 0;
    /// The sender looks at this line for each message, and hardly anybody writes there.
    pub(crate) const MESSAGE: usize = PAIR;
    /// In the same line.
    pub(crate) const SEAL: usize = PAIR + 1;
    pub(crate) const PLACE: usize = 2 * PAIR;
    pub(crate) const TAIL: usize = 3 * PAIR;
    pub(crate) const HEAD: usize = 4 * PAIR;
    /// The first word of the first place.
    pub(crate) const END: usize = 5 * PAIR;
}

const OPEN: u64 = 0;
const CLOSING: u64 = 1;
/// The seal of a closed ring is the count of its messages and this.
const CLOSED: u64 = 2;

/// One end of the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum End {
    Sender = 0,
    Receiver = 1,
}

impl End {
    const fn owner(self) -> usize {
        control::OWNERS + self as usize
    }
}

/// Where an end stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Cursor {
    /// Messages that went through this end.
    at: u64,
    /// `at` modulo the capacity.
    index: u64,
    /// What is known about the other end's count. It may be more by now.
    other: u64,
}

impl Cursor {
    #[cfg(all(test, not(conc_loom)))]
    pub(crate) const START: Self = Self { at: 0, index: 0, other: 0 };

    #[cfg(all(test, not(conc_loom)))]
    pub(crate) const fn at(&self) -> u64 {
        self.at
    }

    /// The place of the next message.
    #[inline]
    pub(crate) const fn index(&self) -> u64 {
        self.index
    }
}

/// Whether a message can be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// The place is the sender's.
    Free,
    Full,
    Closed,
}

/// Whether a message can be got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The place is the receiver's.
    Message,
    Empty,
    /// And empty, for ever.
    Closed,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Published {
    In,
    /// It is behind the end: nobody gets it.
    Closed,
}

/// The ring in a memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ring<'a, M, F> {
    memory: &'a M,
    fences: &'a F,
    capacity: u64,
}

impl<'a, M: Memory, F: Fences<Halt = M::Halt>> Ring<'a, M, F> {
    #[inline]
    pub(crate) const fn new(memory: &'a M, fences: &'a F, capacity: u64) -> Self {
        Self { memory, fences, capacity }
    }

    /// The owner word of an end.
    pub(crate) fn owner(&self, end: End) -> Result<u64, M::Halt> {
        self.memory.load(end.owner())
    }

    /// Hands an end over; the inner error is who has it instead.
    pub(crate) fn hand_over(
        &self,
        end: End,
        from: u64,
        to: u64,
    ) -> Result<Result<(), u64>, M::Halt> {
        self.memory.exchange(end.owner(), from, to)
    }

    /// Where an end stands that was taken.
    pub(crate) fn begin(&self, end: End) -> Result<Cursor, M::Halt> {
        if end == End::Receiver {
            // The last owner may have died over it.
            self.decide()?;
        }
        let (own, other) = match end {
            End::Sender => (control::TAIL, control::HEAD),
            End::Receiver => (control::HEAD, control::TAIL),
        };
        let at = self.memory.load(own)?;
        let other = match end {
            End::Sender => self.memory.load(other)?,
            // The first look tells, and looks at the seal as well.
            End::Receiver => at,
        };
        Ok(Cursor { at, index: at % self.capacity, other })
    }

    #[inline]
    fn step(&self, cursor: &mut Cursor) {
        cursor.at += 1;
        cursor.index = if cursor.index + 1 == self.capacity { 0 } else { cursor.index + 1 };
    }

    /// Whether the sender's next place is free.
    #[inline]
    pub(crate) fn room(&self, cursor: &mut Cursor) -> Result<Room, M::Halt> {
        if self.memory.hint(control::SEAL)? != OPEN {
            return self.end(cursor.at).map(|_| Room::Closed);
        }
        if cursor.at - cursor.other == self.capacity {
            // What the receiver has read is read.
            cursor.other = self.memory.hint(control::HEAD)?;
            if cursor.at - cursor.other == self.capacity {
                return Ok(Room::Full);
            }
        }
        Ok(Room::Free)
    }

    /// The sender's next place is written. Look for sleepers next.
    #[inline]
    pub(crate) fn publish(&self, cursor: &mut Cursor) -> Result<Published, M::Halt> {
        self.memory.set_hint(control::TAIL, cursor.at + 1)?;
        self.fences.light()?;
        if self.memory.hint(control::SEAL)? != OPEN && self.end(cursor.at + 1)? <= cursor.at {
            return Ok(Published::Closed);
        }
        self.step(cursor);
        Ok(Published::In)
    }

    /// Whether the receiver's next place holds a message.
    #[inline]
    pub(crate) fn next(&self, cursor: &mut Cursor) -> Result<Next, M::Halt> {
        if cursor.at == cursor.other {
            return self.renew(cursor);
        }
        Ok(Next::Message)
    }

    #[inline]
    fn renew(&self, cursor: &mut Cursor) -> Result<Next, M::Halt> {
        // The seal first: if it is open, then whatever is published counts, since only the
        // receiver itself, or one before it, ends the ring before something that was published.
        let seal = self.memory.load(control::SEAL)?;
        // It never finds it closing: then it has not begun, or its own close has not returned.
        if seal >= CLOSED {
            let end = seal - CLOSED;
            cursor.other = end.max(cursor.at);
            return Ok(if end > cursor.at { Next::Message } else { Next::Closed });
        }
        // What the sender wrote before is visible.
        cursor.other = self.memory.hint(control::TAIL)?;
        Ok(if cursor.other == cursor.at { Next::Empty } else { Next::Message })
    }

    /// The receiver is done with its next place. [`release`](Self::release) says so.
    #[inline]
    pub(crate) fn consume(&self, cursor: &mut Cursor) {
        self.step(cursor);
    }

    /// Gives the places back that were consumed. Look for sleepers next.
    #[inline]
    pub(crate) fn release(&self, cursor: &Cursor) -> Result<(), M::Halt> {
        self.memory.set_hint(control::HEAD, cursor.at)?;
        self.fences.light()
    }

    /// No more messages. Wake both ends next; the receiver [decides](Self::decide) then.
    pub(crate) fn close(&self, end: End, cursor: &Cursor) -> Result<(), M::Halt> {
        match end {
            End::Sender => {
                let _ = self.memory.exchange(control::SEAL, OPEN, cursor.at + CLOSED)?;
                self.end(cursor.at)?;
            }
            End::Receiver => {
                let _ = self.memory.exchange(control::SEAL, OPEN, CLOSING)?;
            }
        }
        Ok(())
    }

    /// The receiver's part of the end of a ring that is closing, if the sender has not said by now
    /// how many messages there are.
    pub(crate) fn decide(&self) -> Result<(), M::Halt> {
        while self.is_closing()? {
            // An exchange that changes nothing: whoever takes the sender's end later comes behind
            // it, and sees that the ring is closing.
            let owner = self.owner(End::Sender)?;
            if self.hand_over(End::Sender, owner, owner)?.is_err() {
                continue;
            }
            if owner != 0 {
                // Who has published and not seen that it is closing is seen below.
                self.fences.heavy(owner)?;
            }
            let tail = self.memory.load(control::TAIL)?;
            self.end(tail)?;
        }
        Ok(())
    }

    /// Whether an end is near, and nobody has said yet where.
    pub(crate) fn is_closing(&self) -> Result<bool, M::Halt> {
        Ok(self.memory.load(control::SEAL)? == CLOSING)
    }

    /// How many messages there are in a ring that is not open: so many, unless that was decided.
    #[cold]
    fn end(&self, count: u64) -> Result<u64, M::Halt> {
        match self.memory.exchange(control::SEAL, CLOSING, count + CLOSED)? {
            Ok(()) => Ok(count),
            Err(closed) => Ok(closed - CLOSED),
        }
    }

    pub(crate) fn is_closed(&self) -> Result<bool, M::Halt> {
        Ok(self.memory.load(control::SEAL)? != OPEN)
    }

    /// How many messages wait; exact if nothing moves meanwhile.
    pub(crate) fn len(&self) -> Result<u64, M::Halt> {
        let head = self.memory.load(control::HEAD)?;
        let seal = self.memory.load(control::SEAL)?;
        let tail = self.memory.load(control::TAIL)?;
        let end = if seal < CLOSED { tail } else { seal - CLOSED };
        Ok(end.saturating_sub(head).min(self.capacity))
    }
}

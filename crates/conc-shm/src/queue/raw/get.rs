//! Look, copy, take; or lease.

use super::{Cursors, RawQueue, cursor, set_cursor};
use crate::queue::geometry::Happening;
use crate::queue::protocol::{Glance, Look, Position, Row, SlotWord, State};
use conc_core::sync::{AtomicU64, Ordering, spin_loop};

/// So often a consumer that may not wait looks at a hole before it goes past it.
const LOOKS_AT_A_HOLE: u32 = 200;

/// Where a message is copied to. It stays there: to hand it from function to function would copy
/// it again and again.
pub(crate) trait Read {
    /// Copies a message that somebody else may take, or overwrite, at the same moment: then the
    /// copy is worth nothing. `false`: it has to be leased to be read.
    fn copy(&mut self, raw: &RawQueue, index: u32) -> bool;

    /// Copies a message that nobody else touches.
    fn read(&mut self, raw: &RawQueue, index: u32);
}

/// What a look at the queue came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen<G> {
    Got(G),
    /// There is nothing.
    Empty,
    /// There is nothing yet: a producer is at it.
    Soon,
    /// There is nothing, and nothing will come.
    Closed,
}

/// A message that this process works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leased {
    pub(crate) index: u32,
    /// How often it was leased, this time included.
    pub(crate) times: u8,
}

/// How closely a consumer looks, and whether it goes past a slow producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holes {
    /// It does not look whether there is one: the caller looks again soon.
    Ignore,
    /// The producer gets a moment.
    Wait,
    /// It had its moment.
    Pass,
}

impl RawQueue {
    /// Takes the next message, without waiting for more than a moment.
    #[inline]
    pub(crate) fn try_take<R: Read>(
        &self,
        cursors: &Cursors,
        reader: &mut R,
        holes: Holes,
    ) -> Seen<()> {
        let joinable = self.geometry.numbers.joinable;
        self.next(cursors, holes, |index, word| {
            let unfinished = if joinable { self.begin_item() } else { None };
            if !reader.copy(self, index) {
                let Ok(leased) = self.ring().take(index, word, word.leased_by(self.row()));
                if !leased {
                    self.end_item(unfinished);
                    return None;
                }
                reader.read(self, index);
                self.acknowledge(index);
                return Some(());
            }
            let Ok(taken) = self.ring().take(index, word, word.freed());
            if !taken {
                self.end_item(unfinished);
                return None;
            }
            self.event(Happening::Place).notify_one();
            Some(())
        })
    }

    /// Leases the next message, without waiting for more than a moment.
    pub(crate) fn try_lease(&self, cursors: &Cursors, holes: Holes) -> Seen<Leased> {
        self.next(cursors, holes, |index, word| {
            let leased = word.leased_by(self.row());
            let times = u8::try_from(leased.taken()).unwrap_or(u8::MAX);
            let Ok(taken) = self.ring().take(index, word, leased);
            taken.then_some(Leased { index, times })
        })
    }

    /// Goes to the next message, and lets `take` have it.
    #[inline]
    fn next<G>(
        &self,
        cursors: &Cursors,
        holes: Holes,
        mut take: impl FnMut(u32, SlotWord) -> Option<G>,
    ) -> Seen<G> {
        let ring = self.ring();
        let places = self.geometry.numbers.places;
        let mut closed = false;
        loop {
            let Ok(returns) = ring.returns();
            // ORDERING: Relaxed. A guess: at worst the places are looked through in vain.
            if returns != cursors.returns.load(Ordering::Relaxed) {
                if let Some(got) = self.returned(cursors, returns, &mut take) {
                    return Seen::Got(got);
                }
            }
            let mut at = cursor(&cursors.get);
            let Ok(glance) = ring.glance(at);
            match glance {
                Glance::Message(word) => {
                    self.consumer_is_at(at, cursors);
                    if let Some(got) = take(at.index(), word) {
                        cursors.flows();
                        let next = at.next(places);
                        set_cursor(&cursors.get, next);
                        let Ok(()) = ring.tell_head(next);
                        return Seen::Got(got);
                    }
                    continue;
                }
                Glance::Nothing => {
                    cursors.dries_up();
                    if holes == Holes::Ignore {
                        return Seen::Soon;
                    }
                }
                Glance::Other => {}
            }
            let ended = loop {
                let Ok(look) = ring.look(at);
                match look {
                    Look::Message(word) => {
                        if let Some(got) = take(at.index(), word) {
                            let next = at.next(places);
                            set_cursor(&cursors.get, next);
                            let Ok(()) = ring.tell_head(next);
                            return Seen::Got(got);
                        }
                    }
                    Look::Passed(next) => at = next,
                    Look::Hole(owner) => {
                        set_cursor(&cursors.get, at);
                        if let Some(seen) = self.at_hole(at, owner, holes, closed) {
                            break seen;
                        }
                    }
                    Look::Empty => {
                        set_cursor(&cursors.get, at);
                        break Seen::Empty;
                    }
                }
            };
            // Closed first, then empty: only in this order does it mean the end.
            if closed || !self.is_closed() {
                return if closed && ended == Seen::Empty {
                    self.is_it_over()
                } else {
                    ended.retype()
                };
            }
            closed = true;
        }
    }

    /// What to do about a place that was claimed and is not published; `None`: look again.
    #[cold]
    fn at_hole(&self, at: Position, owner: Row, holes: Holes, closed: bool) -> Option<Seen<()>> {
        let ring = self.ring();
        let still_there = || {
            let Ok(word) = ring.place(at.index());
            word == SlotWord::free(at.lap())
        };
        let Ok(behind) = ring.message_behind(at);
        if !behind && !closed {
            return still_there().then_some(Seen::Soon);
        }
        if holes == Holes::Wait {
            for _ in 0..LOOKS_AT_A_HOLE {
                if !still_there() {
                    return None;
                }
                spin_loop();
            }
        }
        let Ok(_) = ring.revoke(at, owner);
        None
    }

    /// Looks through all places for a message that came back.
    #[cold]
    fn returned<G>(
        &self,
        cursors: &Cursors,
        returns: u64,
        take: &mut impl FnMut(u32, SlotWord) -> Option<G>,
    ) -> Option<G> {
        for index in 0..self.geometry.numbers.places {
            while let Ok(Some(word)) = self.ring().ready(index) {
                if let Some(got) = take(index, word) {
                    return Some(got);
                }
            }
        }
        // ORDERING: Relaxed. Our own note.
        cursors.returns.store(returns, Ordering::Relaxed);
        None
    }

    /// Closed and empty: whether a message that somebody works on may still come back.
    #[cold]
    fn is_it_over<G>(&self) -> Seen<G> {
        for index in 0..self.geometry.numbers.places {
            let Ok(word) = self.ring().place(index);
            match word.state() {
                State::Leased if word.owner() != self.row() => return Seen::Empty,
                State::Ready => return Seen::Empty,
                _ => {}
            }
        }
        Seen::Closed
    }

    /// A place became free whose message was read in it.
    pub(crate) fn after_free(&self) {
        self.event(Happening::Place).notify_one();
        self.after_end();
    }

    /// A leased message will not come back.
    pub(super) fn after_end(&self) {
        self.event(Happening::Done).notify_all();
        if self.is_closed() {
            // Consumers wait for the last lease.
            self.event(Happening::Message).notify_all();
        }
    }

    /// Counts an item that is about to be taken.
    #[cold]
    fn begin_item(&self) -> Option<&AtomicU64> {
        let count = self.segment().members().scratch(self.row(), 0)?;
        // ORDERING(queue.unfinished): Release. Counted before it leaves its place: who sees the
        // place free sees the count. (The exchange of the place is the edge.)
        count.fetch_add(1, Ordering::Release);
        Some(count)
    }

    fn end_item(&self, count: Option<&AtomicU64>) {
        if let Some(count) = count {
            // ORDERING(queue.unfinished): Release. Somebody else got it. Not below zero: another
            // thread may have said once too often that it is done.
            let _ = count
                .fetch_update(Ordering::Release, Ordering::Relaxed, |count| count.checked_sub(1));
            // Whoever got it may be done with it already: then this was the last one.
            self.event(Happening::Done).notify_all();
        }
    }
}

impl Seen<()> {
    fn retype<G>(self) -> Seen<G> {
        match self {
            Self::Got(()) | Self::Empty => Seen::Empty,
            Self::Soon => Seen::Soon,
            Self::Closed => Seen::Closed,
        }
    }
}

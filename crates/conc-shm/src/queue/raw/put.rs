//! Claim, write, publish; again if the line went past.

use super::{Cursors, Moment, RawQueue, cursor, set_cursor};
use crate::queue::geometry::Happening;
use crate::queue::protocol::{Claim, Pass, Position, Published, Room, State};
use conc_core::sync::Ordering;

/// Places that became free out of their turn are searched for in queues of so many places at most.
/// To look at more, each time that a larger queue is full, costs more than to have a few less.
const SEARCHED: u32 = 1_024;
/// So often a producer looks at places that others change meanwhile, in one attempt.
const SEARCHES: u32 = 100;

/// Why there is no place for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    Full,
    Closed,
}

/// Where a producer looks for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Search {
    /// Where the line ends.
    End,
    /// And at all places before it says that there is none.
    Everywhere,
}

impl From<Moment> for Search {
    fn from(moment: Moment) -> Self {
        match moment {
            Moment::Awake => Self::End,
            Moment::BeforeSleep | Moment::Over => Self::Everywhere,
        }
    }
}

/// A claimed place. Dropped without having been published: given up.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    raw: &'a RawQueue,
    at: Position,
}

impl<'a> Place<'a> {
    #[inline]
    pub(crate) const fn index(&self) -> u32 {
        self.at.index()
    }

    #[inline]
    pub(crate) const fn position(&self) -> Position {
        self.at
    }

    /// The place is in other hands from here on: nothing is given up.
    pub(crate) fn into_position(self) -> Position {
        let at = self.at;
        std::mem::forget(self);
        at
    }

    /// A place that was kept by its position.
    pub(crate) const fn from_position(raw: &'a RawQueue, at: Position) -> Self {
        Self { raw, at }
    }

    /// Lets consumers have the message. `Err`: the line went past meanwhile, and the place was
    /// given back; `bound` runs before that.
    #[inline]
    pub(crate) fn publish(self, unbind: impl FnOnce()) -> Result<(), ()> {
        let (raw, at) = (self.raw, self.at);
        std::mem::forget(self);
        let ring = raw.ring();
        let Ok(published) = ring.publish(at);
        match published {
            Published::InLine => {
                let Ok(()) = ring.tell_tail(at.next(raw.geometry.numbers.places));
                raw.event(Happening::Message).notify_one();
                Ok(())
            }
            Published::Revoked => {
                unbind();
                let Ok(()) = ring.release(at.index(), raw.row());
                raw.event(Happening::Place).notify_one();
                Err(())
            }
        }
    }

    /// As [`publish`](Self::publish), but a message that missed its turn is delivered as soon as
    /// somebody looks. `Err`: the queue is closed, and nobody will.
    pub(crate) fn publish_here(self) -> Result<(), ()> {
        let (raw, at) = (self.raw, self.at);
        std::mem::forget(self);
        let ring = raw.ring();
        let Ok(published) = ring.publish(at);
        if published == Published::Revoked {
            let Ok(()) = ring.publish_late(at.index(), raw.row());
            if raw.is_closed() && raw.withdraw(at) {
                return Err(());
            }
        }
        let Ok(()) = ring.tell_tail(at.next(raw.geometry.numbers.places));
        raw.event(Happening::Message).notify_one();
        Ok(())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.raw.is_forked() {
            return;
        }
        let Ok(()) = self.raw.ring().give_up(self.at, self.raw.row());
        self.raw.event(Happening::Place).notify_one();
        // A consumer may wait for what is behind this place, or for the end.
        self.raw.event(Happening::Message).notify_one();
        self.raw.event(Happening::Done).notify_all();
    }
}

impl RawQueue {
    /// Takes back a message of ours that came too late for a closed queue: consumers may have been
    /// told that it is over. `false`: one of them has it, or will.
    fn withdraw(&self, at: Position) -> bool {
        let index = at.index();
        loop {
            let Ok(word) = self.ring().place(index);
            if word.state() != State::Ready || word.taken() != 0 {
                return false;
            }
            // Ours was taken, and another's came late at the same place.
            let Ok(claimed) = self.ring().claimed_at(index);
            if claimed != at {
                return false;
            }
            let Ok(withdrawn) = self.ring().take(index, word, word.freed());
            if withdrawn {
                self.after_free();
                return true;
            }
        }
    }

    /// Claims a place.
    #[inline]
    pub(crate) fn try_claim(
        &self,
        cursors: &Cursors,
        search: Search,
    ) -> Result<Place<'_>, NoPlace> {
        let ring = self.ring();
        let mut at = cursor(&cursors.put);
        let mut searches = 0;
        loop {
            let Ok(claim) = ring.claim(at, self.row());
            match claim {
                Claim::Mine(at) => {
                    let next = at.next(self.geometry.numbers.places);
                    set_cursor(&cursors.put, next);
                    let place = Place { raw: self, at };
                    self.producer_is_at(at);
                    return Ok(place);
                }
                Claim::Again(next) => at = next,
                Claim::Carried => {
                    // Who was told "full" just before this was counted sleeps, and may have room.
                    self.event(Happening::Place).notify_one();
                }
                Claim::Full => {
                    set_cursor(&cursors.put, at);
                    searches += 1;
                    match self.room_further_on(at, cursors, search) {
                        Some(next) if searches <= SEARCHES => at = next,
                        _ if self.is_closed() => return Err(NoPlace::Closed),
                        _ => return Err(NoPlace::Full),
                    }
                }
                Claim::Closed => {
                    // Somebody may wait for what is behind the place that was given up.
                    self.event(Happening::Message).notify_one();
                    return Err(NoPlace::Closed);
                }
            }
        }
    }

    /// The line is full at `at`: where to go on. `None`: all places were in use at one moment, or
    /// somebody is still writing who stands in front of the others.
    #[cold]
    fn room_further_on(&self, at: Position, cursors: &Cursors, search: Search) -> Option<Position> {
        let places = self.geometry.numbers.places;
        if search == Search::End || places > SEARCHED {
            return None;
        }
        let ring = self.ring();
        let Ok(detours) = ring.detours();
        // ORDERING: Relaxed. Our own note: at worst all places are looked at in vain.
        if detours == cursors.detours.load(Ordering::Relaxed) {
            return None;
        }
        let Ok(room) = ring.room();
        let target = match room {
            Room::At(target) => target,
            Room::Moved => return Some(at),
            Room::None { in_turn } => {
                if in_turn {
                    // ORDERING: Relaxed. As above.
                    cursors.detours.store(detours, Ordering::Relaxed);
                }
                return None;
            }
        };
        let mut at = at;
        while at.is_before(target) {
            let Ok(pass) = ring.pass(at);
            match pass {
                Pass::Passed => at = at.next(places),
                Pass::Moved => {}
                Pass::Open => break,
                Pass::Blocked => return None,
            }
        }
        // As for one that was carried.
        self.event(Happening::Place).notify_one();
        Some(at)
    }
}

#[cfg(all(test, not(conc_loom)))]
mod tests {
    use super::*;
    use crate::queue::geometry::Numbers;
    use crate::queue::raw::{Holes, Read, Seen};

    const NUMBERS: Numbers = Numbers {
        places: 2,
        inline: 8,
        align: 8,
        chunk: 0,
        chunks: 0,
        leases: 0,
        loses: false,
        joinable: false,
        of_type: 0,
    };

    /// The number of a message, and whether there was one.
    struct Number(u64);

    impl Read for Number {
        fn copy(&mut self, raw: &RawQueue, index: u32) -> bool {
            self.read(raw, index);
            true
        }

        fn read(&mut self, raw: &RawQueue, index: u32) {
            // SAFETY: eight bytes, and only this thread writes.
            self.0 = unsafe { raw.in_place::<u64>(index).read() };
        }
    }

    fn claimed<'a>(raw: &'a RawQueue, cursors: &Cursors, number: u64) -> Place<'a> {
        let place = raw.try_claim(cursors, Search::Everywhere).unwrap();
        raw.write(place.index(), &number.to_ne_bytes());
        place
    }

    fn got(raw: &RawQueue, cursors: &Cursors) -> Option<u64> {
        let mut number = Number(0);
        let seen = raw.try_take(cursors, &mut number, Holes::Pass);
        (seen == Seen::Got(())).then_some(number.0)
    }

    /// One that is slow between its late publication and its look at the end.
    #[test]
    fn nobody_takes_back_what_another_published_late() {
        let _watchdog = conc_tests::watchdog();
        let raw = RawQueue::create(NUMBERS, None).unwrap();
        let (cursors, mut all) = (raw.cursors(), Vec::new());
        let mut late = |number: u64| {
            let place = claimed(&raw, &cursors, number);
            claimed(&raw, &cursors, number + 1).publish(|| {}).unwrap();
            all.extend(got(&raw, &cursors));
            place
        };
        let slow = late(1).into_position();
        let Ok(Published::Revoked) = raw.ring().publish(slow) else { panic!("in its turn") };
        let Ok(()) = raw.ring().publish_late(slow.index(), raw.row());
        // Here it stops. Its message is taken, its place is somebody else's loan, which is late too.
        let before = got(&raw, &cursors);
        let other = late(3);
        assert_eq!((before, other.index()), (Some(1), slow.index()));
        raw.close();
        let other = other.into_position();
        let Ok(Published::Revoked) = raw.ring().publish(other) else { panic!("in its turn") };
        let Ok(()) = raw.ring().publish_late(other.index(), raw.row());
        assert!(!raw.withdraw(slow), "a message of another was taken back");
        assert_eq!(got(&raw, &cursors), Some(3));
    }
}

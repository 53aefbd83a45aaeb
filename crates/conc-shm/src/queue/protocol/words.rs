//! The words of a place, and positions in the endless line that the places stand for.
//!
//! # Layout
//!
//! ```text
//!             63                    20 19      13 12     10 9          0
//!  slot       │ lap                   │ taken    │ state   │ owner      │
//!  claim      │ lap                   │ 0                  │ owner      │
//!  position   │ lap                   │ index of the place              │
//! ```
//!
//! A queue of `n` places is a ring; position (lap, index) is the `lap`-th use of place `index`.
//! Laps wrap after 2⁴⁴ turns; two laps are compared by their wrapped difference, so what matters is
//! only that nobody sleeps through 2⁴³ turns between two instructions.
//!
//! `owner` is a row of the segment's process table, 0 for nobody; while a message waits, which has
//! no owner, it counts how many uses of its place the line has gone past since. `taken` counts how
//! often the message was leased; it stays at 127.

/// Bits of an index, and of everything below the lap.
const LAP_SHIFT: u32 = 20;
const TAKEN_SHIFT: u32 = 13;
const STATE_SHIFT: u32 = 10;
const OWNER_MASK: u64 = (1 << STATE_SHIFT) - 1;
const STATE_MASK: u64 = 0b111;
const TAKEN_MASK: u64 = 0x7f;

/// So many places a queue can have.
pub(crate) const PLACES_MAX: u32 = 1 << LAP_SHIFT;
/// A message's leases are counted up to here.
pub(crate) const TAKEN_MAX: u64 = TAKEN_MASK;
/// The line goes past a message that waits no more often than this.
const OVERDUE_MAX: u64 = OWNER_MASK;

/// A row of the process table.
pub(crate) type Row = u16;

/// A use of a place. Wraps after 2⁴⁴.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Lap(u64);

impl Lap {
    /// The first use of each place.
    pub(crate) const FIRST: Self = Self(1);

    pub(crate) const fn from_raw(lap: u64) -> Self {
        Self(lap & (u64::MAX >> LAP_SHIFT))
    }

    pub(crate) const fn raw(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) const fn next(self) -> Self {
        Self::from_raw(self.0.wrapping_add(1))
    }

    #[inline]
    pub(crate) const fn previous(self) -> Self {
        Self::from_raw(self.0.wrapping_sub(1))
    }

    /// Whether this lap comes before that one.
    #[inline]
    pub(crate) const fn is_before(self, other: Self) -> bool {
        // The 44 bits are moved up so that the sign of the difference is that of 44 bits.
        ((self.0 << LAP_SHIFT).wrapping_sub(other.0 << LAP_SHIFT) as i64) < 0
    }
}

/// A place in the line: which use of which place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Position(u64);

impl Position {
    #[inline]
    pub(crate) const fn new(lap: Lap, index: u32) -> Self {
        Self(lap.0 << LAP_SHIFT | index as u64)
    }

    #[inline]
    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    #[inline]
    pub(crate) const fn raw(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) const fn lap(self) -> Lap {
        Lap(self.0 >> LAP_SHIFT)
    }

    #[inline]
    pub(crate) const fn index(self) -> u32 {
        (self.0 & (PLACES_MAX as u64 - 1)) as u32
    }

    /// The position behind this one, in a ring of so many places.
    #[inline]
    pub(crate) const fn next(self, places: u32) -> Self {
        let next = self.index() + 1;
        if next == places { Self::new(self.lap().next(), 0) } else { Self(self.0 + 1) }
    }

    #[inline]
    pub(crate) const fn is_before(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) as i64) < 0
    }

    /// The one that is further ahead.
    #[inline]
    pub(crate) const fn or_later(self, other: Self) -> Self {
        if self.is_before(other) { other } else { self }
    }
}

/// What a place is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum State {
    /// Nothing is in it, or a producer that has the claim is writing.
    Free = 0,
    /// A message waits for its turn.
    Full = 1,
    /// The line went past a producer that was slow to write; the place is still its own.
    Held = 2,
    /// A consumer works on the message, which stays in its place.
    Leased = 3,
    /// A message that came back, or came too late for its turn: next in line, wherever it is.
    Ready = 4,
    /// A message that came back too often. Waits to be taken away by hand.
    Dead = 5,
}

/// The word of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SlotWord(u64);

impl SlotWord {
    #[inline]
    pub(crate) const fn new(lap: Lap, taken: u64, state: State, owner: Row) -> Self {
        Self(
            lap.0 << LAP_SHIFT
                | taken << TAKEN_SHIFT
                | (state as u64) << STATE_SHIFT
                | owner as u64,
        )
    }

    #[inline]
    pub(crate) const fn free(lap: Lap) -> Self {
        Self::new(lap, 0, State::Free, 0)
    }

    #[inline]
    pub(crate) const fn full(lap: Lap) -> Self {
        Self::new(lap, 0, State::Full, 0)
    }

    #[inline]
    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    #[inline]
    pub(crate) const fn raw(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) const fn lap(self) -> Lap {
        Lap(self.0 >> LAP_SHIFT)
    }

    #[inline]
    pub(crate) const fn taken(self) -> u64 {
        self.0 >> TAKEN_SHIFT & TAKEN_MASK
    }

    #[inline]
    pub(crate) const fn owner(self) -> Row {
        (self.0 & OWNER_MASK) as Row
    }

    /// The state. The two codes that nothing writes read as `Dead`: nobody touches such a place.
    #[inline]
    pub(crate) const fn state(self) -> State {
        match self.0 >> STATE_SHIFT & STATE_MASK {
            0 => State::Free,
            1 => State::Full,
            2 => State::Held,
            3 => State::Leased,
            4 => State::Ready,
            _ => State::Dead,
        }
    }

    /// The same in another use of the place.
    #[inline]
    pub(crate) const fn carried_to(self, lap: Lap) -> Self {
        Self(lap.0 << LAP_SHIFT | self.0 & (PLACES_MAX as u64 - 1))
    }

    /// The last use of the place that the line is past: the word's own, or a later one if
    /// producers went past a message that waits.
    #[inline]
    pub(crate) const fn passed(self) -> Lap {
        if self.is_full() {
            Lap::from_raw(self.lap().0.wrapping_add(self.0 & OWNER_MASK))
        } else {
            self.lap()
        }
    }

    /// Whether a message waits for its turn at this use of the place.
    #[inline]
    pub(crate) const fn is_message_of(self, lap: Lap) -> bool {
        self.lap().0 == lap.0 && self.is_full()
    }

    #[inline]
    const fn is_full(self) -> bool {
        self.0 >> STATE_SHIFT & STATE_MASK == State::Full as u64
    }

    /// A message that waits, and the line is past this use of its place; `None`: that often the
    /// line does not go past.
    pub(crate) const fn overdue_since(self, lap: Lap) -> Option<Self> {
        let uses = Lap::from_raw(lap.0.wrapping_sub(self.lap().0)).0;
        if uses > OVERDUE_MAX {
            return None;
        }
        Some(Self(self.0 & !OWNER_MASK | uses))
    }

    /// The place, free for its next use.
    #[inline]
    pub(crate) const fn freed(self) -> Self {
        Self::free(self.passed().next())
    }

    /// The message in the hands of a consumer.
    #[inline]
    pub(crate) const fn leased_by(self, owner: Row) -> Self {
        let taken = if self.taken() == TAKEN_MAX { TAKEN_MAX } else { self.taken() + 1 };
        Self::new(self.passed(), taken, State::Leased, owner)
    }

    /// The message next in line again.
    #[inline]
    pub(crate) const fn ready(self) -> Self {
        Self::new(self.lap(), self.taken(), State::Ready, 0)
    }

    /// The message set aside.
    #[inline]
    pub(crate) const fn dead(self) -> Self {
        Self::new(self.lap(), self.taken(), State::Dead, 0)
    }
}

/// Who may write into a place, and in which use of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClaimWord(u64);

impl ClaimWord {
    #[inline]
    pub(crate) const fn new(lap: Lap, owner: Row) -> Self {
        Self(lap.0 << LAP_SHIFT | owner as u64)
    }

    #[inline]
    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    #[inline]
    pub(crate) const fn raw(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) const fn lap(self) -> Lap {
        Lap(self.0 >> LAP_SHIFT)
    }

    #[inline]
    pub(crate) const fn owner(self) -> Row {
        (self.0 & OWNER_MASK) as Row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laps_are_compared_across_their_end() {
        let _watchdog = conc_tests::watchdog();
        let last = Lap::from_raw(u64::MAX);
        assert_eq!(last.next(), Lap::from_raw(0));
        assert!(last.is_before(last.next()));
        assert!(!last.next().is_before(last));
        assert!(!last.is_before(last));
        assert_eq!(Lap::from_raw(0).previous(), last);
    }

    #[test]
    fn a_position_goes_round() {
        let _watchdog = conc_tests::watchdog();
        let last = Position::new(Lap::from_raw(u64::MAX), 2);
        let next = last.next(3);
        assert_eq!((next.lap(), next.index()), (Lap::from_raw(0), 0));
        assert!(last.is_before(next));
        assert_eq!(last.or_later(next), next);
        assert_eq!(next.or_later(last), next);
    }

    #[test]
    fn a_word_says_what_was_put_into_it() {
        let _watchdog = conc_tests::watchdog();
        let lap = Lap::from_raw(u64::MAX);
        for state in
            [State::Free, State::Full, State::Held, State::Leased, State::Ready, State::Dead]
        {
            let word = SlotWord::new(lap, TAKEN_MAX, state, 1023);
            assert_eq!(word.lap(), lap);
            assert_eq!((word.taken(), word.state(), word.owner()), (TAKEN_MAX, state, 1023));
            assert_eq!(word.carried_to(Lap::FIRST).state(), state);
        }
        let leased = SlotWord::full(lap).leased_by(7);
        assert_eq!((leased.taken(), leased.owner()), (1, 7));
        assert_eq!(leased.ready().leased_by(8).taken(), 2);
        assert_eq!(SlotWord::new(lap, TAKEN_MAX, State::Ready, 0).leased_by(1).taken(), TAKEN_MAX);
        assert_eq!(leased.freed(), SlotWord::free(lap.next()));
    }

    #[test]
    fn the_line_goes_past_a_message_that_waits() {
        let _watchdog = conc_tests::watchdog();
        let lap = Lap::from_raw(u64::MAX);
        let mut word = SlotWord::full(lap);
        assert_eq!(word.passed(), lap);
        let mut passed = lap;
        for _ in 0..OVERDUE_MAX {
            passed = passed.next();
            word = word.overdue_since(passed).unwrap();
            assert!(word.is_message_of(lap) && !word.is_message_of(passed));
            assert_eq!((word.state(), word.passed(), word.taken()), (State::Full, passed, 0));
        }
        assert_eq!(word.overdue_since(passed.next()), None);
        assert_eq!(word.freed(), SlotWord::free(passed.next()));
        assert_eq!(word.leased_by(1023).lap(), passed);
    }
}

//! Where the bytes of long results lie.
//!
//! The worker gives places out, in the order of the entries, and they come back in that order, so
//! that nothing is shared but the number of the last entry that the parent has collected.

use std::collections::VecDeque;

/// The books of one side about a range of bytes.
#[derive(Debug)]
pub(crate) struct Arena {
    /// Where the range begins in the content.
    start: u64,
    /// Bytes that exist.
    len: u64,
    /// Bytes that may exist.
    max: u64,
    live: VecDeque<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    entry: u64,
    at: u64,
    end: u64,
}

/// Everything is aligned to this.
const ALIGN: u64 = 64;

impl Arena {
    pub(crate) fn new(start: u64, len: u64, max: u64) -> Self {
        Self { start, len, max, live: VecDeque::new() }
    }

    /// The longest room that there is, of at least `least` bytes: where it begins in the content,
    /// and its length.
    pub(crate) fn place_most(&mut self, entry: u64, least: u64) -> Option<(u64, u64)> {
        let (at, room) = self.room();
        let (at, room) = match self.room_at_start() {
            Some((start, more)) if more > room => (start, more),
            _ => (at, room),
        };
        if room < least.max(1) {
            return None;
        }
        self.live.push_back(Place { entry, at, end: at + room });
        Some((self.start + at, room))
    }

    /// Gives back all of the last place but its first `len` bytes.
    pub(crate) fn trim(&mut self, len: u64) {
        if let Some(last) = self.live.back_mut() {
            last.end = last.end.min(last.at + len.max(1).next_multiple_of(ALIGN));
        }
    }

    /// The entries below `entry` need their places no more.
    pub(crate) fn free_below(&mut self, entry: u64) {
        while self.live.front().is_some_and(|place| place.entry < entry) {
            self.live.pop_front();
        }
    }

    /// The range of the content that must exist so that there is room for `len` bytes more. `None`:
    /// not before other places come back, or never.
    pub(crate) fn growth(&self, len: u64) -> Option<std::ops::Range<u64>> {
        if self.is_wrapped() {
            return None;
        }
        let used = self.live.back().map_or(0, |place| place.end);
        let wanted = used.checked_add(len)?.next_multiple_of(4096);
        if wanted > self.max {
            return None;
        }
        let wanted = wanted.max(self.len * 2).min(self.max);
        (wanted > self.len).then(|| self.start + self.len..self.start + wanted)
    }

    /// The range exists.
    pub(crate) fn grown(&mut self, to: u64) {
        self.len = to - self.start;
    }

    /// Whether entries below `entry` have places, which will come back.
    pub(crate) fn holds_before(&self, entry: u64) -> bool {
        self.live.front().is_some_and(|place| place.entry < entry)
    }

    /// Whether so many bytes ever fit.
    pub(crate) fn can_ever_hold(&self, len: u64) -> bool {
        len.next_multiple_of(4096) <= self.max
    }

    fn is_wrapped(&self) -> bool {
        match (self.live.front(), self.live.back()) {
            (Some(front), Some(back)) => back.at < front.at,
            _ => false,
        }
    }

    /// What is free behind the last place.
    fn room(&self) -> (u64, u64) {
        let at = self.live.back().map_or(0, |place| place.end);
        let end = match self.live.front() {
            Some(front) if self.is_wrapped() => front.at,
            _ => self.len,
        };
        (at, end.saturating_sub(at))
    }

    /// What is free before the first place, if the last one lies behind it.
    fn room_at_start(&self) -> Option<(u64, u64)> {
        let front = self.live.front().filter(|_| !self.is_wrapped())?;
        Some((0, front.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place of exactly so many bytes.
    fn place(arena: &mut Arena, entry: u64, len: u64) -> Option<u64> {
        let (at, _) = arena.place_most(entry, len)?;
        arena.trim(len);
        Some(at)
    }

    #[test]
    fn places_go_round() {
        let _watchdog = conc_tests::watchdog();
        let mut arena = Arena::new(1000, 640, 640);
        let places: Vec<_> = (0..6).map(|entry| place(&mut arena, entry, 128)).collect();
        assert_eq!(places[..5], [0, 128, 256, 384, 512].map(|at| Some(1000 + at)));
        assert_eq!(places[5], None, "full");
        arena.free_below(2);
        assert_eq!(place(&mut arena, 5, 200), Some(1000));
        assert_eq!(place(&mut arena, 6, 1), None, "the first 256 are taken");
        arena.free_below(3);
        assert_eq!(place(&mut arena, 6, 128), Some(1256));
        arena.free_below(7);
        assert_eq!(arena.place_most(7, 1), Some((1000, 640)));
        arena.trim(10);
        assert_eq!(place(&mut arena, 8, 1), Some(1064));
    }

    #[test]
    fn it_grows_where_nothing_lies_in_the_way() {
        let _watchdog = conc_tests::watchdog();
        let mut arena = Arena::new(0, 4096, 1 << 20);
        assert_eq!(place(&mut arena, 0, 4000), Some(0));
        assert_eq!(place(&mut arena, 1, 5000), None);
        assert_eq!(arena.growth(5000), Some(4096..12288));
        arena.grown(12288);
        assert_eq!(place(&mut arena, 1, 5000), Some(4032));
        assert_eq!(arena.growth(2 << 20), None);
        assert!(!arena.can_ever_hold(2 << 20));
    }

    /// Whatever is asked for, no two live places overlap.
    #[test]
    fn places_never_overlap() {
        let _watchdog = conc_tests::watchdog();
        let mut arena = Arena::new(0, 8192, 8192);
        let mut live: VecDeque<(u64, u64, u64)> = VecDeque::new();
        let mut random = 12345_u64;
        for entry in 0..20_000 {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let len = (random >> 33) % 3000;
            if let Some(at) = place(&mut arena, entry, len) {
                assert!(at + len <= 8192);
                let clear = |&(_, from, to): &(u64, u64, u64)| at + len <= from || to <= at;
                assert!(live.iter().all(clear), "{at}+{len} of {live:?}");
                live.push_back((entry, at, at + len));
            } else if let Some((first, ..)) = live.pop_front() {
                arena.free_below(first + 1);
            }
        }
    }
}

//! How many messages there are, and what is not done yet.

use super::RawQueue;
use crate::event::SLICE;
use crate::queue::geometry::Happening;
use crate::queue::protocol::State;
use conc_core::Deadline;
use conc_core::sync::Ordering;

/// The places, by what is in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Census {
    /// Messages that wait, in line or next in line.
    pub(crate) waiting: u32,
    /// Messages that somebody works on.
    pub(crate) leased: u32,
    /// Messages that were set aside.
    pub(crate) dead: u32,
    /// Places that a producer writes into.
    pub(crate) written: u32,
}

impl Census {
    /// Places that are in use.
    pub(crate) const fn used(self) -> u32 {
        self.waiting + self.leased + self.dead + self.written
    }
}

impl RawQueue {
    /// Counts the places one after the other: exact if nothing moves meanwhile.
    pub(crate) fn census(&self) -> Census {
        let mut census = Census::default();
        for index in 0..self.geometry.numbers.places {
            let Ok(word) = self.ring().place(index);
            match word.state() {
                State::Free => {
                    let Ok(written) = self.ring().is_claimed(index, word);
                    census.written += u32::from(written);
                }
                State::Full | State::Ready => census.waiting += 1,
                State::Held => census.written += 1,
                State::Leased => census.leased += 1,
                State::Dead => census.dead += 1,
            }
        }
        census
    }

    /// Whether at one moment of this call everything that was put was done with.
    ///
    /// Words of places only move forward, so if they are the same twice, nothing moved between.
    pub(crate) fn is_all_done(&self) -> bool {
        let first = self.fingerprint();
        let census = self.census();
        if census.waiting + census.leased > 0 || self.unfinished_gets() > 0 {
            return false;
        }
        first == self.fingerprint()
    }

    /// A number that is different whenever the words of the places are.
    fn fingerprint(&self) -> u64 {
        (0..self.geometry.numbers.places).fold(0, |sum: u64, index| {
            let Ok(word) = self.ring().place(index);
            // Each word only grows, so a sum without overflow would do; the factor spreads it.
            sum.wrapping_add(word.raw().wrapping_mul(2 * u64::from(index) + 1))
        })
    }

    /// Items that were got and are not done with, of all processes.
    pub(crate) fn unfinished_gets(&self) -> u64 {
        if !self.geometry.numbers.joinable {
            return 0;
        }
        // Read after the places, with acquire: see `begin_item`.
        self.segment().members().sum(0)
    }

    /// An item that this process got is done with; `false`: there was none.
    pub(crate) fn finish_item(&self) -> bool {
        let Some(count) = self.segment().members().scratch(self.row(), 0) else { return false };
        // ORDERING(queue.unfinished): AcqRel. What was done is done before it is counted.
        let finished =
            count.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |count| count.checked_sub(1));
        self.event(Happening::Done).notify_all();
        finished.is_ok()
    }

    /// Whether this process works on something.
    pub(crate) fn has_work(&self) -> bool {
        let own = self.segment().members().scratch(self.row(), 0);
        // ORDERING(queue.unfinished): Acquire. What is done is seen with its count.
        if own.is_some_and(|count| count.load(Ordering::Acquire) > 0) {
            return true;
        }
        (0..self.geometry.numbers.places).any(|index| {
            let Ok(word) = self.ring().place(index);
            word.state() == State::Leased && word.owner() == self.row()
        })
    }

    /// Sleeps until something may be done, not beyond the deadline.
    pub(crate) fn sleep_until_done(&self, deadline: Option<Deadline>) {
        let event = self.event(Happening::Done);
        let ticket = event.prepare();
        if !self.is_all_done() {
            let slice = Deadline::after(SLICE);
            event.wait(ticket, [slice, deadline].into_iter().flatten().min());
        }
    }
}

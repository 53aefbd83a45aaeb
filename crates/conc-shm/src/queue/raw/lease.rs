//! What becomes of leased messages.

use super::{Leased, RawQueue};
use crate::memory::Memory;
use crate::queue::geometry::Happening;
use crate::queue::protocol::State;
use std::ptr::NonNull;

impl RawQueue {
    /// The work on a leased message is done.
    pub(crate) fn acknowledge(&self, index: u32) {
        if self.is_forked() {
            return;
        }
        let chunks = self.chunks_at(index);
        let Ok(()) = self.ring().ack(index, self.row());
        if let Some((at, chunks)) = chunks {
            self.free_chunks(at, &chunks);
        }
        self.after_free();
    }

    /// A leased message goes back.
    pub(crate) fn give_back(&self, index: u32) {
        if self.is_forked() {
            return;
        }
        let limit = u64::from(self.geometry.numbers.leases);
        let Ok(state) = self.ring().nack(index, self.row(), limit);
        match state {
            State::Dead => self.after_end(),
            _ => self.event(Happening::Message).notify_one(),
        }
    }

    /// A leased message is set aside.
    pub(crate) fn set_aside(&self, index: u32) {
        if self.is_forked() {
            return;
        }
        let Ok(()) = self.ring().set_aside(index, self.row());
        self.after_end();
    }

    /// Leases a message that was set aside.
    pub(crate) fn try_lease_dead(&self) -> Option<Leased> {
        (0..self.geometry.numbers.places).find_map(|index| {
            let Ok(word) = self.ring().place(index);
            if word.state() != State::Dead {
                return None;
            }
            let leased = word.leased_by(self.row());
            let Ok(taken) = self.ring().take(index, word, leased);
            let times = u8::try_from(leased.taken()).unwrap_or(u8::MAX);
            taken.then_some(Leased { index, times })
        })
    }

    /// The message at a place of ours, where it lies.
    pub(crate) fn in_place<T>(&self, index: u32) -> NonNull<T> {
        self.memory.pointer(self.ring().message(index)).cast()
    }

    /// Writes a message into a place of ours.
    pub(crate) fn write(&self, index: u32, bytes: &[u8]) {
        let Ok(()) = self.memory.copy_in(self.ring().message(index), bytes);
    }
}

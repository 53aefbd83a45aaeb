//! What this process does for the dead, and when it leaves.

use super::RawQueue;
use crate::Member;
use crate::event::Event;
use crate::members::{Leaving, Recover};
use crate::queue::geometry::{Geometry, Happening};
use crate::queue::protocol::Returns;
use crate::waiting::Host;
use std::sync::{Arc, Weak};

const ALL: [Happening; 4] =
    [Happening::Message, Happening::Place, Happening::Chunk, Happening::Done];

impl RawQueue {
    /// Begins to recover others, and says what to do when this process leaves.
    pub(super) fn take_part(self: &Arc<Self>) {
        let weak: Weak<Self> = Arc::downgrade(self);
        self.segment().on_death(weak);
        let geometry = self.geometry;
        // Nothing of ours is in the queue by then: leases and loans keep the segment. Others may
        // wait for us all the same.
        let _ = self.segment().on_leave(Box::new(move |leaving| wake_all(&geometry, leaving)));
    }
}

fn wake_all(geometry: &Geometry, leaving: Leaving<'_>) {
    for happening in ALL {
        let word = geometry.event(happening);
        // SAFETY: the geometry lies within the content, which is mapped until we have left.
        let place = unsafe { leaving.content().cast::<u64>().add(word) };
        // SAFETY: as in `RawQueue::event`.
        let event: &Event = unsafe { place.cast().as_ref() };
        event.notify_all();
    }
}

impl Recover for RawQueue {
    fn recover(&self, dead: Member) {
        if self.is_forked() {
            return;
        }
        let numbers = &self.geometry.numbers;
        let returns =
            if numbers.loses { Returns::Lost } else { Returns::Again(numbers.leases.into()) };
        let is_current = || self.segment().members().is_current(dead);
        // Chunks first: a place of the dead keeps those that are bound to it alive until it is
        // free.
        self.recover_chunks(dead, is_current);
        let Ok(_) = self.ring().recover(dead.row, returns, || Ok(is_current()));
        for happening in ALL {
            self.event(happening).notify_all_always();
        }
        for happening in ALL {
            self.wakers(happening).nudge();
        }
    }
}

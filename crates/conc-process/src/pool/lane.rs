//! The parent's side of one worker's ring.

use super::cargo::{Cargo, Item, Reply};
use super::post;
use super::ring::{Arena, ENTRIES, INLINE, Ring, Shape, Slot, Stage};
use super::ticket::Place;
use crate::sys::files;
use conc_core::sys::futex::Scope;
use nix::errno::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// What the parent keeps of an entry.
pub(super) struct Carried {
    pub(super) cargo: Box<Cargo>,
    /// Its bytes, if they are not in the ring.
    bytes: Option<Vec<u8>>,
}

/// The parent's side of one worker's ring.
pub(super) struct Lane {
    /// The worker's number.
    pub(super) worker: u32,
    pub(super) ring: Ring,
    post: Arc<OwnedFd>,
    arguments: Arena,
    /// Entries from `harvested` on; `None`: taken back.
    carried: VecDeque<Option<Carried>>,
    /// Of those, so many are there.
    load: usize,
    /// The oldest entry whose result was not taken, the oldest whose result was not read, and the
    /// next to be published.
    harvested: u64,
    collected: u64,
    sent: u64,
}

/// Why an entry was not published.
pub(super) enum Refused {
    /// Not now: the ring, its arena, or the post are full.
    NoRoom,
    /// Not ever, for this reason.
    Never(String),
}

impl Lane {
    pub(super) fn new(worker: u32, ring: Ring, post: OwnedFd) -> Self {
        Self {
            worker,
            ring,
            post: Arc::new(post),
            arguments: Ring::arguments(),
            carried: VecDeque::new(),
            load: 0,
            harvested: 0,
            collected: 0,
            sent: 0,
        }
    }

    pub(super) fn post(&self) -> &Arc<OwnedFd> {
        &self.post
    }

    /// Entries that the worker has, or will have.
    pub(super) fn load(&self) -> usize {
        self.load
    }

    /// Whether there is a place for another entry.
    pub(super) fn has_place(&self) -> bool {
        self.sent - self.collected < ENTRIES
    }

    /// Hands an entry to the worker.
    pub(super) fn put(
        &mut self,
        bytes: &[u8],
        cargo: Box<Cargo>,
    ) -> Result<(), (Refused, Box<Cargo>)> {
        if !self.has_place() {
            return Err((Refused::NoRoom, cargo));
        }
        let number = self.sent;
        let mut shape = Shape {
            is_batch: matches!(cargo.reply, Reply::Batch(_)),
            is_timed: cargo.terms.timeout.is_some(),
            has_descriptors: cargo.baggage.as_ref().is_some_and(|b| !b.descriptors().is_empty()),
            is_in_file: !self.arguments.can_ever_hold(bytes.len() as u64),
            is_failure: false,
        };
        // Of what has to be received beforehand, one at a time is on its way.
        if shape.has_post() && self.load > 0 {
            return Err((Refused::NoRoom, cargo));
        }
        let at = match self.place(number, bytes.len(), &mut shape) {
            Ok(at) => at,
            Err(refused) => return Err((refused, cargo)),
        };
        if shape.has_post() {
            if let Err(refused) = self.send(number, bytes, &cargo, shape) {
                self.arguments.free_below(self.harvested);
                return Err((refused, cargo));
            }
        }
        if !shape.is_in_file {
            // SAFETY: the slot is the parent's until it is published, and its entry's place in the
            // arena as well.
            unsafe { self.ring.write(at, bytes) };
        }
        let len = if shape.is_in_file { 0 } else { bytes.len() };
        self.publish(number, at, len, shape, &cargo);
        let bytes = shape.is_in_file.then(|| bytes.to_vec());
        self.carried.push_back(Some(Carried { cargo, bytes }));
        self.load += 1;
        self.sent += 1;
        self.ring.header().worker.wake(Scope::Shared);
        Ok(())
    }

    /// Where the argument goes.
    fn place(&mut self, number: u64, len: usize, shape: &mut Shape) -> Result<u64, Refused> {
        if len <= INLINE || shape.is_in_file {
            return Ok(Ring::inline_argument(number));
        }
        let len = len as u64;
        if let Some(at) = self.arguments.place(number, len) {
            return Ok(at);
        }
        let Some(range) = self.arguments.growth(len) else { return Err(Refused::NoRoom) };
        let end = range.end;
        if let Err(error) = self.ring.reserve(range) {
            return Err(Refused::Never(error.to_string()));
        }
        self.arguments.grown(end);
        self.arguments.place(number, len).ok_or(Refused::NoRoom)
    }

    fn send(&self, number: u64, bytes: &[u8], cargo: &Cargo, shape: Shape) -> Result<(), Refused> {
        let never = |errno: Errno| Refused::Never(errno.desc().to_owned());
        let file = if shape.is_in_file { Some(files::memory(bytes).map_err(never)?) } else { None };
        let baggage = cargo.baggage.iter().flat_map(|baggage| baggage.descriptors());
        let all: Vec<_> = file.iter().chain(baggage).map(AsFd::as_fd).collect();
        match post::send(self.post.as_fd(), number, &all) {
            Ok(()) => Ok(()),
            // The worker is dead, or will read some.
            Err(Errno::EAGAIN | Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN) => {
                Err(Refused::NoRoom)
            }
            Err(errno) => Err(never(errno)),
        }
    }

    fn publish(&self, number: u64, at: u64, len: usize, shape: Shape, cargo: &Cargo) {
        let slot = self.ring.slot(number);
        let (entry, function) = cargo.work.offsets();
        slot.entry.set(entry);
        slot.function.set(function);
        slot.argument_at.set(at);
        slot.argument_len.set(len as u64);
        slot.shape.set(shape.encode());
        if let Reply::Batch(batch) = &cargo.reply {
            slot.span.begin(batch.len());
            slot.item_started.set(0);
            slot.outcome_at.set(0);
        }
        cargo.ticket.set(Place::With(self.worker, number as u32));
        slot.claim.publish(number);
    }

    /// The oldest entry that is done; its outcome is to be read before
    /// [`collect`](Self::collect).
    pub(super) fn harvest(&mut self) -> Option<(u64, Box<Cargo>)> {
        loop {
            match self.carried.front() {
                None => return None,
                Some(None) => {}
                Some(Some(_))
                    if self.slot(self.harvested).claim.stage(self.harvested) == Stage::Done => {}
                Some(Some(_)) => return None,
            }
            let number = self.harvested;
            self.harvested += 1;
            if let Some(carried) = self.carried.pop_front().flatten() {
                self.load -= 1;
                return Some((number, carried.cargo));
            }
        }
    }

    /// Outcomes of all harvested entries were read: their places are free.
    pub(super) fn collect(&mut self) {
        if self.collected != self.harvested {
            self.collected = self.harvested;
            self.arguments.free_below(self.collected);
            let header = self.ring.header();
            header.set_collected(self.collected);
            // It may wait for room.
            header.worker.wake(Scope::Shared);
        }
    }

    pub(super) fn slot(&self, number: u64) -> &Slot {
        self.ring.slot(number)
    }

    /// The entry that the worker runs, or will take next.
    pub(super) fn present(&self) -> Option<(u64, Stage, &Cargo)> {
        (self.harvested..).zip(&self.carried).find_map(|(number, carried)| {
            let cargo = &*carried.as_ref()?.cargo;
            match self.slot(number).claim.stage(number) {
                Stage::Done => None,
                stage => Some((number, stage, cargo)),
            }
        })
    }

    /// The same, to be changed.
    pub(super) fn cargo_mut(&mut self, number: u64) -> Option<&mut Cargo> {
        let place = usize::try_from(number.checked_sub(self.harvested)?).ok()?;
        Some(&mut self.carried.get_mut(place)?.as_mut()?.cargo)
    }

    /// The number of an entry of which the lower bits are known.
    pub(super) fn number(&self, low: u32) -> Option<u64> {
        (self.harvested..self.sent).find(|number| *number as u32 == low)
    }

    pub(super) fn stage(&self, number: u64) -> Stage {
        self.slot(number).claim.stage(number)
    }

    /// Takes an entry back that the worker has not begun.
    pub(super) fn take_back(&mut self, number: u64) -> Option<Item> {
        let place = usize::try_from(number.checked_sub(self.harvested)?).ok()?;
        let carried = self.carried.get_mut(place)?;
        if carried.is_none() || !self.ring.slot(number).claim.steal(number) {
            return None;
        }
        self.load -= 1;
        let Carried { cargo, bytes } = carried.take()?;
        cargo.ticket.set(Place::Queued);
        let bytes = bytes.unwrap_or_else(|| self.argument(number).to_vec());
        Some(Item { bytes, cargo })
    }

    /// Takes up to `most` entries back that the worker has not begun, the youngest first.
    pub(super) fn steal(&mut self, most: usize) -> Vec<Item> {
        let mut stolen = Vec::new();
        for number in (self.harvested..self.sent).rev() {
            if stolen.len() >= most {
                break;
            }
            stolen.extend(self.take_back(number));
        }
        stolen
    }

    /// The encoded argument of an entry that is not collected.
    pub(super) fn argument(&self, number: u64) -> &[u8] {
        let slot = self.slot(number);
        // SAFETY: an argument that the parent wrote; the worker only reads it, and its place is
        // not given out again before it is collected.
        unsafe { self.ring.bytes(slot.argument_at.get(), slot.argument_len.get()) }
            .unwrap_or_default()
    }

    /// How a job that is done called itself, before it is collected.
    pub(super) fn label(&self, number: u64) -> Option<String> {
        let slot = self.slot(number);
        let at = slot.outcome_at.get().checked_add(slot.outcome_len.get())?;
        // SAFETY: behind the outcome of an entry that is done and not collected: the parent's.
        let bytes = unsafe { self.ring.bytes(at, slot.label_len.get()) }?;
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Whatever is left of a worker that has ended, oldest first.
    pub(super) fn remains(&mut self) -> Vec<(u64, Carried)> {
        self.load = 0;
        let first = self.harvested;
        let carried = std::mem::take(&mut self.carried);
        self.harvested = self.sent;
        (first..).zip(carried).filter_map(|(number, carried)| Some((number, carried?))).collect()
    }
}

impl Carried {
    /// As a piece of work that is to be done again; `bytes` are in the ring.
    pub(super) fn into_item(self, bytes: &[u8]) -> Item {
        Item { bytes: self.bytes.unwrap_or_else(|| bytes.to_vec()), cargo: self.cargo }
    }
}

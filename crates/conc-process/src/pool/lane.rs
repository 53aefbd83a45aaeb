//! The parent's side of one worker's ring.

use super::bytes::Bytes;
use super::cargo::{Cargo, Item};
use super::post;
use super::reply::Reply;
use super::ring::{ENTRIES, INLINE, Ring, Shape, Slot, Stage};
use super::store::Store;
use super::ticket::Place;
use crate::sys::files;
use conc_core::sys::futex::Scope;
use nix::errno::Errno;
use std::collections::VecDeque;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// What the parent keeps of an entry.
pub(super) struct Carried {
    pub(super) cargo: Cargo,
    /// Its argument, if that is not in the ring itself.
    bytes: Option<Bytes<'static>>,
}

/// The parent's side of one worker's ring.
pub(super) struct Lane {
    /// The worker's number.
    pub(super) worker: u32,
    pub(super) ring: Ring,
    post: Arc<OwnedFd>,
    store: Arc<Store>,
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

/// Why an entry cannot be published.
pub(super) enum Refused {
    /// Not now: the ring, or the post, is full.
    NoRoom,
    /// Not ever, for this reason.
    Never(String),
}

impl Lane {
    pub(super) fn new(worker: u32, ring: Ring, post: OwnedFd, store: Arc<Store>) -> Self {
        Self {
            worker,
            ring,
            post: Arc::new(post),
            store,
            carried: VecDeque::with_capacity(ENTRIES as usize),
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
    #[inline]
    pub(super) fn load(&self) -> usize {
        self.load
    }

    /// Whether there is a place for another entry.
    #[inline]
    pub(super) fn has_place(&self) -> bool {
        self.sent - self.collected < ENTRIES
    }

    /// Makes everything ready for [`put`](Self::put), which has to follow: brings the bytes to where
    /// the worker can read them.
    pub(super) fn admit(&self, bytes: &mut Bytes<'_>, cargo: &Cargo) -> Result<Shape, Refused> {
        if !self.has_place() {
            return Err(Refused::NoRoom);
        }
        let mut shape = Shape {
            is_batch: cargo.is_batch(),
            is_timed: cargo.terms.timeout.is_some(),
            has_descriptors: !cargo.baggage.descriptors().is_empty(),
            ..Shape::default()
        };
        match bytes {
            Bytes::Short(_) => {}
            Bytes::Stored(..) => shape.is_stored = true,
            Bytes::Heap(heap) if heap.len() <= INLINE => {}
            Bytes::Heap(heap) => match self.store.keep(heap) {
                Some((place, range)) => {
                    *bytes = Bytes::Stored(Arc::new(place), range);
                    shape.is_stored = true;
                }
                None => shape.is_in_file = true,
            },
        }
        if shape.has_post() {
            // Of what has to be received beforehand, one at a time is on its way.
            if self.load > 0 {
                return Err(Refused::NoRoom);
            }
            self.send(bytes, cargo, shape)?;
        }
        Ok(shape)
    }

    fn send(&self, bytes: &Bytes<'_>, cargo: &Cargo, shape: Shape) -> Result<(), Refused> {
        let never = |errno: Errno| Refused::Never(errno.desc().to_owned());
        let file = match bytes {
            Bytes::Heap(bytes) if shape.is_in_file => Some(files::memory(bytes).map_err(never)?),
            _ => None,
        };
        let all: Vec<_> = file.iter().chain(cargo.baggage.descriptors()).map(AsFd::as_fd).collect();
        match post::send(self.post.as_fd(), self.sent, &all) {
            Ok(()) => Ok(()),
            // The worker is dead, or will read some.
            Err(Errno::EAGAIN | Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN) => {
                Err(Refused::NoRoom)
            }
            Err(errno) => Err(never(errno)),
        }
    }

    /// Hands an entry that was [admitted](Self::admit) to the worker.
    pub(super) fn put(&mut self, shape: Shape, bytes: Bytes<'_>, cargo: Cargo) {
        let number = self.sent;
        let slot = self.ring.slot(number);
        let (entry, function) = cargo.work.offsets();
        slot.entry.set(entry);
        slot.function.set(function);
        slot.shape.set(shape.encode());
        // Whoever looks before the worker has said when it began does not take the last entry's.
        slot.started.set(0);
        if let Reply::Batch(batch) = &cargo.reply {
            slot.span.begin(batch.len());
            slot.item_started.set(0);
            slot.outcome_at.set(0);
        }
        let bytes = match bytes {
            Bytes::Short(short) => self.write(number, short),
            Bytes::Heap(short) if !shape.is_in_file => self.write(number, &short),
            Bytes::Heap(long) => {
                slot.argument_len.set(0);
                Some(Bytes::Heap(long))
            }
            Bytes::Stored(place, range) => {
                slot.argument_at.set(range.start);
                slot.argument_len.set(range.end - range.start);
                Some(Bytes::Stored(place, range))
            }
        };
        cargo.ticket().set(Place::With(self.worker, number as u32));
        slot.claim.publish(number);
        self.carried.push_back(Some(Carried { cargo, bytes }));
        self.load += 1;
        self.sent += 1;
        self.ring.header().worker.wake(Scope::Shared);
    }

    /// Writes a short argument into the slot of its entry, which the caller is about to publish.
    #[inline]
    fn write(&self, number: u64, bytes: &[u8]) -> Option<Bytes<'static>> {
        let (slot, at) = (self.ring.slot(number), Ring::inline_argument(number));
        // SAFETY: the slot is the parent's until the entry is published.
        unsafe { self.ring.write(at, bytes) };
        slot.argument_at.set(at);
        slot.argument_len.set(bytes.len() as u64);
        None
    }

    /// The oldest entry that is done; its outcome is to be read before
    /// [`collect`](Self::collect).
    pub(super) fn harvest(&mut self) -> Option<(u64, Carried)> {
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
                return Some((number, carried));
            }
        }
    }

    /// Outcomes of all harvested entries were read: their places are free.
    pub(super) fn collect(&mut self) {
        if self.collected != self.harvested {
            self.collected = self.harvested;
            let header = self.ring.header();
            header.set_collected(self.collected);
            header.room.wake(Scope::Shared);
        }
    }

    /// Whether the outcomes of all that was harvested were read.
    pub(super) fn is_read(&self) -> bool {
        self.collected == self.harvested
    }

    pub(super) fn slot(&self, number: u64) -> &Slot {
        self.ring.slot(number)
    }

    /// The entry that the worker runs, or will take next.
    pub(super) fn present(&self) -> Option<(u64, Stage, &Cargo)> {
        (self.harvested..).zip(&self.carried).find_map(|(number, carried)| {
            let cargo = &carried.as_ref()?.cargo;
            match self.slot(number).claim.stage(number) {
                Stage::Done => None,
                stage => Some((number, stage, cargo)),
            }
        })
    }

    fn carried(&self, number: u64) -> Option<&Carried> {
        let place = usize::try_from(number.checked_sub(self.harvested)?).ok()?;
        self.carried.get(place)?.as_ref()
    }

    pub(super) fn cargo(&self, number: u64) -> Option<&Cargo> {
        Some(&self.carried(number)?.cargo)
    }

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
        let carried = carried.take()?;
        carried.cargo.ticket().set(Place::Queued);
        Some(carried.into_item(&self.ring, number))
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

    /// A part of the encoded argument of an entry.
    pub(super) fn part(&self, number: u64, range: Range<usize>) -> Option<Bytes<'static>> {
        Some(self.carried(number)?.part(&self.ring, number, range))
    }

    /// How a job that is done called itself, before it is collected.
    pub(super) fn label(&self, number: u64) -> Option<String> {
        let slot = self.slot(number);
        let at = slot.outcome_at.get().checked_add(slot.outcome_len.get())?;
        // SAFETY: behind the outcome of an entry that is done and not collected: the parent's.
        let bytes = unsafe { self.ring.bytes(at, slot.label_len.get()) }?.to_vec();
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
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
    /// As a piece of work that is to be done again. Its entry was not collected.
    pub(super) fn into_item(self, ring: &Ring, number: u64) -> Item {
        let bytes = self.bytes.unwrap_or_else(|| Bytes::Short(argument(ring, number)).into_owned());
        Item { bytes, cargo: self.cargo }
    }

    /// A part of its encoded argument. Its entry was not collected.
    pub(super) fn part(&self, ring: &Ring, number: u64, range: Range<usize>) -> Bytes<'static> {
        match &self.bytes {
            Some(bytes) => bytes.part(range),
            None => Bytes::Short(argument(ring, number)).part(range),
        }
    }
}

/// The short argument of an entry that is not collected.
fn argument(ring: &Ring, number: u64) -> &[u8] {
    let slot = ring.slot(number);
    // SAFETY: an argument that the parent wrote into the slot; the worker only reads it, and the
    // slot is not used again before the entry is collected.
    unsafe { ring.bytes(slot.argument_at.get(), slot.argument_len.get()) }.unwrap_or_default()
}

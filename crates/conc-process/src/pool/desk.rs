//! Where a worker's present entry lies: its argument, its outcome, and how far it has come.

use super::append::append;
use super::failure::Failure;
use super::post;
use super::ring::{Arena, Ring, Shape, Slot};
use crate::sys::{clock, files};
use conc_core::courier::{self, Baggage, Keepsake};
use conc_core::trace::take_label;
use conc_core::wait::Patience;
use conc_core::{JoinError, Wire};
use serde::Serialize;
use std::any::Any;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The outcome of an item begins with a word: the length of what follows, and in the last bit
/// whether that is a failure. So one that cannot be decoded hides no other.
pub(super) const HEAD: usize = size_of::<u32>();

/// The head of an outcome.
pub(super) fn head(len: usize, is_failure: bool) -> [u8; HEAD] {
    ((len as u32) << 1 | u32::from(is_failure)).to_le_bytes()
}

/// The length and the kind that a head tells.
pub(super) fn read_head(head: [u8; HEAD]) -> (usize, bool) {
    let word = u32::from_le_bytes(head);
    ((word >> 1) as usize, word & 1 == 1)
}

/// Bytes of a label; more is cut off.
const LABEL_MAX: usize = 64;

/// Room for the outcomes of a batch is not worth having below this.
const LEAST_ROOM: u64 = 1024;

/// What a worker needs for all of its entries.
pub(super) struct Tools {
    pub(super) results: Arena,
    pub(super) post: OwnedFd,
    pub(super) scratch: Vec<u8>,
    pub(super) state: Box<dyn Any>,
}

/// The entry that a worker runs right now.
pub(super) struct Desk<'w> {
    number: u64,
    slot: &'w Slot,
    shape: Shape,
    ring: &'w Ring,
    results: &'w mut Arena,
    post: BorrowedFd<'w>,
    scratch: &'w mut Vec<u8>,
    state: &'w mut dyn Any,
    input: &'w [u8],
    descriptors: Vec<OwnedFd>,
    /// What came with the outcome.
    baggage: Baggage,
    outcome: Shape,
    /// Where the outcomes of a batch go, and how much room is there.
    at: u64,
    room: u64,
    /// Outcomes that are there, and their bytes.
    done: u32,
    bytes: u32,
    /// No item can follow.
    full: bool,
}

impl<'w> Desk<'w> {
    pub(super) fn new(
        ring: &'w Ring,
        tools: &'w mut Tools,
        number: u64,
        input: &'w [u8],
        descriptors: Vec<OwnedFd>,
    ) -> Self {
        let Tools { results, post, scratch, state } = tools;
        let slot = ring.slot(number);
        Self {
            number,
            slot,
            shape: Shape::decode(slot.shape.get()),
            ring,
            results,
            post: (*post).as_fd(),
            scratch,
            state: &mut **state,
            input,
            descriptors,
            baggage: Baggage::default(),
            outcome: Shape::default(),
            at: 0,
            room: 0,
            done: 0,
            bytes: 0,
            full: false,
        }
    }

    /// The encoded argument, and the descriptors that are in it.
    pub(super) fn take_input(&mut self) -> (&'w [u8], Vec<OwnedFd>) {
        (self.input, std::mem::take(&mut self.descriptors))
    }

    /// What the initializer made.
    pub(super) fn state(&mut self) -> &mut dyn Any {
        self.state
    }

    /// The call gave this result.
    pub(super) fn answer<R: Wire>(&mut self, result: &R) -> Result<(), JoinError> {
        self.scratch.clear();
        self.baggage = encode_into(self.scratch, result)?;
        Ok(())
    }

    /// The call gave no result.
    pub(super) fn fail(&mut self, error: &JoinError) {
        self.scratch.clear();
        self.baggage = Baggage::default();
        self.outcome.is_failure = true;
        // Text can be encoded.
        let _ = encode_into(self.scratch, &Failure::of(error));
    }

    /// The entry cannot be run.
    pub(super) fn refuse(&mut self, error: &JoinError) {
        if !self.shape.is_batch {
            return self.fail(error);
        }
        while !self.full && self.take_item() {
            self.fail_item(error);
        }
    }

    /// Takes the next item of the batch, if one is left.
    #[inline]
    pub(super) fn take_item(&mut self) -> bool {
        let taken = self.slot.span.take();
        if taken && self.shape.is_timed {
            self.slot.item_started.set(clock::monotonic_nanos());
        }
        taken
    }

    /// The item gave this result.
    #[inline]
    pub(super) fn answer_item<R: Wire>(&mut self, result: &R) -> Result<(), JoinError> {
        self.scratch.clear();
        self.scratch.extend_from_slice(&[0; HEAD]);
        let baggage = encode_into(self.scratch, result)?;
        self.set_head(false);
        self.put(baggage);
        Ok(())
    }

    /// The item gave no result.
    pub(super) fn fail_item(&mut self, error: &JoinError) {
        self.scratch.clear();
        self.scratch.extend_from_slice(&[0; HEAD]);
        // Text can be encoded.
        let _ = encode_into(self.scratch, &Failure::of(error));
        self.set_head(true);
        self.put(Baggage::default());
    }

    /// What follows belongs into another entry: nobody knows here where the next item begins.
    pub(super) fn stop(&mut self) {
        self.full = true;
    }

    #[inline]
    fn set_head(&mut self, is_failure: bool) {
        let len = self.scratch.len().saturating_sub(HEAD);
        if let Some(place) = self.scratch.get_mut(..HEAD) {
            place.copy_from_slice(&head(len, is_failure));
        }
    }

    /// Whether the rest of the batch has to come again in another entry.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Writes an item's outcome behind the others, and counts it.
    #[inline]
    fn put(&mut self, baggage: Baggage) {
        let len = self.scratch.len() as u64;
        if u64::from(self.bytes) + len > self.room && !self.make_room(len) {
            return self.put_in_file(baggage);
        }
        // SAFETY: the place was given out for this entry, which this worker runs; what is counted
        // is not written again, and the rest is not read before it is counted.
        unsafe { self.ring.write(self.at + u64::from(self.bytes), self.scratch) };
        if !baggage.descriptors().is_empty() {
            // They belong to the last outcome: there is one parcel for an entry.
            self.full = true;
            self.baggage = baggage;
        }
        self.count(len);
    }

    fn count(&mut self, len: u64) {
        self.done += 1;
        self.bytes += len as u32;
        self.slot.span.count(self.done, self.bytes);
    }

    /// Finds room for `more` bytes behind the outcomes; these move if they must.
    #[cold]
    fn make_room(&mut self, more: u64) -> bool {
        let needed = u64::from(self.bytes) + more;
        let wanted = (needed * 2).max(LEAST_ROOM);
        if u32::try_from(wanted).is_err() || !self.results.can_ever_hold(wanted) {
            return false;
        }
        // Its unused end first.
        if self.room > 0 {
            self.results.trim(u64::from(self.bytes));
        }
        let Some((at, room)) =
            self.wait_for_place(|results, number| results.place_most(number, wanted), wanted)
        else {
            return false;
        };
        if self.bytes > 0 {
            let bytes = u64::from(self.bytes);
            // SAFETY: written by this worker for this entry; the parent may read them, too.
            let old = unsafe { self.ring.bytes(self.at, bytes) }.unwrap_or_default();
            // SAFETY: the new place is this worker's alone.
            unsafe { self.ring.write(at, old) };
        }
        (self.at, self.room) = (at, room);
        // Whichever of the two places the parent sees after a death: the same bytes are there.
        self.slot.outcome_at.set(at);
        true
    }

    /// Too large for the arena: the item's outcome goes in a file, as the last one.
    #[cold]
    fn put_in_file(&mut self, baggage: Baggage) {
        self.full = true;
        if self.done > 0 {
            // What is there already goes along.
            let bytes = u64::from(self.bytes);
            // SAFETY: as in `make_room`.
            let before = unsafe { self.ring.bytes(self.at, bytes) }.unwrap_or_default();
            self.scratch.splice(..0, before.iter().copied());
        }
        self.outcome.is_in_file = true;
        self.baggage = baggage;
        self.done += 1;
    }

    /// Waits until the parent has collected enough of the results before, so that `place` finds
    /// room; makes pages exist if they do not.
    fn wait_for_place<T>(
        &mut self,
        mut place: impl FnMut(&mut Arena, u64) -> Option<T>,
        len: u64,
    ) -> Option<T> {
        let header = self.ring.header();
        let mut patience = Patience::new();
        loop {
            let collected = header.collected();
            self.results.free_below(collected);
            if let Some(found) = place(self.results, self.number) {
                return Some(found);
            }
            if let Some(range) = self.results.growth(len) {
                let end = range.end;
                if self.ring.reserve(range).is_err() {
                    // The machine is full. A file would not fit either, but says so by itself.
                    return None;
                }
                self.results.grown(end);
                continue;
            }
            if collected >= self.number {
                // Nothing lies before this entry, and it does not fit.
                return None;
            }
            if patience.pause() {
                continue;
            }
            header.worker.announce();
            if header.collected() == collected {
                header.worker.sleep(conc_core::sys::futex::Scope::Shared);
            }
            header.worker.retract();
        }
    }

    /// Makes the outcome ready to be seen; gives what is to be kept until it was read.
    pub(super) fn finish(mut self) -> Vec<Keepsake> {
        self.slot.label_len.set(0);
        let label = take_label();
        let label = label.as_deref().unwrap_or_default();
        let label = label.as_bytes().get(..label.len().min(LABEL_MAX)).unwrap_or_default();
        if self.shape.is_batch && !self.outcome.is_in_file {
            self.slot.outcome_at.set(self.at);
            self.slot.outcome_len.set(self.bytes.into());
            let end = u64::from(self.bytes) + label.len() as u64;
            if end <= self.room {
                // SAFETY: as in `put`: behind what is counted.
                unsafe { self.ring.write(self.at + u64::from(self.bytes), label) };
                self.slot.label_len.set(label.len() as u64);
                self.results.trim(end);
            } else if self.room > 0 {
                self.results.trim(self.bytes.into());
            }
        } else if self.shape.is_batch {
            // The file holds all that was done.
            self.slot.span.count(self.done, self.bytes);
        } else {
            self.place_result(label);
        }
        let (descriptors, keepsakes) = std::mem::take(&mut self.baggage).into_parts();
        if let Err(message) = self.send(descriptors) {
            self.send_failed(&message);
        }
        self.slot.outcome.set(self.outcome.encode());
        self.slot.ended.set(clock::monotonic_nanos());
        keepsakes
    }

    /// Puts the one result where it belongs: the slot, the arena, a file.
    fn place_result(&mut self, label: &[u8]) {
        let result = self.scratch.len() as u64;
        self.scratch.extend_from_slice(label);
        let len = self.scratch.len() as u64;
        let at = if self.scratch.len() <= super::ring::INLINE {
            Some(Ring::inline_result(self.number))
        } else if self.results.can_ever_hold(len) {
            self.wait_for_place(|results, number| results.place(number, len), len)
        } else {
            None
        };
        match at {
            Some(at) => {
                // SAFETY: the slot's own room, or a place that was given out for this entry, which
                // this worker runs.
                unsafe { self.ring.write(at, self.scratch) };
                self.slot.outcome_at.set(at);
                self.slot.outcome_len.set(result);
                self.slot.label_len.set(label.len() as u64);
            }
            None => {
                self.scratch.truncate(result as usize);
                self.outcome.is_in_file = true;
            }
        }
    }

    /// Sends by post what does not lie in the ring.
    fn send(&mut self, descriptors: Vec<OwnedFd>) -> Result<(), String> {
        self.outcome.has_descriptors = !descriptors.is_empty();
        let file = if self.outcome.is_in_file {
            let length = self.scratch.len();
            let file = files::memory(self.scratch);
            Some(file.map_err(|errno| format!("{length} bytes: {errno}"))?)
        } else {
            None
        };
        if !self.outcome.has_post() {
            return Ok(());
        }
        let all: Vec<_> = file.iter().chain(&descriptors).map(AsFd::as_fd).collect();
        post::send(self.post, self.number, &all)
            .map_err(|errno| format!("{} descriptors cannot be sent: {errno}", all.len()))
    }

    /// What cannot be sent is an error instead: of the call, or of the batch's last item.
    #[cold]
    fn send_failed(&mut self, message: &str) {
        let error = JoinError::NotEncoded { message: message.into() };
        let in_file = std::mem::take(&mut self.outcome.is_in_file);
        self.outcome.has_descriptors = false;
        if !self.shape.is_batch {
            self.fail(&error);
            return self.place_result(&[]);
        }
        // Its outcome was counted, unless it is in the file; a failure takes its place, which is
        // where the last one began.
        // Of one that is not, the reader finds that a descriptor has not travelled.
        if in_file {
            self.done -= 1;
            self.fail_item(&error);
            self.slot.outcome_at.set(self.at);
            self.slot.outcome_len.set(self.bytes.into());
        }
    }
}

/// Encodes a value behind what is there.
#[inline]
fn encode_into<T: Serialize>(to: &mut Vec<u8>, value: &T) -> Result<Baggage, JoinError> {
    let (written, baggage) = courier::packing(|| append(to, value));
    match written {
        Ok(()) => Ok(baggage),
        Err(error) => {
            let message = match baggage.error() {
                Some(cause) => format!("a descriptor in it cannot be copied: {cause}"),
                None => error.to_string(),
            };
            Err(JoinError::NotEncoded { message: message.into() })
        }
    }
}

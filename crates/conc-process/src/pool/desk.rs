//! Where a worker's present entry lies: its argument, its outcome, and how far it has come.

use super::failure::Failure;
use super::outlet::Outlet;
use super::post;
use super::ring::{Arena, Ring, Shape, Slot};
use crate::client::Family;
use crate::sys::{clock, files, fork};
use conc_core::courier::{self, Baggage, Keepsake};
use conc_core::trace::take_label;
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

/// What a worker needs for all of its entries.
pub(super) struct Tools {
    pub(super) results: Arena,
    pub(super) post: OwnedFd,
    pub(super) state: Box<dyn Any>,
    /// The worker's own, to tell it from a copy that a job made of it.
    pub(super) family: &'static Family,
}

/// The entry that a worker runs right now.
pub(super) struct Desk<'w> {
    number: u64,
    slot: &'w Slot,
    shape: Shape,
    post: BorrowedFd<'w>,
    state: &'w mut dyn Any,
    family: &'static Family,
    input: &'w [u8],
    descriptors: Vec<OwnedFd>,
    outlet: Outlet<'w>,
    /// What came with the outcome.
    baggage: Baggage,
    outcome: Shape,
    /// Outcomes of a batch that are counted, and their bytes.
    done: u32,
    bytes: u32,
    /// No item can follow.
    full: bool,
    /// The last outcome comes with a parcel, and is not counted before that is sent.
    has_parcel: bool,
}

impl<'w> Desk<'w> {
    pub(super) fn new(
        ring: &'w Ring,
        tools: &'w mut Tools,
        number: u64,
        input: &'w [u8],
        descriptors: Vec<OwnedFd>,
    ) -> Self {
        let Tools { results, post, state, family } = tools;
        let slot = ring.slot(number);
        let shape = Shape::decode(slot.shape.get());
        Self {
            number,
            slot,
            shape,
            post: (*post).as_fd(),
            state: &mut **state,
            family,
            input,
            descriptors,
            outlet: Outlet::new(ring, results, number, shape.is_batch),
            baggage: Baggage::default(),
            outcome: Shape::default(),
            done: 0,
            bytes: 0,
            full: false,
            has_parcel: false,
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

    /// A job may have forked, and its copy come back from it: that ends here. A ring has one worker.
    #[inline]
    pub(super) fn end_if_copy(&self) {
        if !self.family.is_own() {
            fork::quit(0);
        }
    }

    /// The call gave this result.
    pub(super) fn answer<R: Wire>(&mut self, result: &R) -> Result<(), JoinError> {
        self.baggage = encode(&mut self.outlet, result)?;
        Ok(())
    }

    /// The call gave no result.
    pub(super) fn fail(&mut self, error: &JoinError) {
        self.outlet.truncate(0);
        self.baggage = Baggage::default();
        self.outcome.is_failure = true;
        // Text can be encoded.
        let _ = encode(&mut self.outlet, &Failure::of(error));
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
        if self.shape.is_timed {
            // Whoever sees that the item is taken does not see when the last one began.
            self.slot.item_started.set(0);
        }
        let taken = self.slot.span.take();
        if taken && self.shape.is_timed {
            self.slot.item_started.set(clock::monotonic_nanos());
        }
        taken
    }

    /// The item gave this result.
    #[inline]
    pub(super) fn answer_item<R: Wire>(&mut self, result: &R) -> Result<(), JoinError> {
        self.outlet.extend(&[0; HEAD]);
        let baggage = encode(&mut self.outlet, result)?;
        self.count(false, baggage);
        Ok(())
    }

    /// The item gave no result.
    #[cold]
    pub(super) fn fail_item(&mut self, error: &JoinError) {
        self.outlet.truncate(self.bytes as usize);
        self.outlet.extend(&[0; HEAD]);
        // Text can be encoded.
        let _ = encode(&mut self.outlet, &Failure::of(error));
        self.count(true, Baggage::default());
    }

    /// Whether the rest of the batch has to come again in another entry.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// The outcome behind those that are counted is whole.
    #[inline]
    fn count(&mut self, is_failure: bool, baggage: Baggage) {
        let (start, end) = (self.bytes as usize, self.outlet.len());
        if end - start > MOST_BYTES {
            // Its length does not fit the head.
            let message = format!("a result of {} bytes is too long for a map", end - start);
            return self.fail_item(&JoinError::NotEncoded { message: message.into() });
        }
        self.outlet.patch(start, head(end - start - HEAD, is_failure));
        self.done += 1;
        // Behind so many bytes, one more may not be counted in 32 bits.
        self.full = end > MOST_BYTES;
        if !baggage.is_empty() || self.outlet.in_heap().is_some() {
            // There is one parcel for an entry, hence this is the last outcome. It is counted when
            // that has been sent.
            self.full = true;
            self.has_parcel = true;
            self.baggage = baggage;
            return;
        }
        self.bytes = end as u32;
        self.slot.span.count(self.done, self.bytes);
    }

    /// Makes the outcome ready to be seen; gives what is to be kept until it was read.
    pub(super) fn finish(mut self) -> Vec<Keepsake> {
        self.outcome.is_in_file = self.outlet.in_heap().is_some();
        let (descriptors, keepsakes) = std::mem::take(&mut self.baggage).into_parts();
        if let Err(message) = self.send(descriptors) {
            self.send_failed(&message);
        }
        if self.outcome.is_in_file {
            self.slot.label_len.set(0);
        } else {
            self.bytes = self.outlet.len() as u32;
            self.slot.outcome_len.set(self.outlet.len() as u64);
            self.sign();
        }
        if self.has_parcel && self.shape.is_batch {
            // Of a file, the bytes that are in the ring as well.
            self.slot.span.count(self.done, self.bytes);
        }
        self.slot.outcome.set(self.outcome.encode());
        self.slot.ended.set(clock::monotonic_nanos());
        keepsakes
    }

    /// Writes behind the outcome how the job called itself, and says where all of it is.
    fn sign(&mut self) {
        let label = take_label();
        let label = label.as_deref().unwrap_or_default().as_bytes();
        let label = label.get(..LABEL_MAX).unwrap_or(label);
        let outcome = self.outlet.len();
        self.slot.outcome_at.set(self.outlet.at());
        if !label.is_empty() {
            self.outlet.extend(label);
            if self.outlet.in_heap().is_some() {
                // For a name alone there is no room.
                self.outlet.leave_heap();
                self.outlet.truncate(outcome);
            }
            self.slot.outcome_at.set(self.outlet.at());
        }
        self.slot.label_len.set((self.outlet.len() - outcome) as u64);
        self.outlet.trim();
    }

    /// Sends by post what does not lie in the ring.
    fn send(&mut self, descriptors: Vec<OwnedFd>) -> Result<(), String> {
        self.outcome.has_descriptors = !descriptors.is_empty();
        let file = match self.outlet.in_heap() {
            None => None,
            Some(bytes) => {
                let file = files::memory(bytes);
                Some(file.map_err(|errno| format!("{} bytes: {errno}", bytes.len()))?)
            }
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
        self.outcome.is_in_file = false;
        self.outcome.has_descriptors = false;
        self.outlet.leave_heap();
        if self.shape.is_batch {
            // Its outcome is not counted yet; a failure takes its place.
            self.done -= 1;
            self.has_parcel = false;
            self.fail_item(&error);
        } else {
            self.fail(&error);
        }
        assert!(self.outlet.in_heap().is_none(), "there is not even room for an error");
    }
}

/// More bytes do not go into one outcome of a batch, nor much more into all of them.
const MOST_BYTES: usize = 1 << 30;

/// Encodes a value behind what is there.
#[inline]
fn encode<T: Serialize>(to: &mut Outlet<'_>, value: &T) -> Result<Baggage, JoinError> {
    let (written, baggage) = courier::packing(|| to.append(value));
    match written {
        Ok(()) => Ok(baggage),
        Err(error) => Err(not_encoded(&error, &baggage)),
    }
}

#[cold]
fn not_encoded(error: &postcard::Error, baggage: &Baggage) -> JoinError {
    let message = match baggage.error() {
        Some(cause) => format!("a descriptor in it cannot be copied: {cause}"),
        None => error.to_string(),
    };
    JoinError::NotEncoded { message: message.into() }
}

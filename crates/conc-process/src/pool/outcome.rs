//! Reading what a worker has written.

use super::bytes::Bytes;
use super::cargo::{Cargo, Item, Outcomes, Part, Terms};
use super::lane::Carried;
use super::post;
use super::reply::{BatchReply, Outcome, Reply, failure};
use super::ring::{Progress, Ring, Shape};
use super::routine::Work;
use super::shared::Shared;
use super::ticket::Ticket;
use crate::sys::files;
use conc_core::JoinError;
use conc_core::courier::Baggage;
use conc_core::job::Pledge;
use std::ops::Range;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

/// Reads the outcome of an entry that is done and not collected, and settles its job. Runs
/// callbacks: never under a lock.
pub(super) fn settle(
    shared: &Arc<Shared>,
    ring: &Ring,
    post: BorrowedFd<'_>,
    number: u64,
    carried: Carried,
    scratch: &mut Vec<u8>,
) {
    let shape = Shape::decode(ring.slot(number).outcome.get());
    let post = if shape.has_post() { post::receive(post, number) } else { Ok(Vec::new()) };
    if carried.cargo.is_batch() {
        return settle_batch(shared, ring, number, carried, shape, post);
    }
    // Whatever is kept for the argument's journey has done its duty.
    let Cargo { reply, baggage, .. } = carried.cargo;
    drop(baggage);
    let Reply::Call(reply) = reply else { return };
    let read = post.map_err(str::to_owned).and_then(|post| match in_place(ring, number, shape) {
        Some(bytes) => Ok((bytes, post)),
        None => {
            let descriptors = read(ring, number, shape, post, scratch)?;
            Ok((scratch.as_slice(), descriptors))
        }
    });
    match read {
        Err(message) => {
            reply.settle(Outcome::Error(JoinError::NotDecoded { message: message.into() }));
        }
        Ok((bytes, _)) if shape.is_failure => reply.settle(Outcome::Error(failure(bytes))),
        Ok((bytes, descriptors)) => reply.settle(Outcome::Value(bytes, descriptors)),
    }
    if scratch.capacity() > KEPT {
        *scratch = Vec::new();
    }
}

/// Results that are longer are not copied before they are decoded.
const LONG: u64 = 64 << 10;

/// A long result where it lies: to copy it twice would cost more than all the rest. It is trusted
/// that nobody writes it any more; see `docs/decisions/0011-pool-of-processes.md`.
fn in_place(ring: &Ring, number: u64, shape: Shape) -> Option<&[u8]> {
    let slot = ring.slot(number);
    let (at, len) = (slot.outcome_at.get(), slot.outcome_len.get());
    if shape.is_in_file || len <= LONG {
        return None;
    }
    // SAFETY: the entry is done, and the parent has not collected it: its outcome is the parent's.
    unsafe { ring.bytes(at, len) }
}

/// The buffer for outcomes is kept up to this size.
const KEPT: usize = 4 << 20;

/// Copies an outcome into `scratch`, and gives the descriptors that are in it.
fn read(
    ring: &Ring,
    number: u64,
    shape: Shape,
    mut post: Vec<OwnedFd>,
    scratch: &mut Vec<u8>,
) -> Result<Vec<OwnedFd>, String> {
    scratch.clear();
    if shape.is_in_file {
        if post.is_empty() {
            return Err("its file has not arrived".into());
        }
        let descriptors = post.split_off(1);
        let file = post.pop().ok_or("its file has not arrived")?;
        *scratch = files::read_memory(file).map_err(|errno| errno.desc().to_owned())?;
        return Ok(descriptors);
    }
    let slot = ring.slot(number);
    // SAFETY: the entry is done, and the parent has not collected it: its outcome is the parent's.
    let bytes = unsafe { ring.bytes(slot.outcome_at.get(), slot.outcome_len.get()) };
    // Copied before anybody looks at it: what is checked must not change afterwards, and threads
    // that the job has left behind may do what they want in the worker.
    scratch.extend_from_slice(bytes.ok_or("it lies outside of the ring")?);
    Ok(post)
}

fn settle_batch(
    shared: &Arc<Shared>,
    ring: &Ring,
    number: u64,
    carried: Carried,
    shape: Shape,
    post: Result<Vec<OwnedFd>, &'static str>,
) {
    let slot = ring.slot(number);
    let Item { bytes, cargo } = carried.into_item(ring, number);
    let Cargo { work, terms, reply, baggage, .. } = cargo;
    drop(baggage);
    let Reply::Batch(reply) = reply else { return };
    let Some(progress) = slot.span.sane_progress(reply.len()) else {
        let message = "the worker's count of its outcomes makes no sense".into();
        return Reply::Batch(reply).fail(JoinError::NotDecoded { message });
    };
    let mut outcomes = Outcomes {
        count: progress.done,
        nanos: slot.ended.get().saturating_sub(slot.started.get()),
        ..Outcomes::default()
    };
    // If the descriptors of the last outcome are lost, its decoding says so.
    let lost = post.as_ref().err().copied();
    match read(ring, number, shape, post.unwrap_or_default(), &mut outcomes.bytes) {
        Ok(descriptors) => outcomes.descriptors = descriptors,
        // The last one made the file, and the others are in the ring.
        Err(message) if shape.is_in_file && progress.done > 0 => {
            let message = lost.map_or(message, str::to_owned).into();
            let error = JoinError::NotDecoded { message };
            let Some(bytes) = salvage(ring, number, progress) else {
                return Reply::Batch(reply).fail(error);
            };
            (outcomes.count, outcomes.bytes) = (progress.done - 1, bytes);
            outcomes.lost = Some(error);
        }
        Err(message) => {
            return Reply::Batch(reply).fail(JoinError::NotDecoded { message: message.into() });
        }
    }
    let mut rest = Vec::new();
    if progress.next < progress.end {
        // The worker had no room for the outcomes of these.
        let items = progress.next..progress.end;
        let (item, part) = part(shared, work, terms, &reply, items, |range| bytes.part(range));
        shared.push_again(item);
        rest.push(part);
    }
    drop(bytes);
    reply.settle(outcomes, rest);
}

/// Some items of a batch, as a batch of their own; `cut` takes their bytes out.
pub(super) fn part(
    shared: &Arc<Shared>,
    work: Work,
    terms: Terms,
    reply: &BatchReply,
    items: Range<u32>,
    cut: impl FnOnce(Range<usize>) -> Bytes<'static>,
) -> (Item, Part) {
    let start = reply.offset(items.start).unwrap_or(0);
    let bytes = cut(start..reply.offset(items.end).unwrap_or(usize::MAX));
    let offsets = reply.offsets(items);
    let len = offsets.len();
    let (pledge, job) = Pledge::new(Ticket::new(shared));
    let reply = Reply::Batch(BatchReply::new(pledge, offsets));
    let cargo = Cargo::new(work, reply, Baggage::default(), terms);
    (Item { bytes, cargo }, Part { job, len })
}

/// The outcomes of a batch that were written when its worker died.
pub(super) fn salvage(ring: &Ring, number: u64, progress: Progress) -> Option<Vec<u8>> {
    let slot = ring.slot(number);
    // SAFETY: what is counted is not written again, and lies in pages that exist.
    unsafe { ring.bytes(slot.outcome_at.get(), progress.bytes.into()) }.map(<[u8]>::to_vec)
}

//! Reading what a worker has written.

use super::bytes::Bytes;
use super::cargo::{Cargo, Item, Outcomes, Part, Terms};
use super::lane::Carried;
use super::post;
use super::reply::{BatchReply, Outcome, Reply, failure};
use super::ring::{Ring, Shape};
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

/// Where an outcome lies, and what came by post with it.
struct Found<'r> {
    bytes: std::borrow::Cow<'r, [u8]>,
    descriptors: Vec<OwnedFd>,
}

/// Reads the outcome of an entry that is done and not collected, and settles its job. Runs
/// callbacks: never under a lock.
pub(super) fn settle(
    shared: &Arc<Shared>,
    ring: &Ring,
    post: BorrowedFd<'_>,
    number: u64,
    carried: Carried,
) {
    let shape = Shape::decode(ring.slot(number).outcome.get());
    let found = find(ring, post, number, shape);
    let found = match found {
        Ok(found) => found,
        Err(message) => {
            let error = JoinError::NotDecoded { message: message.into() };
            return carried.cargo.reply.fail(error);
        }
    };
    if !carried.cargo.is_batch() {
        // Whatever is kept for the argument's journey has done its duty.
        let Cargo { reply, baggage, .. } = carried.cargo;
        drop(baggage);
        let Reply::Call(reply) = reply else { return };
        return reply.settle(if shape.is_failure {
            Outcome::Error(failure(&found.bytes))
        } else {
            Outcome::Value(&found.bytes, found.descriptors)
        });
    }
    let slot = ring.slot(number);
    let progress = slot.span.progress();
    let outcomes = Outcomes {
        count: progress.done,
        bytes: found.bytes.into_owned(),
        descriptors: found.descriptors,
        nanos: slot.ended.get().saturating_sub(slot.started.get()),
        lost: None,
    };
    let mut rest = Vec::new();
    let Item { bytes, cargo } = carried.into_item(ring, number);
    let Cargo { work, terms, reply, baggage, .. } = cargo;
    drop(baggage);
    let Reply::Batch(reply) = reply else { return };
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
    let cargo = Cargo { work, reply, baggage: Baggage::default(), terms, attempts: Vec::new() };
    (Item { bytes, cargo }, Part { job, len })
}

/// The outcomes of a batch that were written when its worker died.
pub(super) fn salvage(ring: &Ring, number: u64) -> (u32, Vec<u8>) {
    let slot = ring.slot(number);
    let progress = slot.span.progress();
    // SAFETY: the worker is dead: nobody writes any more. What is counted lies in pages that exist.
    let bytes = unsafe { ring.bytes(slot.outcome_at.get(), progress.bytes.into()) };
    bytes.map_or((0, Vec::new()), |bytes| (progress.done, bytes.to_vec()))
}

fn find<'r>(
    ring: &'r Ring,
    post: BorrowedFd<'_>,
    number: u64,
    shape: Shape,
) -> Result<Found<'r>, String> {
    let mut descriptors = if shape.has_post() { post::receive(post, number)? } else { Vec::new() };
    if shape.is_in_file {
        if descriptors.is_empty() {
            return Err("its file has not arrived".into());
        }
        let rest = descriptors.split_off(1);
        let file = descriptors.pop().ok_or("its file has not arrived")?;
        let bytes = files::read_memory(file).map_err(|errno| errno.desc().to_owned())?;
        return Ok(Found { bytes: bytes.into(), descriptors: rest });
    }
    let slot = ring.slot(number);
    // SAFETY: the entry is done, and the parent has not collected it: its outcome is the parent's.
    let bytes = unsafe { ring.bytes(slot.outcome_at.get(), slot.outcome_len.get()) };
    Ok(Found { bytes: bytes.ok_or("it lies outside of the ring")?.into(), descriptors })
}

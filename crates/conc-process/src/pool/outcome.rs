//! Reading what a worker has written.

use super::cargo::{BatchReply, Cargo, Item, Outcome, Outcomes, Part, Reply, Terms, failure};
use super::post;
use super::ring::{Ring, Shape};
use super::routine::Work;
use super::shared::Shared;
use super::ticket::{Leash, Ticket};
use crate::sys::files;
use conc_core::{JoinError, Promise};
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
    cargo: Cargo,
) {
    let shape = Shape::decode(ring.slot(number).outcome.get());
    let found = find(ring, post, number, shape);
    // Whatever is kept for the argument's journey has done its duty.
    let Cargo { work, terms, reply, baggage, .. } = cargo;
    drop(baggage);
    match (reply, found) {
        (reply, Err(message)) => {
            reply.fail(JoinError::NotDecoded { message: message.into() });
        }
        (Reply::Call(reply), Ok(found)) => reply.settle(if shape.is_failure {
            Outcome::Error(failure(&found.bytes))
        } else {
            Outcome::Value(&found.bytes, found.descriptors)
        }),
        (Reply::Batch(reply), Ok(found)) => {
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
            if progress.next < progress.end {
                // The worker had no room for the outcomes of these.
                // SAFETY: the entry's argument, which the parent wrote and has not collected.
                let argument =
                    unsafe { ring.bytes(slot.argument_at.get(), slot.argument_len.get()) };
                let items = progress.next..progress.end;
                let (item, part) =
                    part(shared, work, terms, &reply, argument.unwrap_or_default(), items);
                shared.push_again(item);
                rest.push(part);
            }
            reply.settle(outcomes, rest);
        }
    }
}

/// Some items of a batch, as a batch of their own.
pub(super) fn part(
    shared: &Arc<Shared>,
    work: Work,
    terms: Terms,
    reply: &BatchReply,
    argument: &[u8],
    items: Range<u32>,
) -> (Item, Part) {
    let end = reply.offsets.get(items.end as usize).map_or(argument.len(), |end| *end as usize);
    let (offsets, start) = reply.part(items.start, items.end);
    let ticket = Ticket::new(shared);
    let (promise, job) = Promise::with_control(Leash(Arc::clone(&ticket)));
    let len = offsets.len();
    let reply = Reply::Batch(BatchReply { promise, offsets, cut_off: Vec::new() });
    let bytes = argument.get(start..end).unwrap_or_default().to_vec();
    let cargo = Cargo { work, reply, ticket, baggage: None, terms, attempts: Vec::new() };
    let cargo = Box::new(cargo);
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

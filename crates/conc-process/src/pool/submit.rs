//! From a function and an argument to a job.

use super::cargo::{BatchReply, Cargo, Part, Reply, Terms};
use super::ring::INLINE;
use super::routine::{Routine, Work};
use super::shared::{Phase, Shared};
use super::ticket::{Leash, Ticket};
use crate::process::forked;
use crate::protocol::{Encoded, encode};
use conc_core::courier::{self, Baggage};
use conc_core::{Job, JoinError, Promise, SubmitError, Wire};
use std::sync::Arc;

/// Hands one call over.
pub(super) fn submit<C: Routine>(
    shared: &Arc<Shared>,
    routine: &C,
    argument: C::Argument,
    terms: Terms,
) -> Result<Job<C::Output>, SubmitError<C::Argument>> {
    if !shared.family.is_own() {
        return Err(SubmitError::NotStarted { work: argument, source: forked() });
    }
    let Some(work) = Work::call(routine) else {
        return Err(SubmitError::NotPortable(argument));
    };
    let mut short = [0; INLINE];
    let (bytes, baggage) = match encode_short(&argument, &mut short) {
        Some((len, baggage)) => (short.get(..len).unwrap_or_default(), baggage),
        None => match encode(&argument) {
            Ok(Encoded { bytes, baggage }) => {
                return hand_over(shared, work, &bytes, baggage, terms, argument);
            }
            Err(message) => return Err(SubmitError::NotEncoded { work: argument, message }),
        },
    };
    hand_over(shared, work, bytes, baggage, terms, argument)
}

/// Encodes a value that is short; its length.
fn encode_short<T: Wire>(value: &T, short: &mut [u8; INLINE]) -> Option<(usize, Baggage)> {
    let (written, baggage) =
        courier::packing(|| postcard::to_slice(value, short).map(|bytes| bytes.len()));
    Some((written.ok()?, baggage))
}

fn hand_over<A, R: Wire>(
    shared: &Arc<Shared>,
    work: Work,
    bytes: &[u8],
    baggage: Baggage,
    terms: Terms,
    argument: A,
) -> Result<Job<R>, SubmitError<A>> {
    let ticket = Ticket::new(shared);
    let (promise, job) = Promise::<R>::with_control(Leash(Arc::clone(&ticket)));
    let reply = Reply::Call(Box::new(promise));
    let cargo = Box::new(Cargo {
        work,
        reply,
        ticket,
        baggage: boxed(baggage),
        terms,
        attempts: Vec::new(),
    });
    match shared.accept(bytes, cargo) {
        Ok(()) => Ok(job),
        Err(cargo) => {
            // Nobody holds the job.
            cargo.reply.withdrawn();
            Err(refusal(shared, argument))
        }
    }
}

/// What travels besides bytes, if anything does.
fn boxed(baggage: Baggage) -> Option<Box<Baggage>> {
    (baggage.has_keepsakes() || !baggage.descriptors().is_empty()).then(|| Box::new(baggage))
}

/// Why a pool accepts nothing.
fn refusal<A>(shared: &Shared, argument: A) -> SubmitError<A> {
    let phase = shared.state.lock().phase.clone();
    match phase {
        Phase::Over(Some(error)) => {
            SubmitError::NotStarted { work: argument, source: std::io::Error::other(error) }
        }
        _ => SubmitError::Closed(argument),
    }
}

/// Items of a map that go out together.
pub(super) struct Load {
    pub(super) bytes: Vec<u8>,
    pub(super) offsets: Vec<u32>,
    pub(super) baggage: Baggage,
}

/// Hands a batch over.
pub(super) fn submit_batch(shared: &Arc<Shared>, work: Work, terms: Terms, load: Load) -> Part {
    let Load { bytes, offsets, baggage } = load;
    let len = offsets.len();
    let ticket = Ticket::new(shared);
    let (promise, job) = Promise::with_control(Leash(Arc::clone(&ticket)));
    let reply = Reply::Batch(BatchReply { promise, offsets, cut_off: Vec::new() });
    let cargo = Box::new(Cargo {
        work,
        reply,
        ticket,
        baggage: boxed(baggage),
        terms,
        attempts: Vec::new(),
    });
    match shared.accept(&bytes, cargo) {
        Ok(()) => Part { job, len },
        Err(cargo) => {
            cargo.reply.withdrawn();
            let error = match shared.state.lock().phase.clone() {
                Phase::Over(Some(error)) => error,
                _ => JoinError::Cancelled,
            };
            Part { job: Job::finished(Err(error)), len }
        }
    }
}

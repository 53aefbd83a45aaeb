//! From a function and an argument to a job.

use super::bytes::Bytes;
use super::cargo::{Cargo, Part, Terms};
use super::draft::Draft;
use super::reply::{BatchReply, Reply};
use super::ring::INLINE;
use super::routine::{Routine, Work};
use super::shared::Shared;
use super::ticket::Ticket;
use crate::process::forked;
use crate::protocol::too_many_descriptors;
use conc_core::courier::{self, Baggage};
use conc_core::job::Pledge;
use conc_core::{Job, JoinError, SubmitError};
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
    let mut draft = Draft::new(&shared.store, &mut short);
    let (written, baggage) = courier::packing(|| draft.append(&argument));
    if let Some(message) = refused(written, &baggage) {
        return Err(SubmitError::NotEncoded { work: argument, message });
    }
    let (pledge, job) = Pledge::new(Ticket::new(shared));
    let reply = Reply::call(pledge);
    let cargo = Cargo::new(work, reply, baggage, terms);
    match shared.accept(draft.finish(), cargo) {
        Ok(()) => Ok(job),
        Err(cargo) => {
            // Nobody holds the job.
            cargo.reply.withdrawn();
            Err(refusal(shared, argument))
        }
    }
}

/// Why an argument cannot travel, if it cannot.
pub(super) fn refused(written: postcard::Result<()>, baggage: &Baggage) -> Option<Box<str>> {
    match written {
        Ok(()) if baggage.is_empty() => None,
        Ok(()) => too_many_descriptors(baggage),
        Err(error) => Some(match baggage.error() {
            Some(cause) => format!("a descriptor in it cannot be copied: {cause}").into(),
            None => error.to_string().into(),
        }),
    }
}

/// Why a pool accepts nothing.
fn refusal<A>(shared: &Shared, argument: A) -> SubmitError<A> {
    match shared.state.lock().gave_up.clone() {
        Some(error) => {
            SubmitError::NotStarted { work: argument, source: std::io::Error::other(error) }
        }
        None => SubmitError::Closed(argument),
    }
}

/// Items of a map that go out together.
pub(super) struct Load<'a> {
    pub(super) bytes: Bytes<'a>,
    pub(super) offsets: Vec<u32>,
    pub(super) baggage: Baggage,
}

/// Hands a batch over.
pub(super) fn submit_batch(shared: &Arc<Shared>, work: Work, terms: Terms, load: Load<'_>) -> Part {
    let Load { bytes, offsets, baggage } = load;
    let len = offsets.len();
    let (pledge, job) = Pledge::new(Ticket::new(shared));
    let reply = Reply::Batch(BatchReply::new(pledge, offsets));
    let cargo = Cargo::new(work, reply, baggage, terms);
    match shared.accept(bytes, cargo) {
        Ok(()) => Part { job, len },
        Err(cargo) => {
            cargo.reply.withdrawn();
            let error = shared.state.lock().gave_up.clone().unwrap_or(JoinError::Cancelled);
            Part { job: Job::finished(Err(error)), len }
        }
    }
}

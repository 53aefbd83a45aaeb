//! Histories written by hand.

use crate::linear::{Call, History, Operation, Outcome};

/// A call of this thread.
pub(super) fn call(
    thread: usize,
    (invoked, returned): (u64, u64),
    operation: Operation,
    outcome: Outcome,
) -> Call {
    Call { thread, operation, outcome: Some(outcome), invoked, returned }
}

pub(super) fn put(thread: usize, span: (u64, u64), item: u64) -> Call {
    call(thread, span, Operation::Put(item), Outcome::Done)
}

pub(super) fn full(thread: usize, span: (u64, u64), item: u64) -> Call {
    call(thread, span, Operation::Put(item), Outcome::Full)
}

pub(super) fn refused(thread: usize, span: (u64, u64), item: u64) -> Call {
    call(thread, span, Operation::Put(item), Outcome::Closed)
}

pub(super) fn got(thread: usize, span: (u64, u64), item: u64) -> Call {
    call(thread, span, Operation::Get, Outcome::Got(item))
}

pub(super) fn empty(thread: usize, span: (u64, u64)) -> Call {
    call(thread, span, Operation::Get, Outcome::Empty)
}

pub(super) fn ended(thread: usize, span: (u64, u64)) -> Call {
    call(thread, span, Operation::Get, Outcome::Closed)
}

pub(super) fn close(thread: usize, span: (u64, u64)) -> Call {
    call(thread, span, Operation::Close, Outcome::Done)
}

/// A call that never returned.
pub(super) fn killed(thread: usize, invoked: u64, operation: Operation) -> Call {
    Call { thread, operation, outcome: None, invoked, returned: Call::NEVER }
}

pub(super) fn history<const N: usize>(calls: [Call; N]) -> History {
    History::new(calls.into())
}

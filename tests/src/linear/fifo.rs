//! First in, first out.

use super::{Call, Operation, Outcome, Specification};
use std::collections::VecDeque;

/// First in, first out, for all producers together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fifo {
    capacity: Option<usize>,
}

/// What is in a [`Fifo`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct FifoState {
    items: VecDeque<u64>,
    closed: bool,
}

impl Fifo {
    /// Holds so many items.
    #[must_use]
    pub const fn bounded(capacity: usize) -> Self {
        Self { capacity: Some(capacity) }
    }

    /// Holds any number of items.
    #[must_use]
    pub const fn unbounded() -> Self {
        Self { capacity: None }
    }
}

impl Specification for Fifo {
    type State = FifoState;

    fn start(&self) -> FifoState {
        FifoState::default()
    }

    fn step(&self, state: &FifoState, call: &Call) -> Vec<FifoState> {
        let mut state = state.clone();
        let full = self.capacity.is_some_and(|capacity| state.items.len() >= capacity);
        let right = match (call.operation, call.outcome) {
            (Operation::Put(item), None | Some(Outcome::Done)) => {
                state.items.push_back(item);
                !state.closed && !full
            }
            (Operation::Put(_), Some(Outcome::Full)) => !state.closed && full,
            (Operation::Put(_), Some(Outcome::Closed)) => state.closed,
            (Operation::Get, None) => state.items.pop_front().is_some(),
            (Operation::Get, Some(Outcome::Got(item))) => state.items.pop_front() == Some(item),
            (Operation::Get, Some(Outcome::Empty)) => !state.closed && state.items.is_empty(),
            (Operation::Get, Some(Outcome::Closed)) => state.closed && state.items.is_empty(),
            (Operation::Close, None | Some(Outcome::Done)) => {
                state.closed = true;
                true
            }
            // Nothing to this queue.
            (Operation::Ack(_) | Operation::Kill(_), None | Some(Outcome::Done)) => true,
            _ => false,
        };
        right.then_some(state).into_iter().collect()
    }
}

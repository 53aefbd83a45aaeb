//! First in, first out for each producer; nothing is said of two.

use super::{Call, Operation, Outcome, Specification};
use std::collections::{BTreeMap, VecDeque};

/// First in, first out for each producer; items of different producers in any order.
#[derive(Debug, Clone, Copy, Default)]
pub struct PerProducer {
    capacity: Option<usize>,
}

/// What is in a [`PerProducer`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PerProducerState {
    /// By producer; none is empty.
    items: BTreeMap<usize, VecDeque<u64>>,
    closed: bool,
}

impl PerProducer {
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

impl PerProducerState {
    /// Without the first item of this producer.
    fn without_first_of(&self, producer: usize) -> Self {
        let mut state = self.clone();
        let items = state.items.get_mut(&producer).expect("it has an item inside");
        items.pop_front();
        if items.is_empty() {
            state.items.remove(&producer);
        }
        state
    }
}

impl Specification for PerProducer {
    type State = PerProducerState;

    fn start(&self) -> PerProducerState {
        PerProducerState::default()
    }

    fn step(&self, state: &PerProducerState, call: &Call) -> Vec<PerProducerState> {
        let inside: usize = state.items.values().map(VecDeque::len).sum();
        let full = self.capacity.is_some_and(|capacity| inside >= capacity);
        let unchanged = |right: bool| right.then(|| state.clone()).into_iter().collect();
        match (call.operation, call.outcome) {
            (Operation::Put(item), None | Some(Outcome::Done)) if !state.closed && !full => {
                let mut state = state.clone();
                state.items.entry(call.thread).or_default().push_back(item);
                vec![state]
            }
            (Operation::Put(_), Some(Outcome::Full)) => unchanged(!state.closed && full),
            (Operation::Put(_), Some(Outcome::Closed)) => unchanged(state.closed),
            (Operation::Get, None) => {
                state.items.keys().map(|producer| state.without_first_of(*producer)).collect()
            }
            (Operation::Get, Some(Outcome::Got(item))) => state
                .items
                .iter()
                .filter(|(_, items)| items.front() == Some(&item))
                .map(|(producer, _)| state.without_first_of(*producer))
                .collect(),
            (Operation::Get, Some(Outcome::Empty)) => unchanged(!state.closed && inside == 0),
            (Operation::Get, Some(Outcome::Closed)) => unchanged(state.closed && inside == 0),
            (Operation::Close, None | Some(Outcome::Done)) => {
                vec![PerProducerState { closed: true, ..state.clone() }]
            }
            // Nothing to this queue.
            (Operation::Ack(_) | Operation::Kill(_), None | Some(Outcome::Done)) => unchanged(true),
            _ => Vec::new(),
        }
    }
}

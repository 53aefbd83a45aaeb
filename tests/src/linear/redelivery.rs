//! At least once: what a dead consumer had not acknowledged comes again.

use super::{Call, Operation, Outcome, Specification};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// First in, first out, and at least once: a got item is leased until it is acknowledged, and comes
/// again, at any place in the order, if its holder is killed before that. Leased items count
/// towards the capacity. Items must differ.
#[derive(Debug, Clone, Copy, Default)]
pub struct Redelivery {
    capacity: Option<usize>,
}

/// What is in a [`Redelivery`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RedeliveryState {
    items: VecDeque<u64>,
    /// Who holds what.
    leased: BTreeMap<u64, usize>,
    dead: BTreeSet<usize>,
    closed: bool,
}

impl Redelivery {
    /// Holds so many items, leased ones included.
    #[must_use]
    pub const fn bounded(capacity: usize) -> Self {
        Self { capacity: Some(capacity) }
    }

    /// Holds any number of items.
    #[must_use]
    pub const fn unbounded() -> Self {
        Self { capacity: None }
    }

    fn is_full(self, state: &RedeliveryState) -> bool {
        let inside = state.items.len() + state.leased.len();
        self.capacity.is_some_and(|capacity| inside >= capacity)
    }
}

impl RedeliveryState {
    fn is_orphan(&self, item: u64) -> bool {
        self.leased.get(&item).is_some_and(|holder| self.dead.contains(holder))
    }

    /// All ways to lease an item to `holder`.
    fn leases(&self, holder: usize) -> Vec<(u64, Self)> {
        let orphans = self.leased.keys().copied().filter(|item| self.is_orphan(*item));
        let available = self.items.front().copied().into_iter().chain(orphans);
        let lease = |item| {
            let mut state = self.clone();
            if state.items.front() == Some(&item) {
                state.items.pop_front();
            }
            state.leased.insert(item, holder);
            (item, state)
        };
        available.map(lease).collect()
    }
}

impl Specification for Redelivery {
    type State = RedeliveryState;

    fn start(&self) -> RedeliveryState {
        RedeliveryState::default()
    }

    fn step(&self, state: &RedeliveryState, call: &Call) -> Vec<RedeliveryState> {
        let full = self.is_full(state);
        let mut next = state.clone();
        let right = match (call.operation, call.outcome) {
            (Operation::Get, None) => {
                return state.leases(call.thread).into_iter().map(|(_, state)| state).collect();
            }
            (Operation::Get, Some(Outcome::Got(got))) => {
                let leases = state.leases(call.thread).into_iter();
                return leases.filter(|(item, _)| *item == got).map(|(_, state)| state).collect();
            }
            (Operation::Put(item), None | Some(Outcome::Done)) => {
                next.items.push_back(item);
                !state.closed && !full
            }
            (Operation::Put(_), Some(Outcome::Full)) => !state.closed && full,
            (Operation::Put(_), Some(Outcome::Closed)) => state.closed,
            // What the dead held need not have been found yet.
            (Operation::Get, Some(Outcome::Empty)) => {
                let may_come = !state.closed || !state.leased.is_empty();
                may_come && state.items.is_empty()
            }
            (Operation::Get, Some(Outcome::Closed)) => {
                state.closed && state.items.is_empty() && state.leased.is_empty()
            }
            (Operation::Close, None | Some(Outcome::Done)) => {
                next.closed = true;
                true
            }
            (Operation::Ack(item), None | Some(Outcome::Done)) => {
                next.leased.remove(&item) == Some(call.thread)
            }
            (Operation::Kill(thread), None | Some(Outcome::Done)) => {
                next.dead.insert(thread);
                true
            }
            _ => false,
        };
        right.then_some(next).into_iter().collect()
    }
}

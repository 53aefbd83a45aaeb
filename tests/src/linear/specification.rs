//! What is right, one call after the other.

use super::Call;
use std::hash::Hash;

/// What is right when one thing happens after the other.
pub trait Specification {
    /// All that decides what comes next.
    type State: Clone + Eq + Hash;

    /// Before the first call.
    fn start(&self) -> Self::State;

    /// The states in which `call`, in `state`, leaves the queue: none, if it cannot end as it did
    /// there. Of a call that never returned: those in which it may leave the queue once it has had
    /// its effect. That it has none is known without asking.
    fn step(&self, state: &Self::State, call: &Call) -> Vec<Self::State>;
}

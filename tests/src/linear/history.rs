//! Who called what, when, and what came of it.

use super::{Call, Scribe};
use std::fmt;

/// Who called what, when, and what came of it; by the begin of the calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    calls: Vec<Call>,
}

impl History {
    /// A history of these calls, in any order.
    ///
    /// # Panics
    ///
    /// If a call returns before it begins, returns without an outcome, or has one without returning.
    #[must_use]
    pub fn new(mut calls: Vec<Call>) -> Self {
        calls.sort_by_key(|call| call.invoked);
        for call in &calls {
            assert!(call.invoked <= call.returned, "{call}: it ends before it begins");
            let returns = call.returned != Call::NEVER;
            assert_eq!(call.outcome.is_some(), returns, "{call}: an outcome or none?");
        }
        Self { calls }
    }

    /// What these have written.
    pub fn of<'a, I: IntoIterator<Item = Scribe<'a>>>(scribes: I) -> Self {
        Self::new(scribes.into_iter().flat_map(Scribe::into_calls).collect())
    }

    /// All calls, by their begin.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.calls.iter().try_for_each(|call| writeln!(f, "{call}"))
    }
}

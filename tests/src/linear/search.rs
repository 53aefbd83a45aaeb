//! Looks for an order that explains a history.
//!
//! The algorithm of Wing and Gong ("Testing and verifying concurrent objects", Journal of Parallel
//! and Distributed Computing 17, 1993): choose a call that no call left is before, let the
//! specification do it, go on; if it cannot be done, try another. With Lowe's memory ("Testing for
//! linearizability", Concurrency and Computation 29, 2017): whichever way led to the same set of
//! calls and the same state, what follows is the same, so each such pair is tried once.

use super::{Call, History, Specification};
use std::collections::HashSet;
use std::fmt;

/// No order explains the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotLinearizable {
    /// The longest order that explains a part of it.
    pub explained: Vec<Call>,
    /// The calls of which one had to come next.
    pub stuck: Vec<Call>,
}

impl fmt::Display for NotLinearizable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "no order explains what happened; the longest of a part of it is")?;
        self.explained.iter().try_for_each(|call| writeln!(f, "  {call}"))?;
        writeln!(f, "after which none of these is right:")?;
        self.stuck.iter().try_for_each(|call| writeln!(f, "  {call}"))
    }
}

impl std::error::Error for NotLinearizable {}

/// An order of the calls in which `specification` gives the answers of the history; calls that
/// never returned may be left out.
///
/// # Errors
///
/// If there is no such order.
pub fn linearize<S: Specification>(
    specification: &S,
    history: &History,
) -> Result<Vec<Call>, NotLinearizable> {
    Search::new(specification, history.calls()).run()
}

/// Which calls have been given their place.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Placed(Box<[u64]>);

struct Search<'a, S: Specification> {
    specification: &'a S,
    /// By their begin.
    calls: &'a [Call],
    placed: Placed,
    /// Calls that returned and have no place yet.
    left: usize,
    order: Vec<usize>,
    longest: Vec<usize>,
    tried: HashSet<(Placed, S::State)>,
}

impl Placed {
    fn toggle(&mut self, call: usize) {
        self.0[call / 64] ^= 1 << (call % 64);
    }

    /// Those without a place, in order.
    fn others(&self, calls: usize) -> impl Iterator<Item = usize> {
        let words = self.0.iter().enumerate().filter(|(_, word)| **word != u64::MAX);
        words
            .flat_map(|(at, word)| {
                (0..64).filter(move |bit| word & 1 << bit == 0).map(move |bit| at * 64 + bit)
            })
            .take_while(move |call| *call < calls)
    }
}

impl<'a, S: Specification> Search<'a, S> {
    fn new(specification: &'a S, calls: &'a [Call]) -> Self {
        Self {
            specification,
            calls,
            placed: Placed(vec![0; calls.len() / 64 + 1].into()),
            left: calls.iter().filter(|call| call.outcome.is_some()).count(),
            order: Vec::new(),
            longest: Vec::new(),
            tried: HashSet::new(),
        }
    }

    /// Depth first, with a stack of our own: histories are longer than threads' stacks are deep.
    fn run(mut self) -> Result<Vec<Call>, NotLinearizable> {
        let mut stack = vec![self.choices(&self.specification.start()).into_iter()];
        while self.left > 0 {
            let Some(choices) = stack.last_mut() else { return Err(self.refusal()) };
            match choices.next() {
                Some((call, state)) => {
                    self.place(call);
                    // The pair is stored before it is known where it leads: back here, it led nowhere.
                    if self.tried.insert((self.placed.clone(), state.clone())) {
                        stack.push(self.choices(&state).into_iter());
                    } else {
                        self.take_back();
                    }
                }
                None => {
                    stack.pop();
                    if !stack.is_empty() {
                        self.take_back();
                    }
                }
            }
        }
        Ok(self.named(&self.order))
    }

    /// Calls that may be next: no other without a place is before them.
    fn next(&self) -> Vec<usize> {
        let mut first_end = Call::NEVER;
        let mut next = Vec::new();
        for call in self.placed.others(self.calls.len()) {
            // Later ones begin later, and cannot end before this one begins.
            if self.calls[call].invoked > first_end {
                break;
            }
            first_end = first_end.min(self.calls[call].returned);
            next.push(call);
        }
        next
    }

    fn choices(&self, state: &S::State) -> Vec<(usize, S::State)> {
        let step = |call| {
            let states = self.specification.step(state, &self.calls[call]);
            states.into_iter().map(move |state| (call, state))
        };
        self.next().into_iter().flat_map(step).collect()
    }

    fn place(&mut self, call: usize) {
        self.placed.toggle(call);
        self.left -= usize::from(self.calls[call].outcome.is_some());
        self.order.push(call);
        if self.order.len() > self.longest.len() {
            self.longest.clone_from(&self.order);
        }
    }

    fn take_back(&mut self) {
        let call = self.order.pop().expect("what is taken back was placed");
        self.placed.toggle(call);
        self.left += usize::from(self.calls[call].outcome.is_some());
    }

    fn refusal(mut self) -> NotLinearizable {
        self.longest.clone().into_iter().for_each(|call| self.placed.toggle(call));
        let (explained, stuck) = (self.named(&self.longest), self.named(&self.next()));
        NotLinearizable { explained, stuck }
    }

    fn named(&self, order: &[usize]) -> Vec<Call> {
        order.iter().map(|call| self.calls[*call]).collect()
    }
}

//! Is what a queue did under many threads something that it could have done under one?
//!
//! A [`History`] says who called what, when, and what came of it; [`Clock`] and [`Scribe`] record
//! it. A history is *linearizable* if each call can be given a moment between its begin and its end
//! so that, in the order of these moments, a sequential queue gives the same answers (Herlihy and
//! Wing, "Linearizability: a correctness condition for concurrent objects", 1990). A call that
//! never returned, because its thread was killed, may have such a moment or none.
//!
//! | to | use |
//! |---|---|
//! | judge a history exactly, some hundred calls | [`linearize`] |
//! | look for what no queue may do, in millions of calls | [`screen`] |
//! | say what is right | [`Fifo`], [`PerProducer`], [`Redelivery`], or a [`Specification`] |
//!
//! # When to use which
//!
//! The search takes exponential time in the worst case, that is in the number of calls that overlap;
//! it finds everything. The screen takes `n log n`, and what it finds is a violation for certain. For
//! first in, first out without limit, closing and kills it finds everything, too (Henzinger, Sezgin
//! and Vafeiadis, "Aspect-oriented linearizability proofs", 2013).

mod call;
mod fifo;
mod history;
mod per_producer;
mod redelivery;
mod screen;
mod scribe;
mod search;
mod specification;
#[cfg(test)]
mod tests;

pub use call::{Call, Operation, Outcome};
pub use fifo::{Fifo, FifoState};
pub use history::History;
pub use per_producer::{PerProducer, PerProducerState};
pub use redelivery::{Redelivery, RedeliveryState};
pub use screen::{Order, Rules, Violation, screen};
pub use scribe::{Clock, Scribe, outcome_of_get, outcome_of_put};
pub use search::{NotLinearizable, linearize};
pub use specification::Specification;

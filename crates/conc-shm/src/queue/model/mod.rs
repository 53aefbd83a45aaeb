//! Every history of the protocol, with a death or a stop before every access.
//!
//! The model has no second description of the protocol that could drift from the first: a process
//! of the model calls the very functions that run on a segment, over a memory that lets it make
//! one access at a time. Between two accesses any other process may run, die, or stop for ever.
//!
//! | file | holds |
//! |---|---|
//! | [`world`] | memory, processes, what the judge knows |
//! | [`replay`] | the memory that halts a process after one access |
//! | [`steps`] | what producers, consumers, survivors and closers do, one phase a call |
//! | [`chains`] | the same for messages in chunks |
//! | [`judge`] | what may never happen |
//! | [`search`] | all states, and whether each of them can still come to a good end |
//! | [`flaws`] | broken variants that must be found out |
//! | [`cases`] | the tests |
//!
//! # How one access at a time works
//!
//! What a process does between two shared accesses depends only on the phase that it is in and on
//! what its accesses of this phase have answered so far. So a process is stored as its phase and
//! these answers; to go on, the phase's function is run anew, is given the old answers, and is
//! halted after one new access.
//!
//! # What is judged
//!
//! In every state: nothing is delivered twice or torn, nothing overtakes a message that had been
//! put before it, nothing comes from nowhere, "empty" and "closed" are true at some moment of the
//! call. From every state: the survivors can, without another death, bring everything that was
//! put to somebody and free every place.

#![expect(clippy::vec_box, reason = "worlds are large, and moved from list to list")]

mod cases;
mod chains;
mod flaws;
mod judge;
mod replay;
mod search;
mod steps;
mod world;

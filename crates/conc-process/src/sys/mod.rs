//! The system below: the only module of this crate that names system calls.
//!
//! | file | holds |
//! |---|---|
//! | `image` | where the main executable lies in memory, and what belongs to it |
//! | `socket` | pairs of sockets that keep the borders of messages and carry descriptors |
//! | `pidfd` | handles of processes: open, signal, wait |
//! | `files` | anonymous files, pipes, `/dev/null`, closing and moving descriptors |
//! | `signals` | masks, dispositions, the descriptor that tells of dead children |
//! | `crash` | what a dying process can still say |
//! | `fork` | fork, reap, exit, what a child does with itself first |
//! | `surroundings` | what a child inherits from its parent, read in one go |
//! | `poll` | wait for descriptors until a deadline |
//! | `readiness` | wait for many descriptors at once, each known by a token |
//! | `bell` | wakes a thread that polls |
//! | `clock` | the clock that all processes share |
//! | `memory` | how much memory processes use |
//! | `one_way` | memory that one process writes and others only read |
//! | `tree` | ends all that a process has started |

pub(crate) mod bell;
pub(crate) mod clock;
pub(crate) mod crash;
pub(crate) mod files;
pub(crate) mod fork;
pub(crate) mod image;
pub(crate) mod memory;
pub(crate) mod one_way;
pub(crate) mod pidfd;
pub(crate) mod poll;
pub(crate) mod readiness;
pub(crate) mod signals;
pub(crate) mod socket;
pub(crate) mod surroundings;
pub(crate) mod tree;

//! The system below: the only module of this crate that names system calls.
//!
//! | file | holds |
//! |---|---|
//! | `file` | anonymous and named files of memory, their seals, their pages |
//! | `available` | how much memory is left for this process |
//! | `mapping` | a file seen as memory |
//! | `process` | pidfds, start times, namespaces |
//! | `fork_mark` | is this process still the one that it was? |
//! | `barrier` | a fence whose one half costs nothing |
//! | `bell` | wakes a thread that polls |
//! | `poll` | wait for many descriptors |
//! | `signals` | threads that take no signals |
//! | `random` | random bits |

pub(crate) mod available;
pub(crate) mod barrier;
pub(crate) mod bell;
pub(crate) mod file;
pub(crate) mod fork_mark;
pub(crate) mod mapping;
pub(crate) mod poll;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod signals;

//! A search of all states of small rings: each access of each process in every order, deaths
//! before any of them, and the store buffers of processors.
//!
//! Stores wait in their process's buffer until it is drained, one by one, at any later time; reads
//! find their own. Exchanges drain the own buffer, the heavy fence the owner's, the light one
//! nothing: this is x86-64, where the compiler keeps the order of the program. The pause before a
//! sleep drains everybody's, too: that it is long enough is presumed. What weaker processors do
//! beyond that is loom's affair (`models`).
//!
//! | file | holds |
//! |---|---|
//! | `world` | memory, processes, and what they are there for |
//! | `view` | the memory of one process: one access at a time, and a store buffer |
//! | `steps` | the calls of the protocol, as the handles make them |
//! | `judge` | what may never happen |
//! | `search` | all states |
//! | `cases` | the tests |

mod cases;
mod judge;
mod search;
mod steps;
mod view;
mod world;

//! Who judges the judges.
//!
//! | file | what it is about |
//! |---|---|
//! | `script` | histories written by hand |
//! | `good`, `bad` | what must pass, what must be refused |
//! | `killed` | calls that never returned |
//! | `specifications` | what the three specifications allow |
//! | `brute` | all orders, one after the other |
//! | `random` | random histories, broken at random, judged by all of them |
//! | `recorded` | what a scribe writes |

mod bad;
mod brute;
mod good;
mod killed;
mod random;
mod recorded;
mod script;
mod specifications;

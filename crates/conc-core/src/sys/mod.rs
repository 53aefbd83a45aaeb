//! The system below: only `sys` modules of this family name system calls.

pub mod futex;

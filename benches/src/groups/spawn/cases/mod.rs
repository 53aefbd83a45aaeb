//! The work of each case, its metrics and its check.
//!
//! Each file has the `NAME` of its case and `measure`, which runs in the contender's own process
//! and is given a contender's way to start a process and to get its result.

pub(super) mod cold;
pub(super) mod memory;
pub(super) mod parent;
pub(super) mod prefork;

use crate::harness::{Case, Metric, Unit};

/// From the call that starts a process to the result in the caller's hands.
const START_TO_RESULT: Metric = Metric::new("start_to_result", Unit::Microseconds);

/// Every case, still without contenders.
pub(super) fn all() -> Vec<Case> {
    vec![
        parent::TEN_MB.case(),
        parent::ONE_GB.case(),
        cold::case(),
        prefork::case(),
        memory::case(),
    ]
}

/// The smallest job of all: what is measured is everything around it.
pub(super) fn same(number: u32) -> u32 {
    number
}

//! The work of each case, its metrics and its check.
//!
//! Each file has the `NAME` of its case, how many jobs it has, and `measure`: repeats a
//! contender's way to do the work under the clock and panics if a result is wrong.

pub(in crate::groups) mod heavy;
pub(in crate::groups) mod nested;
pub(in crate::groups) mod skewed;
pub(in crate::groups) mod tiny_map;
pub(in crate::groups) mod tiny_submit;

use crate::harness::Case;

/// Every case, still without contenders.
pub(super) fn all() -> Vec<Case> {
    vec![tiny_submit::case(), tiny_map::case(), heavy::case(), skewed::case(), nested::case()]
}

/// The smallest job of all: what is measured is everything around it.
pub(in crate::groups) fn square(number: u64) -> u64 {
    number * number
}

/// The sum of the squares of all numbers below `limit`.
fn sum_of_squares(limit: u64) -> u64 {
    (0..limit).map(square).sum()
}

//! The work of the cases that only this group has; the others are `thread_pool`'s.

pub(super) mod idle;
pub(super) mod payload;
pub(super) mod recovery;

use super::super::thread_pool::cases::{heavy, skewed, tiny_map, tiny_submit};
use crate::harness::Case;

/// Every case, still without contenders.
pub(super) fn all() -> Vec<Case> {
    vec![
        tiny_map::case(),
        tiny_submit::case(),
        heavy::case(),
        skewed::case(),
        payload::case(),
        recovery::case(),
        idle::case(),
    ]
}

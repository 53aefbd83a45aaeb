//! Pools of two processes: how dear is a job, how well is the work spread, what does a death cost,
//! and what does it cost that the pool is there?
//!
//! | file or folder | holds |
//! |---|---|
//! | `cases` | the work of the cases that only this group has; the others are `thread_pool`'s |
//! | `conc`, `threads`, `rayon`, `procspawn`, `cpython`, `limits` | one contender each |
//!
//! What was set out to be reached (two workers; rivals in the same run):
//!
//! | case | target |
//! |---|---|
//! | `tiny_map` | at most 50 ns a job |
//! | `tiny_submit` | at most 800 ns a job |
//! | `heavy` | at most 1.03 x `rayon` |
//! | `skewed` | at most 1.1 x ideal |
//! | `payload_1mib` | at most 2.5 x `limit_memcpy`, which copies the argument once and the result once |
//! | `recovery` | is reported |
//! | `idle` | no CPU time that can be measured |

mod cases;
mod conc;
mod cpython;
mod limits;
#[cfg(feature = "rivals")]
mod procspawn;
#[cfg(feature = "rayon")]
mod rayon;
mod threads;

use super::thread_pool::cases::{heavy, skewed, tiny_map, tiny_submit};
use crate::harness::{Contender, Group};

/// Of every pool.
const WORKERS: usize = 2;

/// The group with all its contenders.
pub(crate) fn group() -> Group {
    let mut group = Group {
        name: "pool",
        about: "pools of two processes, started before the clock",
        cases: cases::all(),
    };
    limits::register(&mut group);
    conc::register(&mut group);
    threads::register(&mut group);
    rivals(&mut group);
    cpython::register(&mut group);
    group
}

/// Rivals from crates.io. One that is not built in is listed all the same.
fn rivals(group: &mut Group) {
    #[cfg(feature = "rayon")]
    rayon::register(group);
    #[cfg(feature = "rivals")]
    procspawn::register(group);
    if !cfg!(feature = "rayon") {
        for case in [tiny_map::NAME, heavy::NAME, skewed::NAME, cases::idle::NAME] {
            group.add(case, Contender::absent("rayon", "built without the feature `rayon`"));
        }
    }
    if !cfg!(feature = "rivals") {
        let reason = "built without the feature `rivals`";
        let own = [cases::payload::NAME, cases::recovery::NAME, cases::idle::NAME];
        for case in own.into_iter().chain([tiny_submit::NAME]) {
            group.add(case, Contender::absent("procspawn", reason));
        }
    }
}

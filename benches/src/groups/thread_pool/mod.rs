//! Pools of two threads: how dear is a job, and how well is the work spread?
//!
//! | file or folder | holds |
//! |---|---|
//! | `cases` | the work of each case, its metrics and its check |
//! | `conc`, `rayon`, `threadpool`, `rusty_pool`, `chili`, `cpython`, `limits` | one contender each |
//! | `spin` | jobs that are busy for a given time |
//! | `tally` | how fire-and-forget pools collect results |
//!
//! What was set out to be reached (two workers; rivals in the same run):
//!
//! | case | target |
//! |---|---|
//! | `tiny_submit` | at most 0.75 x `threadpool` |
//! | `tiny_map` | at most 4 x `rayon`, which wins by design: its jobs are no objects |
//! | `heavy` | at most 1.03 x `rayon` |
//! | `skewed` | at most 1.1 x ideal |
//! | `nested` | completes; peak threads and stack are reported |

pub(super) mod cases;
#[cfg(feature = "rivals")]
mod chili;
mod conc;
mod cpython;
mod limits;
#[cfg(feature = "rayon")]
mod rayon;
#[cfg(feature = "rivals")]
mod rusty_pool;
mod spin;
#[cfg(any(feature = "rayon", feature = "threadpool"))]
mod tally;
#[cfg(feature = "threadpool")]
mod threadpool;

use crate::harness::{Contender, Group};

/// Of every pool.
const WORKERS: usize = 2;

/// The group with all its contenders.
pub(crate) fn group() -> Group {
    let mut group = Group {
        name: "thread_pool",
        about: "pools of two threads, started before the clock",
        cases: cases::all(),
    };
    limits::register(&mut group);
    conc::register(&mut group);
    rivals(&mut group);
    cpython::register(&mut group);
    group
}

/// Rivals from crates.io. One that is not built in is listed all the same.
fn rivals(group: &mut Group) {
    #[cfg(feature = "rayon")]
    rayon::register(group);
    #[cfg(feature = "threadpool")]
    threadpool::register(group);
    #[cfg(feature = "rivals")]
    rusty_pool::register(group);
    #[cfg(feature = "rivals")]
    chili::register(group);

    let names: Vec<_> = group.cases.iter().map(|case| case.name).collect();
    if !cfg!(feature = "rayon") {
        absent(group, "rayon", &names, "built without the feature `rayon`");
    }
    if !cfg!(feature = "threadpool") {
        absent(group, "threadpool", &names, "built without the feature `threadpool`");
    }
    if !cfg!(feature = "rivals") {
        let reason = "built without the feature `rivals`";
        absent(group, "rusty_pool", &names, reason);
        absent(group, "chili", &[cases::nested::NAME], reason);
    }
}

fn absent(group: &mut Group, name: &'static str, cases: &[&str], reason: &'static str) {
    for case in cases {
        group.add(case, Contender::absent(name, reason));
    }
}

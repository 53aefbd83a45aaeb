//! Starting a process for a job: how long until its result is here?
//!
//! | file or folder | holds |
//! |---|---|
//! | `cases` | the work of each case, its metrics and its check |
//! | `conc`, `procspawn`, `cpython`, `limits` | one contender each |
//! | `ballast` | memory that makes a parent big |
//! | `proc` | what `/proc` tells about a process |
//!
//! All contenders run in processes of their own: what a start costs depends on who starts.
//!
//! What was set out to be reached (medians; rivals in the same run):
//!
//! | case | target |
//! |---|---|
//! | `parent_10mb` | at most 0.8 x `limit_fork_wait`, sustained; at most 0.25 x `procspawn` |
//! | `parent_1gb` | at most 0.05 x `limit_fork_wait`; at most 0.25 x `procspawn` |
//! | `cold`, `prefork`, `memory` | are reported |

mod ballast;
mod cases;
mod conc;
mod cpython;
mod limits;
mod proc;
#[cfg(feature = "rivals")]
mod procspawn;

use crate::harness::{Contender, Group};

/// The group with all its contenders.
pub(crate) fn group() -> Group {
    let mut group = Group {
        name: "spawn",
        about: "a process for a job that does nothing",
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
    #[cfg(feature = "rivals")]
    procspawn::register(group);
    if !cfg!(feature = "rivals") {
        use cases::{cold, memory, parent};

        for case in [parent::TEN_MB.name, parent::ONE_GB.name, cold::NAME, memory::NAME] {
            group.add(case, Contender::absent("procspawn", "built without the feature `rivals`"));
        }
    }
    let reason = "Process::spawn forks when it is called and holds no children ready";
    group.add(cases::prefork::NAME, Contender::absent("conc_fork_server", reason));
}

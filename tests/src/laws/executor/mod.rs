//! Laws of executors.
//!
//! | file | what it is about |
//! |---|---|
//! | `once` | every job runs once, and its result comes back |
//! | `map` | maps give what the inline executor gives |
//! | `lazy` | maps take no more of their items than they need |
//! | `failure` | a panic stays with its job |
//! | `wait` | waits end when the job does, and not before |
//! | `cancel` | what is cancelled never runs |
//! | `callback` | callbacks run once, in order |
//! | `future` | jobs are futures |
//! | `close` | shut down, shut down now, drop |
//! | `several` | waiting for several jobs, of several executors |
//! | `crowd` | many threads submit, others close |
//! | `parallel` | how much runs at the same moment |
//! | `nesting` | jobs that submit jobs |
//! | `force` | jobs that abort or are killed |

mod callback;
mod cancel;
mod close;
mod crowd;
mod failure;
mod force;
mod future;
mod lazy;
mod map;
mod nesting;
mod once;
mod parallel;
mod several;
mod wait;

use super::{Law, Make, Verdicts, judge};
use conc_core::Executor;

/// An executor that can be judged: threads share it.
pub trait Subject: Executor + Send + Sync + 'static {}

impl<E: Executor + Send + Sync + 'static> Subject for E {}

/// All laws of executors.
#[must_use]
pub fn executor_laws<E: Subject>() -> Vec<Law<E>> {
    [
        once::laws(),
        map::laws(),
        lazy::laws(),
        failure::laws(),
        wait::laws(),
        cancel::laws(),
        callback::laws(),
        future::laws(),
        close::laws(),
        several::laws(),
        crowd::laws(),
        parallel::laws(),
        nesting::laws(),
        force::laws(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Holds the executors that `make` makes to all laws that apply to them.
pub fn judge_executor<E: Subject>(name: &str, make: Make<'_, E>) -> Verdicts {
    judge(name, make().capabilities(), executor_laws(), make)
}

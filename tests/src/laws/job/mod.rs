//! Laws of jobs, wherever they come from.
//!
//! | file | what it is about |
//! |---|---|
//! | `source` | [`JobSource`]: how jobs come to be; [`Lever`]: what moves them on |
//! | `sources` | promises kept by hand, packages run on a thread, the inline executor |
//! | `stage` | pending, running, finished or cancelled, and no way back |
//! | `result` | the result is there once, and goes away once |
//! | `wait` | whoever waits is woken, and not before the end |
//! | `callback` | callbacks run once, in order, in the thread that ends the job |
//! | `future` | jobs are futures |
//! | `race` | two things at once, many times |

mod callback;
mod future;
mod race;
mod result;
mod source;
mod sources;
mod stage;
mod wait;

pub use source::{JobSource, Lever, Outcome, ScriptedLever, scripted};
pub use sources::{InlineJobs, PackagedJobs, PromisedJobs};

use super::{Law, Make, Verdicts, judge};

/// All laws of jobs.
#[must_use]
pub fn job_laws<S: JobSource>() -> Vec<Law<S>> {
    [stage::laws(), result::laws(), wait::laws(), callback::laws(), future::laws(), race::laws()]
        .into_iter()
        .flatten()
        .collect()
}

/// Holds the jobs of a source to all laws that apply to them.
pub fn judge_jobs<S: JobSource>(name: &str, make: Make<'_, S>) -> Verdicts {
    judge(name, make().capabilities(), job_laws(), make)
}

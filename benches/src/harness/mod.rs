//! What measures, and knows nothing of what is measured.
//!
//! | file | holds |
//! |---|---|
//! | `registry` | [`Group`], [`Case`], [`Contender`]: what there is to measure, as data |
//! | `select` | [`Selection`]: which of it the command line asks for |
//! | `list` | what `--list` shows |
//! | `metric` | [`Metric`], [`Sample`]: what a number means |
//! | `bench` | [`Bench`]: repeats a piece of work under the clock |
//! | `timing` | [`Timing`]: what came out of that |
//! | `cpu_time` | the CPU time of this process |
//! | `disturbance` | how much of the machine others used meanwhile |
//! | `watchdog` | ends the program if a contender hangs |
//! | `rounds` | [`run_case`]: warm-up, interleaved rounds, repeats of disturbed runs |
//! | `report` | [`Report`]: the rounds of one case, summed up |
//! | `figure` | the JSON line of a figure |
//! | `table` | the table of a case |
//! | `python` | contenders that run in CPython |
//! | `own_process` | contenders that need a process of their own |
//! | `offspring` | runs programs, and outlives all that they have started |
//! | `descent` | who has started whom |

mod bench;
mod cpu_time;
#[cfg(target_os = "linux")]
mod descent;
mod disturbance;
mod figure;
mod list;
mod metric;
mod offspring;
mod own_process;
mod python;
mod registry;
mod report;
mod rounds;
mod select;
mod table;
mod timing;
mod watchdog;

pub(crate) use bench::{Bench, Jobs, Scale};
#[cfg(target_os = "linux")]
pub(crate) use descent::children_of;
pub(crate) use list::write_list;
pub(crate) use metric::{Metric, Sample, Unit};
pub(crate) use own_process::{asked_for, play, repeat};
pub(crate) use python::Script;
pub(crate) use registry::{Case, Contender, Entry, Group, Missing, Outcome};
pub(crate) use report::{Report, Round, Row};
pub(crate) use rounds::{Plan, run_case};
pub(crate) use select::{Selected, Selection, UsageError};
pub(crate) use timing::{PerJob, Timing};

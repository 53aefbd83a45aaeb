//! A worker's death at every instruction.
//!
//! A pool of one worker is given work while its worker, which slept, stands still under the eyes
//! of a tracer. The worker goes on for so many instructions and is killed where it stands; then the
//! pool is judged by what it says, and by what the jobs themselves wrote down in memory that all
//! processes have ([`Diary`]).
//!
//! One run is recorded ([`Route`]): the address of every instruction from the wake-up until the
//! worker sleeps again. Others need not be stepped from the beginning: they run up to a breakpoint
//! at an instruction that the route passes there for the first time, and take single steps from
//! there. So a kill costs hardly more than the new worker, wherever it is. Every worker has had
//! the same history when it is its turn, so that nearly all runs are the same; one that leaves the
//! route is judged like the others, but its place is not counted.
//!
//! Large scenes try a part of the steps, another one each time, and all that are near to one at which
//! something changes; so does a machine that is busy with something else. `CONC_STEPS=all` asks for a
//! death at every instruction, however long that takes.
//!
//! | file | holds |
//! |---|---|
//! | `victim` | a process that takes one instruction at a time |
//! | `route` | the recorded run |
//! | `diary` | what jobs write down |
//! | `scene` | where to kill |
//! | `verdict` | what must be true afterwards |

mod diary;
mod route;
mod scene;
mod verdict;
mod victim;

pub(crate) use diary::{begun, ended};
pub(crate) use scene::{Pending, Scene, all};

use diary::Diary;
use route::Route;
use verdict::{Fate, Seen, Verdict};
use victim::{Step, Victim, asleep};

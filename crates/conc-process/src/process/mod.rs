//! One process: start it, talk about it, wait for it, end it.
//!
//! | file | holds |
//! |---|---|
//! | `handle` | [`Process`] |
//! | `builder` | [`Builder`], [`StartMethod`] |
//! | `stdio` | [`Stdio`]: where the standard streams of a process lead |
//! | `fork` | processes that are copies of the caller |
//! | `job` | a process as a `Job` |
//! | `reception` | what has arrived about one child |
//! | `custody` | what is kept while an argument is on its way |
//! | `status` | [`ExitStatus`] |
//! | `stderr`, `symbols` | what a crash report is made of |
//! | `around` | [`current`], [`parent`], [`children`], [`cpu_count`] |
//! | `scope` | [`scope`]: nothing outlives it |
//! | `isolate` | [`isolate`]: one call in a process of its own |

mod around;
mod builder;
mod custody;
mod fork;
mod handle;
mod isolate;
mod job;
mod reception;
mod scope;
mod status;
mod stderr;
mod stdio;
mod symbols;

pub use around::{
    ChildProcess, CurrentProcess, ParentProcess, children, cpu_count, current, parent, take_passed,
};
pub use builder::{Builder, StartMethod};
pub use handle::Process;
pub(crate) use handle::forked;
pub use isolate::{IsolateError, isolate};
pub(crate) use reception::{Launching, Reception};
pub use scope::{Scope, scope};
pub use status::ExitStatus;
pub use stdio::Stdio;

//! Memory that processes share, and that survives their death.
//!
//! | to | use |
//! |---|---|
//! | pass items between processes, any number on each side | [`queue`] |
//! | between two, as fast as it goes | [`ring`] |
//! | share memory | [`Segment`] |
//! | pass messages between two processes as fast as it goes | [`ring`] |
//! | know who else does, and who has died | [`Members`], [`Recover`] |
//! | count on somebody who is not there yet | [`Ticket`] |
//!
//! # How it works
//!
//! A segment is a sealed, anonymous file of memory: nobody can change its length, it has no name
//! unless one is asked for, and it is gone with the last process that holds it. Its first pages
//! hold the facts that whoever attaches checks, and a table of its *members*: the processes that
//! have attached it. The rest belongs to the object that lives in it.
//!
//! # Promises
//!
//! - Whatever instruction a member is killed at, its row in the table comes back, after the object
//!   has taken back what the member held. The death of a process is proved by the system; a
//!   stopped or slow process is never taken for a dead one.
//! - A machine or a group without memory left is an error, [`OutOfMemory`], before the first
//!   access, and neither a signal nor the end of some other process.
//! - A file that is not understood completely is refused, [`AttachError`].
//!
//! Members trust each other not to write garbage on purpose. Hostile peers get sockets.
//!
//! # Where it does not work
//!
//! Linux only, with `/proc`, from 5.3 on (`pidfd_open`). All members of a segment see the same
//! process numbers and clocks: those of another pid or time namespace are refused.
//!
//! # When to use something else
//!
//! Threads of one process share memory as it is.
//!
//! # Examples
//!
//! ```
//! use conc_shm::{Kind, Layout, Segment};
//!
//! const COUNTERS: Kind = Kind { name: *b"counters", version: 1 };
//! let segment = Segment::create(&Layout::new(COUNTERS, 4096))?;
//! segment.write_at(0, b"seen by all")?;
//!
//! // Elsewhere, in a process that got the descriptor:
//! let descriptor = segment.try_clone_fd()?;
//! let same = Segment::attach(descriptor, COUNTERS)?;
//! let mut text = [0; 11];
//! same.read_at(0, &mut text)?;
//! assert_eq!(&text, b"seen by all");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(not(target_os = "linux"))]
compile_error!("conc-shm needs Linux: sealed files of memory, pidfds and /proc");

// A model has no files to map: under loom there are only the protocols.
#[cfg(not(conc_loom))]
mod error;
#[cfg(any(not(conc_loom), test))]
mod event;
#[cfg(not(conc_loom))]
mod local;
#[cfg(not(conc_loom))]
mod members;
#[cfg_attr(all(conc_loom, not(test)), allow(dead_code, reason = "models use it"))]
mod memory;
#[cfg(all(test, conc_loom))]
#[path = "queue/models.rs"]
mod models;
#[cfg(not(conc_loom))]
pub mod queue;
#[cfg(not(conc_loom))]
pub mod ring;
#[cfg(all(test, conc_loom))]
#[path = "ring/models.rs"]
mod ring_models;
#[cfg(not(conc_loom))]
mod segment;
#[cfg(not(conc_loom))]
mod shared;
#[cfg(not(conc_loom))]
mod sys;
#[cfg(not(conc_loom))]
mod waiting;

#[cfg(not(conc_loom))]
pub use error::{AttachError, CreateError, OutOfMemory, OutOfRange};
#[cfg(not(conc_loom))]
pub use members::{
    Leaving, Member, MemberInfo, MemberState, Members, Recover, SCRATCH_WORDS, Ticket,
};
#[cfg(not(conc_loom))]
pub use segment::{Kind, Layout, Segment, SegmentId};
#[cfg(not(conc_loom))]
pub use shared::Shared;

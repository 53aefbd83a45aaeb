//! What happens in a child: make ready, run the task, report, end.
//!
//! A child of the fork server starts as a copy of the server's memory, has one thread, and owns
//! nothing but what its order brought. Its descriptors have fixed places:
//!
//! | number | holds |
//! |---|---|
//! | 0, 1, 2 | the standard streams |
//! | 3 | the channel: its end of the socket to the client |
//! | 4 | the client's pidfd |
//! | 5 | in a fresh copy of the program, until it is read: preparation and argument |
//! | 6… | what it was passed |
//!
//! | file | holds |
//! |---|---|
//! | `prepare` | from the fork to the task |
//! | `report` | the frames that a child sends, the last of them out of a crash |

mod prepare;
mod report;

pub(crate) use prepare::{enter, run_fresh};
pub(crate) use report::{flush, listen_for_crashes, report, set_channel};

use crate::sys::files;
use std::os::fd::{BorrowedFd, RawFd};

/// The place of the channel.
pub(crate) const CHANNEL: RawFd = 3;
/// The place of the client's pidfd.
pub(crate) const CLIENT: RawFd = 4;
/// The place of preparation and argument for a fresh copy of the program.
pub(crate) const BODY: RawFd = 5;
/// The first place of what it was passed.
const PASSED: RawFd = 6;

/// The exit code after a panic, as `std` has it.
pub(crate) const PANICKED: i32 = 101;

/// The channel's place, whether something is there or not.
pub(crate) fn channel() -> BorrowedFd<'static> {
    // SAFETY: in a child it stays open; elsewhere the calls that get it answer EBADF.
    unsafe { files::at(CHANNEL) }
}

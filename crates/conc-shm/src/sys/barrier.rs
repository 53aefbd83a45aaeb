//! A fence whose one half costs nothing.
//!
//! Two sides that each write and then look for what the other has written cannot both miss the
//! other if each has a fence in between. Where one of them does so for each message and the other
//! one hardly ever, the latter can do it for both: it has the system make sure that every processor
//! has passed a fence (`membarrier`, since Linux 4.3). Between processes that takes some ten
//! milliseconds, so it is for what must be right. Who would only be late otherwise
//! [waits](settle) until stores have arrived.
//!
//! # Why not the expedited form between processes
//!
//! `MEMBARRIER_CMD_GLOBAL_EXPEDITED` would take microseconds: it interrupts each processor whose run
//! queue says that it runs a registered process. Linux does not keep these notes right. Whenever a
//! thread exits, its processor's note is deleted, and when another thread of the same process
//! follows there, it is not written again. Decision 12 has the details and measurements.
//!
//! The form for the threads of one process looks at what each processor really runs.

use super::poll;
use conc_core::sync::{Ordering, compiler_fence, fence, spin_loop};
use nix::errno::Errno;
use std::time::{Duration, Instant};

// `linux/membarrier.h`; the libc crate has the number of the call alone.
const QUERY: libc::c_int = 0;
const GLOBAL: libc::c_int = 1 << 0;
const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

/// A store has left the processor by then, unless it waits behind dozens of others for memory that
/// is far away.
const SETTLED: Duration = Duration::from_micros(5);

/// No store stays in a processor for nearly so long.
const BEYOND_DOUBT: Duration = Duration::from_millis(10);

/// Whether this process can ask for [`heavy`]; the error is why it cannot.
pub(crate) fn check() -> Result<(), Errno> {
    // Not on machines with processors that the system never interrupts.
    let commands = membarrier(QUERY)?;
    if commands & GLOBAL == 0 { Err(Errno::EOPNOTSUPP) } else { Ok(()) }
}

/// The half that costs nothing: what is written before and what is read behind it stay in this
/// order for whoever passes [`heavy`], and nearly always for whoever passes [`settle`].
#[inline]
pub(crate) fn light() {
    // ORDERING(shm_ring.dekker): SeqCst. The compiler keeps the order; the processor need not.
    compiler_fence(Ordering::SeqCst);
}

/// Waits, awake, until what others have stored by now can be seen. Nobody guarantees how long that
/// takes: for those whom an error costs time and nothing else.
pub(crate) fn settle() {
    let end = Instant::now() + SETTLED;
    while Instant::now() < end {
        spin_loop();
    }
    // ORDERING(shm_ring.dekker): SeqCst. For this thread.
    fence(Ordering::SeqCst);
}

/// The half that is right whatever other processes do. Sleeps for milliseconds.
pub(crate) fn heavy() {
    // ORDERING(shm_ring.dekker): SeqCst. For this thread; the call would do.
    fence(Ordering::SeqCst);
    if membarrier(GLOBAL).is_err() {
        wait_beyond_doubt();
    }
}

/// [`heavy`] for what the threads of this process do. Takes microseconds from the second time on.
pub(crate) fn heavy_here() {
    // ORDERING(shm_ring.dekker): SeqCst. As in `heavy`.
    fence(Ordering::SeqCst);
    if membarrier(PRIVATE_EXPEDITED).is_ok() {
        return;
    }
    // Nobody has asked for that in this process. Where it is not to be had, the other one is.
    let registered = membarrier(REGISTER_PRIVATE_EXPEDITED);
    if registered.and_then(|_| membarrier(PRIVATE_EXPEDITED)).is_err() {
        heavy();
    }
}

/// In place of a call that the system knows, and that somebody forbids.
#[cold]
fn wait_beyond_doubt() {
    let end = Instant::now() + BEYOND_DOUBT;
    while Instant::now() < end {
        // A signal may end it early.
        let _ = poll::readable(&[], 1);
    }
    // ORDERING(shm_ring.dekker): SeqCst. For this thread.
    fence(Ordering::SeqCst);
}

fn membarrier(command: libc::c_int) -> Result<libc::c_int, Errno> {
    // SAFETY: takes numbers and touches no memory.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
    Errno::result(result).map(|result| result as libc::c_int)
}

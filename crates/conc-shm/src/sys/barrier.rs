//! A fence whose one half costs nothing.
//!
//! Two processes that each write and then look for what the other has written cannot both miss
//! the other if each has a fence in between. Where one of them does so for each message and the
//! other one hardly ever, the latter can do it for both: it waits until every processor has passed
//! a fence (`membarrier`, since Linux 4.3). That takes some 15 ms, so it is for what must be right
//! in all cases. Who would only be late otherwise [waits](settle) until all stores have arrived.
//!
//! # Why not the expedited form
//!
//! `MEMBARRIER_CMD_GLOBAL_EXPEDITED` would take microseconds: it interrupts each processor that
//! runs a process which has registered. Linux 6.18, and as far as its sources tell every one since
//! 5.4, forgets some of them. A processor that ran the process, and idles since, keeps its memory
//! map; registration passes idle processors by; and when a thread of the process comes back to one,
//! `membarrier_switch_mm` finds the same map as before and does not look whether it is registered
//! by now. From then on such a processor is never interrupted, until something else runs there: on
//! a quiet machine, for ever. See decision 12.

use super::poll;
use conc_core::sync::{Ordering, compiler_fence, fence, spin_loop};
use nix::errno::Errno;
use std::time::{Duration, Instant};

// `linux/membarrier.h`; the libc crate has the number of the call alone.
const QUERY: libc::c_int = 0;
const GLOBAL: libc::c_int = 1 << 0;

/// Within this a store has left the processor, whatever it waits for there: some dozens of
/// fetches, one behind the other.
const SETTLED: Duration = Duration::from_micros(5);

/// Milliseconds. Nothing stays in a processor's store buffer for nearly so long.
const BEYOND_DOUBT: u16 = 10;

/// Whether this process can ask for [`heavy`]; the error is why it cannot.
pub(crate) fn check() -> Result<(), Errno> {
    // Not on machines with processors that the system never interrupts.
    let commands = membarrier(QUERY)?;
    if commands & GLOBAL == 0 { Err(Errno::EOPNOTSUPP) } else { Ok(()) }
}

/// The half that costs nothing: what is written before and what is read behind it stay in this
/// order for whoever passes [`heavy`], and most likely for whoever passes [`settle`].
#[inline]
pub(crate) fn light() {
    // ORDERING: SeqCst. The compiler keeps the order; the processor need not, see `heavy`.
    compiler_fence(Ordering::SeqCst);
}

/// Waits, awake, until what others have stored by now can be seen. Nobody guarantees how long that
/// takes: for those whom an error costs time and nothing else.
pub(crate) fn settle() {
    let end = Instant::now() + SETTLED;
    while Instant::now() < end {
        spin_loop();
    }
    // ORDERING: SeqCst. For this thread.
    fence(Ordering::SeqCst);
}

/// The half that is right in all cases, and sleeps for milliseconds.
pub(crate) fn heavy() {
    // ORDERING: SeqCst. For this thread; the call would do.
    fence(Ordering::SeqCst);
    if membarrier(GLOBAL).is_err() {
        // It could be asked for when the ring was attached: since then somebody has forbidden it.
        let _ = poll::readable(&[], BEYOND_DOUBT);
        // ORDERING: SeqCst. As above.
        fence(Ordering::SeqCst);
    }
}

fn membarrier(command: libc::c_int) -> Result<libc::c_int, Errno> {
    // SAFETY: takes numbers and touches no memory.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
    Errno::result(result).map(|result| result as libc::c_int)
}

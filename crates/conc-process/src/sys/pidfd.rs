//! Handles of processes: open, signal, wait.

use nix::errno::Errno;
use nix::sys::wait::WaitPidFlag;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `PIDFD_SIGNAL_PROCESS_GROUP` (Linux 6.9).
const WHOLE_GROUP: libc::c_uint = 1 << 2;

/// Opens a handle. Free of races only for a process that nobody can reap meanwhile.
pub(crate) fn open(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes numbers only.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = Errno::result(result)?;
    let fd = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends a signal. A process that has ended is `ESRCH`.
pub(crate) fn signal(process: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    send(process, signal, 0)
}

/// Sends a signal to the group that the process leads; `EINVAL` where the kernel cannot.
pub(crate) fn signal_group(process: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    send(process, signal, WHOLE_GROUP)
}

fn send(process: BorrowedFd<'_>, signal: i32, flags: libc::c_uint) -> Result<(), Errno> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null `siginfo` is allowed, the rest are numbers.
    let result = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, no_info, flags)
    };
    Errno::result(result).map(drop)
}

/// Reaps a child of this very process; its raw wait status. `None`: it still runs.
pub(crate) fn reap(child: BorrowedFd<'_>) -> Result<Option<i32>, Errno> {
    loop {
        // SAFETY: all zeroes are a valid `siginfo_t`.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let id = libc::id_t::try_from(child.as_raw_fd()).map_err(|_| Errno::EBADF)?;
        let options = (WaitPidFlag::WNOHANG | WaitPidFlag::WEXITED).bits();
        // SAFETY: `info` outlives the call.
        let result = unsafe { libc::waitid(libc::P_PIDFD, id, &raw mut info, options) };
        match Errno::result(result) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        // SAFETY: after a successful `waitid` this field is set, or zero if nothing was there.
        if unsafe { info.si_pid() } == 0 {
            return Ok(None);
        }
        // SAFETY: `waitid` filled the record for a child.
        let status = unsafe { info.si_status() };
        return Ok(Some(match info.si_code {
            libc::CLD_EXITED => (status & 0xff) << 8,
            libc::CLD_DUMPED => status | 0x80,
            _ => status,
        }));
    }
}

//! Fork, reap, exit, and what a child does with itself first.

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{ForkResult, Pid, getpid, getppid, setpgid};
use std::ffi::CString;

/// Which side of a fork this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The new process.
    Child,
    /// The old one, with the number of the new one.
    Parent(i32),
}

/// Makes a child.
///
/// # Safety
///
/// If the process has other threads, the child may only do what survives their disappearance: no
/// lock that one of them may have held.
pub(crate) unsafe fn fork() -> Result<Side, Errno> {
    // SAFETY: the caller's contract.
    Ok(match unsafe { nix::unistd::fork() }? {
        ForkResult::Child => Side::Child,
        ForkResult::Parent { child } => Side::Parent(child.as_raw()),
    })
}

/// Lets `handler` run in every child that libc's fork makes of this process.
pub(crate) fn on_fork(handler: extern "C" fn()) {
    // SAFETY: the handler is never unloaded; our callers' handlers only store to atomics.
    unsafe { libc::pthread_atfork(None, None, Some(handler_as_unsafe(handler))) };
}

fn handler_as_unsafe(handler: extern "C" fn()) -> unsafe extern "C" fn() {
    handler
}

/// The number of this process.
pub(crate) fn own_pid() -> i32 {
    getpid().as_raw()
}

/// The number of the process that the kernel calls our parent.
pub(crate) fn parent_pid() -> i32 {
    getppid().as_raw()
}

/// Binds this process to the life of the thread that forked it. `false`: it is too late.
pub(crate) fn bind_to(parent: i32) -> Result<bool, Errno> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    Ok(parent_pid() == parent)
}

/// Orphans below this process become its children.
pub(crate) fn adopt_orphans() -> Result<(), Errno> {
    prctl::set_child_subreaper(true)
}

/// Makes a process the leader of its own group; 0 is this one.
pub(crate) fn lead_group(pid: i32) -> Result<(), Errno> {
    setpgid(Pid::from_raw(pid), Pid::from_raw(0))
}

/// Names this process for `ps`; the kernel keeps 15 bytes.
pub(crate) fn set_name(name: &str) {
    if let Ok(name) = CString::new(name) {
        // A name is not worth failing for.
        let _ = prctl::set_name(&name);
    }
}

/// Sets the mask for the modes of new files.
pub(crate) fn set_umask(mask: u32) {
    umask(Mode::from_bits_truncate(mask));
}

/// Sends a signal to a child that has not been reaped.
pub(crate) fn kill(pid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Sends a signal to the group that a child leads which has not been reaped.
pub(crate) fn kill_group(leader: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe { libc::killpg(leader, signal) }).map(drop)
}

/// The process group of a child that has not been reaped.
pub(crate) fn group_of(pid: i32) -> Option<i32> {
    nix::unistd::getpgid(Some(Pid::from_raw(pid))).ok().map(Pid::as_raw)
}

/// Whether somebody is in a process group.
pub(crate) fn has_members(group: i32) -> bool {
    // The number 0 only asks.
    kill_group(group, 0) != Err(Errno::ESRCH)
}

/// The children of this process, which has one thread; the adopted, too. Empty if nobody can tell.
pub(crate) fn own_children() -> Vec<i32> {
    let text = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    text.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// Reaps one dead child, whichever: its number and its raw wait status.
pub(crate) fn reap_any() -> Option<(i32, i32)> {
    loop {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        match Errno::result(unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) }) {
            Ok(0) => return None,
            Ok(pid) => return Some((pid, status)),
            Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

/// Whether some child has ended and nobody has waited for it. It is left as it is.
pub(crate) fn has_zombies() -> bool {
    // SAFETY: all zeroes are a valid `siginfo_t`.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` outlives the call.
    let result = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) };
    // SAFETY: after a successful `waitid` this field is set, or zero if nobody was there.
    result == 0 && unsafe { info.si_pid() } != 0
}

/// Waits for the end of a child and reaps it, unless somebody else does.
pub(crate) fn reap(pid: i32) {
    // SAFETY: a null status is allowed.
    while Errno::result(unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) }) == Err(Errno::EINTR)
    {
    }
}

/// Ends this process after the handlers that libc keeps for the end (coverage data, C's buffers,
/// destructors of this thread's locals).
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: other threads of a process that ends run on meanwhile, as when `main` returns.
    unsafe { libc::exit(code) }
}

/// Ends this process at once.
pub(crate) fn quit(code: i32) -> ! {
    // SAFETY: nothing of this process runs afterwards.
    unsafe { libc::_exit(code) }
}

/// Whether the kernel started this program with more rights than its caller has.
pub(crate) fn is_privileged_start() -> bool {
    // SAFETY: the call takes a number.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Replaces this program by a fresh copy of itself.
pub(crate) fn exec_self(arguments: &[CString]) -> Errno {
    let path = c"/proc/self/exe";
    let Err(error) = nix::unistd::execv(path, arguments);
    error
}

/// How many threads this process has; `None` if nobody can tell.
pub(crate) fn thread_count() -> Option<usize> {
    // A directory has two links more than it has directories in it.
    let links = nix::sys::stat::stat("/proc/self/task").ok()?.st_nlink;
    usize::try_from(links).ok()?.checked_sub(2)
}

/// Fills `bytes` with chance.
pub(crate) fn random(bytes: &mut [u8; 16]) -> Result<(), Errno> {
    loop {
        // SAFETY: the buffer is as long as the call is told.
        let result = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
        match Errno::result(result) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

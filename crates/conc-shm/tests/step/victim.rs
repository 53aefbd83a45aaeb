//! A process that takes one instruction at a time.

use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// What a victim says that may not be traced.
const REFUSED: i32 = 77;

/// So often a tracer asks in vain before it looks whether its victim sleeps.
const ASKED_IN_VAIN: u32 = 200;

/// A copy of this process, before or in the middle of an operation.
pub(crate) struct Victim {
    pid: Pid,
    done: bool,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It was taken.
    Taken,
    /// The operation is over.
    Done,
    /// The victim sleeps in the middle of it: wake it, and [wait](Victim::wait) again.
    Asleep,
}

impl Victim {
    /// A copy that prepares an operation and stands before its first instruction; what the
    /// operation returns is called when it is over. `None`: nobody may be traced here.
    pub(crate) fn new<O, A>(prepare: impl FnOnce() -> O) -> Option<Self>
    where
        O: FnOnce() -> A,
        A: FnOnce(),
    {
        // SAFETY: the test runs alone: its other threads wait, and hold nothing.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => match waitpid(child, None).unwrap() {
                WaitStatus::Stopped(pid, Signal::SIGSTOP) => Some(Self { pid, done: false }),
                WaitStatus::Exited(_, REFUSED) => None,
                other => panic!("{other:?}"),
            },
            ForkResult::Child => {
                let work = || {
                    let operation = prepare();
                    if !trace_me() {
                        // SAFETY: nothing of this process is used again.
                        unsafe { libc::_exit(REFUSED) };
                    }
                    raise(Signal::SIGSTOP).unwrap();
                    let after = operation();
                    raise(Signal::SIGUSR2).unwrap();
                    after();
                };
                let fine = catch_unwind(AssertUnwindSafe(work)).is_ok();
                // SAFETY: as above.
                unsafe { libc::_exit(if fine { 0 } else { 101 }) }
            }
        }
    }

    /// Lets it take an instruction.
    pub(crate) fn step(&mut self) -> Step {
        if self.done {
            return Step::Done;
        }
        self.request(libc::PTRACE_SINGLESTEP);
        self.wait()
    }

    /// Waits for the end of a step.
    pub(crate) fn wait(&mut self) -> Step {
        let mut asked = 0;
        loop {
            match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)).unwrap() {
                WaitStatus::StillAlive => {
                    asked += 1;
                    if asked % ASKED_IN_VAIN == 0 && self.sleeps() {
                        return Step::Asleep;
                    }
                    std::thread::yield_now();
                }
                WaitStatus::Stopped(_, Signal::SIGTRAP) => return Step::Taken,
                WaitStatus::Stopped(_, Signal::SIGUSR2) => {
                    self.done = true;
                    return Step::Done;
                }
                other => panic!("in the middle of an operation: {other:?}"),
            }
        }
    }

    /// Kills it where it is.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Lets it do the rest, and what comes after.
    pub(crate) fn finish(mut self) {
        if !self.done {
            self.request(libc::PTRACE_CONT);
            let status = waitpid(self.pid, None).unwrap();
            assert!(matches!(status, WaitStatus::Stopped(_, Signal::SIGUSR2)), "{status:?}");
        }
        self.request(libc::PTRACE_CONT);
        assert_eq!(waitpid(self.pid, None).unwrap(), WaitStatus::Exited(self.pid, 0));
        self.pid = Pid::from_raw(0);
    }

    fn request(&self, request: libc::c_uint) {
        let none = ptr::null_mut::<libc::c_void>();
        // SAFETY: a stopped tracee of this thread, which the request tells to go on.
        let result = unsafe { libc::ptrace(request, self.pid.as_raw(), none, none) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    }

    fn sleeps(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap();
        stat.rsplit_once(") ").unwrap().1.starts_with('S')
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if self.pid.as_raw() != 0 {
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = waitpid(self.pid, None);
        }
    }
}

fn trace_me() -> bool {
    let none = ptr::null_mut::<libc::c_void>();
    // SAFETY: says that the parent traces this process, and nothing else.
    unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, none, none) == 0 }
}

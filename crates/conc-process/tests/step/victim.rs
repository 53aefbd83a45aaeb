//! A process that takes one instruction at a time.

use nix::errno::Errno;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::ffi::c_void;
use std::fs;
use std::ops::Range;

/// So often a tracer asks in vain before it looks whether its victim sleeps.
const ASKED_IN_VAIN: u32 = 200;
/// So often it asks without giving way to others.
const AT_ONCE: u32 = 20;
/// The bytes of an instruction that may sleep.
const SYSTEM_CALL: u64 = 0x050f;
/// One byte that stops whoever runs it.
const BREAKPOINT: u64 = 0xcc;

/// A worker that is traced by this thread, and stands still.
pub(crate) struct Victim {
    pid: Pid,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Taken,
    /// It sleeps in a system call.
    Asleep,
}

/// Whether a thread sleeps, by its file of figures.
pub(crate) fn asleep(stat: &str) -> bool {
    let stat = fs::read_to_string(stat).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
}

fn word(address: u64) -> *mut c_void {
    std::ptr::with_exposed_provenance_mut(address as usize)
}

impl Victim {
    /// Makes a process stand still; `None`: nobody may be traced here.
    pub(crate) fn seize(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(pid as i32);
        match ptrace::seize(pid, Options::PTRACE_O_EXITKILL) {
            Ok(()) => {}
            Err(Errno::EPERM | Errno::EACCES | Errno::ENOSYS) => return None,
            Err(errno) => panic!("{pid} cannot be traced: {errno}"),
        }
        ptrace::interrupt(pid).unwrap();
        let status = waitpid(pid, Some(WaitPidFlag::__WALL)).unwrap();
        let stop = Event::PTRACE_EVENT_STOP as i32;
        assert!(matches!(status, WaitStatus::PtraceEvent(_, _, event) if event == stop));
        Some(Self { pid })
    }

    /// Lets it go.
    pub(crate) fn release(self) {
        ptrace::detach(self.pid, None).unwrap();
    }

    /// The address of its next instruction.
    pub(crate) fn place(&self) -> u64 {
        ptrace::getregs(self.pid).unwrap().rip
    }

    /// Where its stack ends.
    pub(crate) fn stack(&self) -> u64 {
        ptrace::getregs(self.pid).unwrap().rsp
    }

    /// Where the kernel's code is that reads the clock.
    pub(crate) fn clock(&self) -> Range<u64> {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.pid)).unwrap();
        let line = maps.lines().find(|line| line.ends_with("[vdso]"));
        let range = line.and_then(|line| line.split(' ').next()?.split_once('-'));
        let address = |text| u64::from_str_radix(text, 16).unwrap();
        range.map_or(0..0, |(start, end)| address(start)..address(end))
    }

    /// Lets it take an instruction.
    pub(crate) fn step(&self) -> Step {
        let registers = ptrace::getregs(self.pid).unwrap();
        let next = ptrace::read(self.pid, word(registers.rip)).unwrap();
        // One that was stopped in a call begins it again.
        let in_call = registers.orig_rax as i64 >= 0;
        ptrace::step(self.pid, None).unwrap();
        if in_call || next as u64 & 0xffff == SYSTEM_CALL {
            return self.wait();
        }
        // No other sleeps. Who is busy elsewhere gives way to those who wake, not to those who ask.
        match waitpid(self.pid, Some(WaitPidFlag::__WALL)).unwrap() {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => Step::Taken,
            other => panic!("in the middle of its work: {other:?}"),
        }
    }

    /// Lets it run until it comes to an instruction.
    pub(crate) fn run_to(&self, address: u64) -> Step {
        // Whole words are written, which must not reach into the next page.
        let (word, shift) = (word(address & !7), (address & 7) * 8);
        let before = ptrace::read(self.pid, word).unwrap();
        let with = before as u64 & !(0xff << shift) | BREAKPOINT << shift;
        ptrace::write(self.pid, word, with as i64).unwrap();
        ptrace::cont(self.pid, None).unwrap();
        let step = self.wait();
        if step == Step::Taken {
            ptrace::write(self.pid, word, before).unwrap();
            let mut registers = ptrace::getregs(self.pid).unwrap();
            assert_eq!(registers.rip, address + 1, "something else stopped it");
            registers.rip = address;
            ptrace::setregs(self.pid, registers).unwrap();
        }
        step
    }

    fn wait(&self) -> Step {
        let stat = format!("/proc/{}/stat", self.pid);
        let mut asked = 0;
        loop {
            match waitpid(self.pid, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG)).unwrap() {
                WaitStatus::StillAlive => {
                    asked += 1;
                    if asked % ASKED_IN_VAIN == 0 && asleep(&stat) {
                        return Step::Asleep;
                    }
                    if asked > AT_ONCE {
                        std::thread::yield_now();
                    }
                }
                WaitStatus::Stopped(_, Signal::SIGTRAP) => return Step::Taken,
                other => panic!("in the middle of its work: {other:?}"),
            }
        }
    }

    /// Kills it where it stands or sleeps; it is gone when this returns.
    pub(crate) fn kill(self) {
        kill(self.pid, Signal::SIGKILL).unwrap();
        let status = waitpid(self.pid, Some(WaitPidFlag::__WALL)).unwrap();
        assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _)), "{status:?}");
    }
}

//! Processes for tests: copies of a test that runs alone.

#![allow(dead_code, reason = "each test file uses some")]

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe2};
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

const MARK: &str = "CONC_SHM_TEST_ALONE";

/// Whether this is a process that runs nothing but this test, so that it may fork. If not, runs the
/// test in such a process.
pub(crate) fn alone<F>(_test: F) -> bool {
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let (_, name) = std::any::type_name::<F>().split_once("::").unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(MARK, "yes")
        .status()
        .unwrap();
    assert!(status.success(), "{name}, alone: {status}");
    false
}

/// A copy of this process; ends with its handle.
pub(crate) struct Copy {
    pid: Pid,
    reaped: bool,
}

impl Copy {
    /// A copy that does `work`, and ends.
    pub(crate) fn new(work: impl FnOnce()) -> Self {
        // SAFETY: the test runs alone: its other threads wait, and hold nothing.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => Self { pid: child, reaped: false },
            ForkResult::Child => {
                // Whatever ends this process, a watchdog among it, ends its copies.
                let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
                let fine = catch_unwind(AssertUnwindSafe(work)).is_ok();
                // SAFETY: nothing of this process is used again.
                unsafe { libc::_exit(if fine { 0 } else { 101 }) }
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid, signal).unwrap();
    }

    /// Waits until it is stopped.
    pub(crate) fn wait_stopped(&self) {
        let status = waitpid(self.pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert!(matches!(status, WaitStatus::Stopped(..)), "{status:?}");
    }

    /// Its end.
    pub(crate) fn wait(mut self) -> WaitStatus {
        self.reaped = true;
        waitpid(self.pid, None).unwrap()
    }

    /// It does what it has to, without panicking.
    pub(crate) fn join(self) {
        let pid = self.pid;
        assert_eq!(self.wait(), WaitStatus::Exited(pid, 0));
    }

    /// Kills it; it is reaped.
    pub(crate) fn kill(self) {
        self.signal(Signal::SIGKILL);
        let status = self.wait();
        assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _)), "{status:?}");
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = waitpid(self.pid, None);
        }
    }
}

/// Words that a process has in common with its copies.
pub(crate) struct Words {
    start: NonNull<AtomicU64>,
    count: usize,
}

impl Words {
    pub(crate) fn new(count: usize) -> Self {
        let length = NonZeroUsize::new(8 * count).unwrap();
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: no address is asked for, so the kernel takes a range that nobody uses.
        let start = unsafe { mmap_anonymous(None, length, protection, MapFlags::MAP_SHARED) };
        Self { start: start.unwrap().cast(), count }
    }

    pub(crate) fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at < self.count);
        // SAFETY: within the mapping, which is as old as `self`.
        let word = unsafe { self.start.add(at) };
        // SAFETY: aligned, and any bytes are an atomic.
        unsafe { word.as_ref() }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: nobody has a reference into it any more.
        unsafe { munmap(self.start.cast(), 8 * self.count) }.unwrap();
    }
}

/// Something to say to a copy, or to hear from it.
pub(crate) struct Channel(File, File);

impl Channel {
    pub(crate) fn new() -> Self {
        let (read, write) = pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        Self(read.into(), write.into())
    }

    /// At most 64 bytes, as an encoded value.
    pub(crate) fn say<T: serde::Serialize>(&self, value: &T) {
        let mut bytes = postcard::to_stdvec(value).unwrap();
        bytes.resize(64, 0);
        (&self.1).write_all(&bytes).unwrap();
    }

    pub(crate) fn hear<T: serde::de::DeserializeOwned>(&self) -> T {
        let mut bytes = [0; 64];
        (&self.0).read_exact(&mut bytes).unwrap();
        postcard::take_from_bytes(&bytes).unwrap().0
    }
}

/// Until it is killed.
pub(crate) fn forever() -> ! {
    loop {
        nix::unistd::pause();
    }
}

/// Lines of /proc/self/maps that are segments, and open descriptors.
pub(crate) fn held() -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let maps = maps.lines().filter(|line| line.contains("conc-shm ") || line.contains("/dev/shm"));
    (maps.count(), std::fs::read_dir("/proc/self/fd").unwrap().count())
}

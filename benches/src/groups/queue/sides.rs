//! Runs producers and consumers beside each other, as processes or as threads, and bounds it all in
//! time.

use super::lane::Sides;
use super::placement::{self, Cpu};
use crate::harness::Missing;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than any run takes on a busy machine, and shorter than the harness's own patience.
const PATIENCE: Duration = Duration::from_secs(60);

/// One of those who take part.
pub(in crate::groups) struct Side<R> {
    cpu: Cpu,
    work: Box<dyn FnOnce() -> R + Send>,
}

impl<R> Side<R> {
    pub(in crate::groups) fn new(cpu: Cpu, work: impl FnOnce() -> R + Send + 'static) -> Self {
        Self { cpu, work: Box::new(work) }
    }

    fn play(self) -> R {
        placement::bind(self.cpu);
        (self.work)()
    }
}

impl Sides {
    /// Runs all sides and gives what they return, in their order.
    ///
    /// # Errors
    ///
    /// If they hang. Processes are killed then; threads end with this process.
    ///
    /// # Panics
    ///
    /// If a side fails.
    pub(in crate::groups) fn run<R>(self, sides: Vec<Side<R>>) -> Result<Vec<R>, Missing>
    where
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        match self {
            Self::Processes => run_processes(sides),
            Self::Threads => run_threads(sides),
        }
    }
}

fn hangs() -> Missing {
    Missing(format!("hangs: no end after {PATIENCE:?}"))
}

fn run_threads<R: Send + 'static>(sides: Vec<Side<R>>) -> Result<Vec<R>, Missing> {
    let (sender, reports) = mpsc::channel();
    let mut all: Vec<_> = sides.iter().map(|_| None).collect();
    for (index, side) in sides.into_iter().enumerate() {
        let sender = sender.clone();
        thread::spawn(move || {
            let report = catch_unwind(AssertUnwindSafe(|| side.play()));
            // Nobody listens any more once another side has failed.
            let _ = sender.send((index, report));
        });
    }
    let end = Instant::now() + PATIENCE;
    while all.iter().any(Option::is_none) {
        let left = end.saturating_duration_since(Instant::now());
        let Ok((index, report)) = reports.recv_timeout(left) else { return Err(hangs()) };
        all[index] = Some(report.unwrap_or_else(|_| panic!("side {index} failed")));
    }
    Ok(all.into_iter().flatten().collect())
}

fn run_processes<R>(sides: Vec<Side<R>>) -> Result<Vec<R>, Missing>
where
    R: Serialize + DeserializeOwned,
{
    let children: Vec<_> = sides.into_iter().map(Child::start).collect();
    let mut all: Vec<_> = children.iter().map(|_| None).collect();
    let end = Instant::now() + PATIENCE;
    while all.iter().any(Option::is_none) {
        let waiting: Vec<_> = (0..all.len()).filter(|index| all[*index].is_none()).collect();
        let ended = Child::await_any(&children, &waiting, end);
        if ended.is_empty() {
            return Err(hangs());
        }
        for index in ended {
            all[index] = Some(children[index].report());
        }
    }
    Ok(all.into_iter().flatten().collect())
}

/// A forked side. Dropped, it is dead.
#[derive(Debug)]
pub(in crate::groups) struct Child {
    pid: Pid,
    /// Where its report comes from, and after it the end of file.
    reports: UnixStream,
}

impl Child {
    /// # Panics
    ///
    /// If this process has other threads, whose locks would be held in the copy for ever, or if it
    /// cannot fork.
    pub(in crate::groups) fn start<R: Serialize>(side: Side<R>) -> Self {
        let threads = std::fs::read_dir("/proc/self/task").expect("Linux shows it").count();
        assert_eq!(threads, 1, "fork with other threads about");
        let (reports, sender) = UnixStream::pair().expect("descriptors are left");
        // SAFETY: there is one thread, so the copy is as good as its original.
        match unsafe { fork() }.expect("processes can be started") {
            ForkResult::Parent { child } => Self { pid: child, reports },
            ForkResult::Child => {
                let done = catch_unwind(AssertUnwindSafe(|| {
                    prctl::set_pdeathsig(Signal::SIGKILL).expect("Linux has it");
                    serde_json::to_writer(sender, &side.play()).expect("the parent listens");
                }));
                let code = if done.is_ok() { 0 } else { 101 };
                // SAFETY: may be called at any moment. What runs at the end of a program belongs
                // to the parent.
                unsafe { nix::libc::_exit(code) }
            }
        }
    }

    /// Those of the given children who have ended; none of them if time is up.
    fn await_any(children: &[Self], among: &[usize], end: Instant) -> Vec<usize> {
        let descriptor =
            |index: &usize| PollFd::new(children[*index].reports.as_fd(), PollFlags::POLLIN);
        let mut descriptors: Vec<_> = among.iter().map(descriptor).collect();
        let left = end.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).expect("a minute at most");
        poll(&mut descriptors, timeout).expect("nothing interrupts it");
        let ready = descriptors.iter().zip(among).filter(|(d, _)| d.any() == Some(true));
        ready.map(|(_, index)| *index).collect()
    }

    /// # Panics
    ///
    /// If it has failed.
    fn report<R: DeserializeOwned>(&self) -> R {
        let mut text = String::new();
        (&self.reports).read_to_string(&mut text).expect("a stream can be read");
        let status = waitpid(self.pid, None);
        assert_eq!(status, Ok(WaitStatus::Exited(self.pid, 0)), "a side failed");
        serde_json::from_str(&text).expect("what it has written")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Only one that has not been waited for: the number of another may be somebody else's now.
        if waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive) {
            kill(self.pid, Signal::SIGKILL).expect("our own child");
            waitpid(self.pid, None).expect("our own child");
        }
    }
}

//! This process, its parent, its children, its processors.

use super::handle::forked;
use crate::client::{Family, Kin, Parent};
use crate::sys::poll;
use conc_core::Deadline;
use conc_core::sync::Ordering;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// This process; see [`current`].
#[derive(Debug, Clone, Copy)]
pub struct CurrentProcess(&'static Family);

/// Who this process is.
///
/// # Examples
///
/// ```
/// use conc_process::{Builder, current};
///
/// assert_eq!(current().name(), "MainProcess");
/// let child = Builder::new().name("worker").spawn(|()| current().name().to_owned(), ())?;
/// assert_eq!(child.join().as_deref(), Ok("worker"));
/// # Ok::<(), conc_process::SpawnError>(())
/// ```
#[doc(alias = "current_process")]
#[must_use]
pub fn current() -> CurrentProcess {
    CurrentProcess(Family::own())
}

impl CurrentProcess {
    /// `MainProcess`, or the name that its parent gave it.
    #[must_use]
    pub fn name(self) -> &'static str {
        &self.0.identity.name
    }

    /// Its number.
    #[doc(alias = "ident")]
    #[must_use]
    pub fn pid(self) -> u32 {
        std::process::id()
    }

    /// Whether it may start processes.
    #[must_use]
    pub fn may_have_children(self) -> bool {
        !self.0.identity.childless
    }
}

/// The process that asked for this one; see [`parent`].
#[derive(Debug, Clone)]
pub struct ParentProcess(Parent);

/// The process that asked for this one; `None` in the program itself.
///
/// That is not what `getppid` says: the kernel's parent of a process is the fork server that made
/// it. A [copy of the caller](crate::Builder::fork) is the caller's child in both senses.
///
/// # Python
///
/// `parent_process()`; there too, `os.getppid()` is the fork server's.
#[doc(alias = "parent_process")]
#[doc(alias = "getppid")]
#[must_use]
pub fn parent() -> Option<ParentProcess> {
    Family::own().identity.parent.clone().map(ParentProcess)
}

impl ParentProcess {
    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.pid as u32
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        poll::ended(&[self.0.handle]).is_ok_and(|ended| ended == [false])
    }

    /// Waits until it has ended, at most so long; whether it has. For those who are
    /// [detached](crate::Builder::detached): others end with it.
    #[must_use]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        poll::readable([self.0.handle], Deadline::after(timeout)).is_ok_and(|found| found[0])
    }
}

/// The pidfd: readable when it has ended.
impl AsFd for ParentProcess {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.handle
    }
}

/// A child of this process, whoever holds its [`Process`](crate::Process); see [`children`].
///
/// In a copy of this process, made by [`fork`](crate::Builder::fork), it is inert: signals are
/// errors there.
#[derive(Clone)]
pub struct ChildProcess {
    kin: Arc<Kin>,
    family: &'static Family,
}

/// The children that run and were not joined.
///
/// # Python
///
/// `active_children()`; but nothing is joined.
#[doc(alias = "active_children")]
#[must_use]
pub fn children() -> Vec<ChildProcess> {
    let family = Family::own();
    family.living().into_iter().map(|kin| ChildProcess { kin, family }).collect()
}

impl ChildProcess {
    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.kin.pid as u32
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.kin.name
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.kin.has_ended()
    }

    /// Whether it lives on when this process ends.
    #[must_use]
    pub fn is_detached(&self) -> bool {
        // ORDERING: Relaxed. A remark.
        self.kin.detached.load(Ordering::Relaxed)
    }

    /// Asks it to end: SIGTERM. Nothing happens if it has ended.
    ///
    /// # Errors
    ///
    /// What the system said. And always in a copy of its parent.
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(libc::SIGTERM)
    }

    /// Ends it: SIGKILL. Nothing happens if it has ended.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate).
    pub fn kill(&self) -> io::Result<()> {
        self.signal(libc::SIGKILL)
    }

    fn signal(&self, signal: i32) -> io::Result<()> {
        if self.family.is_own() { self.kin.signal(signal) } else { Err(forked()) }
    }
}

/// The pidfd: readable when it has ended.
impl AsFd for ChildProcess {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.kin.handle.as_fd()
    }
}

impl fmt::Debug for ChildProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildProcess")
            .field("pid", &self.pid())
            .field("name", &self.name())
            .field("alive", &self.is_alive())
            .finish()
    }
}

/// The descriptors that this process was [passed](crate::Builder::pass), in order. The second call
/// finds none.
#[must_use]
pub fn take_passed() -> Vec<OwnedFd> {
    std::mem::take(&mut Family::own().passed.lock())
}

/// How many processes can run at the same moment: what the affinity of this thread and the quota
/// of its cgroup allow; at least 1.
///
/// # Python
///
/// `cpu_count()` counts the processors of the machine; this is `os.process_cpu_count()`, and knows
/// of quotas, too.
#[doc(alias = "process_cpu_count")]
#[must_use]
pub fn cpu_count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

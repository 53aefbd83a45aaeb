//! How a process ended.

use conc_core::Signal;
use std::fmt;

/// How a process ended: with a code of its own, or by a signal.
///
/// # Examples
///
/// ```
/// use conc_process::Process;
///
/// let process = Process::<()>::spawn(|code: i32| std::process::exit(code), 7)?;
/// let status = process.wait_exit();
/// assert_eq!(status.and_then(|status| status.code()), Some(7));
/// assert_eq!(status.unwrap().to_string(), "exit code 7");
/// # Ok::<(), conc_process::SpawnError>(())
/// ```
///
/// # Python
///
/// `Process.exitcode`, where a negative number is a signal.
#[doc(alias = "exitcode")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExitStatus(i32);

impl ExitStatus {
    /// From the kernel's wait status.
    pub(crate) const fn from_raw(status: i32) -> Self {
        Self(status)
    }

    /// The exit code, if the process ended by itself.
    #[must_use]
    pub const fn code(self) -> Option<i32> {
        if libc::WIFEXITED(self.0) { Some(libc::WEXITSTATUS(self.0)) } else { None }
    }

    /// The signal that ended it.
    #[must_use]
    pub const fn signal(self) -> Option<Signal> {
        if libc::WIFSIGNALED(self.0) { Some(Signal::new(libc::WTERMSIG(self.0))) } else { None }
    }

    /// Whether the system wrote a core file.
    #[must_use]
    pub const fn core_dumped(self) -> bool {
        libc::WIFSIGNALED(self.0) && libc::WCOREDUMP(self.0)
    }

    /// Whether it ended with code 0.
    #[must_use]
    pub const fn success(self) -> bool {
        matches!(self.code(), Some(0))
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (_, Some(signal)) if self.core_dumped() => write!(f, "{signal} (core dumped)"),
            (_, Some(signal)) => write!(f, "{signal}"),
            _ => write!(f, "wait status {:#x}", self.0),
        }
    }
}

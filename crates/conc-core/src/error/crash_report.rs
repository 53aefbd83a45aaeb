//! What is known about a process that died.

use std::fmt;

/// What is known about a process that died: as much as could be saved, each part on its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CrashReport {
    /// The address whose access faulted (SIGSEGV, SIGBUS, SIGILL, SIGFPE).
    pub fault_address: Option<u64>,
    /// Return addresses with their symbols where these could be found, innermost first.
    pub backtrace: Vec<String>,
    /// The last lines that the process wrote to a captured stderr.
    pub stderr_tail: String,
}

impl CrashReport {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = self.fault_address {
            writeln!(f, "faulting address: {address:#x}")?;
        }
        for (depth, frame) in self.backtrace.iter().enumerate() {
            writeln!(f, "{depth:>4}: {frame}")?;
        }
        if !self.stderr_tail.is_empty() {
            writeln!(f, "last lines of stderr:")?;
            for line in self.stderr_tail.lines() {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}

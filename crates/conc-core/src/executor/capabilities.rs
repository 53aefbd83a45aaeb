//! What an executor can do.

use std::fmt;

bitflags::bitflags! {
    /// What an executor can do; decides which laws it is held to.
    ///
    /// # Examples
    ///
    /// ```
    /// use conc_core::{Capabilities, Executor, InlineExecutor};
    ///
    /// let inline = InlineExecutor::new().capabilities();
    /// assert!(!inline.contains(Capabilities::PARALLEL));
    /// assert_eq!((Capabilities::PARALLEL | Capabilities::KILLS).to_string(), "PARALLEL | KILLS");
    /// ```
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct Capabilities: u32 {
        /// Jobs run at the same time as their submitter and as each other.
        const PARALLEL = 1 << 0;
        /// A job that aborts, crashes or leaks takes nothing else with it.
        const ISOLATES = 1 << 1;
        /// Running jobs can be ended by force.
        const KILLS = 1 << 2;
        /// A job waits in a queue before it runs, and can be cancelled there.
        const CANCELS_QUEUED = 1 << 3;
        /// Jobs may block their thread without stopping the others.
        const BLOCKING = 1 << 4;
        /// Jobs are driven by an event loop.
        const ASYNC = 1 << 5;
        /// A job may submit jobs to its own executor and wait for them, to any depth.
        const NESTS = 1 << 6;
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        bitflags::parser::to_writer_strict(self, f)
    }
}

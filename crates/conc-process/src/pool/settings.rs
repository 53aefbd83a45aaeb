//! The choices of a pool, as its threads know them.

use super::cargo::Terms;
use super::routine::Founding;
use crate::protocol::Encoded;
use std::time::Duration;

/// Encodes the initializer's argument, anew for each worker.
pub(super) type Brief = Box<dyn Fn() -> Result<Encoded, Box<str>> + Send + Sync>;

/// The choices of a pool, as its threads know them.
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) min: usize,
    pub(super) max: usize,
    /// A worker beyond the least number ends after so long without work.
    pub(super) idle_timeout: Duration,
    /// So long a worker has from SIGTERM to SIGKILL.
    pub(super) grace: Duration,
    pub(super) initializer: Option<(Founding, Brief)>,
    /// A worker is replaced after so many jobs.
    pub(super) max_tasks: Option<u64>,
    /// A worker that has more bytes for itself after a job is replaced.
    pub(super) max_memory: Option<u64>,
    /// A worker that has more bytes for itself during a job is ended.
    pub(super) memory_limit: Option<u64>,
    pub(super) terms: Terms,
    pub(super) trace: bool,
    pub(super) shows_stderr: bool,
}

//! How far a map has come.

use conc_core::sync::{AtomicUsize, Ordering};
use std::fmt;

/// How far a map has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Items that have been run, well or not.
    pub done: usize,
    /// Those of them that failed.
    pub failed: usize,
    /// Items in all, if the source knows.
    pub total: Option<usize>,
}

type Callback = Box<dyn Fn(Progress) + Send + Sync>;

/// Counts finished items and tells a callback.
#[derive(Default)]
pub(super) struct Meter {
    done: AtomicUsize,
    failed: AtomicUsize,
    total: Option<usize>,
    callback: Option<Callback>,
}

impl Meter {
    pub(super) fn new(total: Option<usize>, callback: Callback) -> Self {
        Self {
            done: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            total,
            callback: Some(callback),
        }
    }

    pub(super) fn count(&self, well: usize, ill: usize) {
        let Some(callback) = &self.callback else { return };
        // ORDERING: Relaxed. Two counts; neither orders anything.
        let failed = self.failed.fetch_add(ill, Ordering::Relaxed) + ill;
        // ORDERING: Relaxed. As above.
        let done = self.done.fetch_add(well + ill, Ordering::Relaxed) + well + ill;
        callback(Progress { done, failed, total: self.total });
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("done", &self.done).finish_non_exhaustive()
    }
}

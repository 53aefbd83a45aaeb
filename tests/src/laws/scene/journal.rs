//! What ran, and in which order.

use super::Scratch;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A file to which jobs add numbers; lines of one run never mix.
#[derive(Debug)]
pub struct Journal {
    file: PathBuf,
    _scratch: Scratch,
}

impl Journal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        let scratch = Scratch::new();
        Self { file: scratch.join("journal"), _scratch: scratch }
    }

    /// What a job needs to [`note`] something here.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.file.clone()
    }

    /// What has been noted so far, in order.
    ///
    /// # Panics
    ///
    /// If something else than [`note`] wrote the file.
    #[must_use]
    pub fn entries(&self) -> Vec<u64> {
        // It is made by the first entry.
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(|line| line.parse().expect("a number on each line")).collect()
    }

    /// What has been noted so far, sorted.
    #[must_use]
    pub fn sorted_entries(&self) -> Vec<u64> {
        let mut entries = self.entries();
        entries.sort_unstable();
        entries
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self::new()
    }
}

/// Adds a number to a journal.
///
/// # Panics
///
/// If the journal is gone.
pub fn note(journal: &Path, number: u64) {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(journal)
        .expect("the law keeps its journal until all its jobs are done");
    // One write: appends are atomic.
    file.write_all(format!("{number}\n").as_bytes()).expect("a line can be added");
}

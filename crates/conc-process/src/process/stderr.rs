//! The last lines of a captured stderr.

use crate::supervisor::Watch;
use crate::sys::files;
use nix::errno::Errno;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// So many bytes are kept.
const KEPT: usize = 4096;

/// So often one look reads: together what a pipe holds. Who writes without end must not keep the
/// reader from everything else.
const READS: usize = 16;

/// The end of what a process wrote to its stderr.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Reads return at once.
    pipe: File,
    kept: Mutex<VecDeque<u8>>,
}

impl Tail {
    pub(crate) fn new(pipe: OwnedFd) -> Result<Self, Errno> {
        files::set_nonblocking(&pipe)?;
        Ok(Self { pipe: File::from(pipe), kept: Mutex::default() })
    }

    /// Reads what is there, within bounds; `true` at the end.
    pub(super) fn drain(&self) -> bool {
        let mut kept = self.kept.lock();
        let mut buffer = [0; KEPT];
        for _ in 0..READS {
            match (&self.pipe).read(&mut buffer) {
                Ok(0) => return true,
                Ok(count) => {
                    kept.extend(buffer.get(..count).unwrap_or_default());
                    let excess = kept.len().saturating_sub(KEPT);
                    kept.drain(..excess);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
        false
    }

    /// Readable when there is more.
    pub(super) fn pipe(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// The last lines, as text.
    pub(crate) fn text(&self) -> String {
        self.drain();
        let mut kept = self.kept.lock();
        let whole = kept.len() < KEPT;
        let text = String::from_utf8_lossy(kept.make_contiguous()).into_owned();
        // The first line of a longer text is cut somewhere.
        match text.split_once('\n') {
            Some((_, rest)) if !whole => rest.to_owned(),
            _ => text,
        }
    }
}

/// Keeps the pipe from filling up.
pub(crate) struct TailWatch(pub(crate) Arc<Tail>);

impl Watch for TailWatch {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.pipe.as_fd()
    }

    fn look(&mut self) -> bool {
        self.0.drain()
    }
}

//! What this process has of its own: which segments it maps, and who watches them.
//!
//! A copy made by fork starts with nothing. What its original had stays where it is, untouched: a
//! thread that is missing in the copy may have held one of its locks.

use crate::members::Watcher;
use crate::segment::{Attachment, Sent};
use crate::sys::file::Identity;
use crate::sys::fork_mark;
use conc_core::sync::{AtomicPtr, Mutex, Ordering};
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::ptr;
use std::sync::Weak;

/// What this process has of its own.
pub(crate) struct Local {
    epoch: u64,
    /// One mapping a file.
    pub(crate) segments: Mutex<HashMap<Identity, Weak<Attachment>>>,
    pub(crate) watcher: Watcher,
    /// Segments whose receivers have not come yet.
    pub(crate) sent: Sent,
}

/// The latest: this process's, or the one that it was copied from.
static LOCAL: AtomicPtr<Local> = AtomicPtr::new(ptr::null_mut());

impl Local {
    /// This process's own.
    pub(crate) fn get() -> &'static Self {
        let epoch = fork_mark::epoch();
        loop {
            // ORDERING(local.new): Acquire. It is seen complete.
            let seen = LOCAL.load(Ordering::Acquire);
            // SAFETY: null, or leaked below.
            match unsafe { seen.as_ref() } {
                Some(local) if local.epoch == epoch => return local,
                _ => {}
            }
            let new = Box::into_raw(Box::new(Self {
                epoch,
                segments: Mutex::default(),
                watcher: Watcher::default(),
                sent: Sent::default(),
            }));
            // ORDERING(local.new): Release on success: it is complete. Nothing is read through
            // the value of a failure, the loop loads again: Relaxed.
            let put = LOCAL.compare_exchange(seen, new, Ordering::Release, Ordering::Relaxed);
            if put.is_err() {
                // SAFETY: made above, and nobody has seen it.
                drop(unsafe { Box::from_raw(new) });
            }
        }
    }

    /// A second descriptor of a file that this process has attached.
    pub(crate) fn descriptor_of(&self, file: Identity) -> Option<io::Result<OwnedFd>> {
        let attached = self.segments.lock().get(&file).and_then(Weak::upgrade)?;
        Some(attached.descriptor().try_clone_to_owned())
    }
}

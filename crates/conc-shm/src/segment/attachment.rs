//! One mapping of one segment in this process.

use super::header::{CONTENT_AT, Checked, LIVE_AT, TABLE_AT};
use crate::OutOfMemory;
use crate::local::Local;
use crate::members::{Hooks, Identity, Member, Row, Table};
use crate::sys::available::available;
use crate::sys::file;
use crate::sys::fork_mark;
use crate::sys::mapping::Mapping;
use conc_core::sync::{AtomicBool, Mutex, Ordering};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Weak;

/// One mapping of one segment in this process. All handles share it.
pub(crate) struct Attachment {
    pub(super) space: Space,
    pub(super) epoch: u64,
    pub(super) me: Identity,
    pub(super) member: Member,
    pub(super) name: Option<Box<str>>,
    pub(crate) hooks: Hooks,
    /// Whose row this process has, until what it held is recovered.
    pub(crate) inherited: Mutex<Option<Identity>>,
    /// Somebody will come, even if nobody is there.
    pub(super) kept_open: AtomicBool,
}

/// A mapped file that was checked, and is nobody's member yet.
pub(super) struct Space {
    pub(super) mapping: Mapping,
    pub(super) file: OwnedFd,
    pub(super) identity: file::Identity,
    pub(super) checked: Checked,
}

impl Space {
    /// The words that change.
    pub(super) fn table(&self) -> Table<'_> {
        let start = self.mapping.start();
        // SAFETY: the mapping is longer than `CONTENT_AT`, which is behind both.
        let live = unsafe { start.add(LIVE_AT as usize) };
        // SAFETY: as above.
        let rows = unsafe { start.add(TABLE_AT as usize) };
        // SAFETY:
        // - Both are in the mapping, and aligned: so are its start and the distances.
        // - All of their bytes are atomics, for which any value is valid.
        // - The table borrows the mapping.
        unsafe { Table::new(live.cast(), rows.cast()) }
    }

    /// The first byte of the content.
    pub(super) fn content(&self) -> NonNull<u8> {
        // SAFETY: the file is at least so long (checked), and mapped as a whole.
        unsafe { self.mapping.start().add(CONTENT_AT as usize) }
    }

    /// Makes the page of a row exist.
    pub(super) fn reserve_row(&self, row: u16) -> Result<(), OutOfMemory> {
        let start = TABLE_AT + u64::from(row) * size_of::<Row>() as u64;
        let range = start..start + size_of::<Row>() as u64;
        reserve(self.file.as_fd(), [range])
    }
}

/// Makes the pages of ranges of a file exist, or finds that there is no memory for them.
pub(super) fn reserve<const N: usize>(
    file: BorrowedFd<'_>,
    ranges: [Range<u64>; N],
) -> Result<(), OutOfMemory> {
    let wanted = ranges.iter().map(|range| range.end - range.start).sum();
    let asked = match file::facts(file) {
        // More than what has no page yet is never taken.
        Ok(facts) => facts.len.saturating_sub(facts.reserved).min(wanted),
        Err(_) => wanted,
    };
    let available = available();
    if asked > available {
        return Err(OutOfMemory { asked, available });
    }
    for range in ranges {
        let reserved = file::reserve(file, range.start, range.end);
        reserved.map_err(|_| OutOfMemory { asked, available })?;
    }
    Ok(())
}

impl Attachment {
    pub(crate) fn table(&self) -> Table<'_> {
        self.space.table()
    }

    pub(crate) fn content(&self) -> NonNull<u8> {
        self.space.content()
    }

    pub(crate) fn checked(&self) -> &Checked {
        &self.space.checked
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.space.file.as_fd()
    }

    pub(super) fn identity(&self) -> file::Identity {
        self.space.identity
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// This process, as its members know it.
    pub(crate) fn me(&self) -> Identity {
        self.me
    }

    pub(crate) fn member(&self) -> Member {
        self.member
    }

    #[inline]
    pub(crate) fn is_forked(&self) -> bool {
        self.epoch != fork_mark::epoch()
    }

    pub(super) fn keep_open(&self) {
        // ORDERING: Relaxed. Says nothing about other memory.
        self.kept_open.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_kept_open(&self) -> bool {
        // ORDERING: Relaxed. As above.
        self.kept_open.load(Ordering::Relaxed)
    }

    /// Whether nobody's row may be freed without the object.
    pub(crate) fn recovers(&self) -> bool {
        self.space.checked.recovers
    }

    pub(crate) fn reserve_row(&self, row: u16) -> Result<(), OutOfMemory> {
        self.space.reserve_row(row)
    }

    pub(super) fn reserve(&self, range: Range<u64>) -> Result<(), OutOfMemory> {
        let content_len = self.space.checked.content_len as u64;
        assert!(
            range.start <= range.end && range.end <= content_len,
            "{range:?} is not within {content_len} bytes of content"
        );
        let range = CONTENT_AT + range.start..CONTENT_AT + range.end;
        reserve(self.descriptor(), [range])
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if self.is_forked() {
            // The row is the original's. So is whatever the locks below protect.
            return;
        }
        self.leave();
        let local = Local::get();
        let mut segments = local.segments.lock();
        if let std::collections::hash_map::Entry::Occupied(entry) = segments.entry(self.identity())
        {
            // Meanwhile it may have been attached anew.
            if std::ptr::eq(Weak::as_ptr(entry.get()), self) {
                entry.remove();
            }
        }
        drop(segments);
        local.watcher.look_again();
    }
}

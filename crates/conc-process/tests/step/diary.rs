//! What jobs write down: that they began, and that they ended.

use conc_core::PortableFd;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pieces of work that a diary tells apart.
const PARTS: usize = 4;

/// How often each part began and ended.
pub(crate) type Page = [[u64; 2]; PARTS];

/// Counters in memory that all processes of a test have: how often each part began, and ended.
pub(crate) struct Diary(&'static [[AtomicU64; 2]; PARTS]);

static DIARY: OnceLock<Diary> = OnceLock::new();

impl Diary {
    /// An empty one, which is this process's from now on, and for others to [`open`](Self::open).
    pub(crate) fn create() -> (&'static Self, PortableFd) {
        let name = c"diary";
        // SAFETY: the call takes a name and a number.
        let file = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
        assert!(file >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: just opened, and nobody else's.
        let file = File::from(unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(file) });
        file.set_len(size_of::<[[AtomicU64; 2]; PARTS]>() as u64).unwrap();
        let copy = file.try_clone().unwrap();
        Self::open(PortableFd::new(file));
        (DIARY.get().unwrap(), PortableFd::new(copy))
    }

    /// Makes it this process's.
    pub(crate) fn open(file: PortableFd) {
        let file = OwnedFd::from(file);
        let length = size_of::<[[AtomicU64; 2]; PARTS]>();
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let (shared, file) = (libc::MAP_SHARED, file.as_raw_fd());
        // SAFETY: a new mapping of an open file, wherever there is room.
        let page = unsafe { libc::mmap(ptr::null_mut(), length, protection, shared, file, 0) };
        assert_ne!(page, libc::MAP_FAILED);
        // SAFETY: mapped for as long as the process lives, as long as the file; any bytes are
        // valid for atomics, and everybody uses them as such.
        let counters = unsafe { page.cast::<[[AtomicU64; 2]; PARTS]>().as_ref() }.unwrap();
        assert!(DIARY.set(Self(counters)).is_ok());
    }

    pub(crate) fn clear(&self) {
        self.0.iter().flatten().for_each(|counter| counter.store(0, Ordering::SeqCst));
    }

    pub(crate) fn read(&self) -> Page {
        let read = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        self.0.each_ref().map(|part| part.each_ref().map(read))
    }
}

fn count(part: usize, which: usize) {
    DIARY.get().unwrap().0[part][which].fetch_add(1, Ordering::SeqCst);
}

/// The body of a part begins.
pub(crate) fn begun(part: usize) {
    count(part, 0);
}

/// The body of a part ends.
pub(crate) fn ended(part: usize) {
    count(part, 1);
}

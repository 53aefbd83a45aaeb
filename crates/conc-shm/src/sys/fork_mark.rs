//! Is this process still the one that it was?
//!
//! A page that the kernel wipes in every child by fork holds this process's *epoch*. A handle
//! remembers the epoch of its birth; in a copy made by fork it finds another one.

use conc_core::sync::{AtomicPtr, AtomicU64, Ordering};
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
use std::num::NonZeroUsize;
use std::ptr;

/// Where the epoch is; null until it is first asked for. No lock is involved: a fork may happen
/// at any moment, and the copy must not find one that is held for ever.
static MARK: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

/// The mark where the kernel wipes no pages: a handler does.
static PLAIN: AtomicU64 = AtomicU64::new(0);

/// The last epoch of this process and of those that it is a copy of.
static LAST: AtomicU64 = AtomicU64::new(0);

/// The number of this life; never 0, and another one in every copy that fork makes.
#[inline]
pub(crate) fn epoch() -> u64 {
    // ORDERING(fork_mark.page): Acquire. The page is seen as `first` prepared it.
    let page = MARK.load(Ordering::Acquire);
    // SAFETY: null, or a page or static that is never freed.
    let mark = unsafe { page.as_ref() }.unwrap_or_else(first);
    // ORDERING: Relaxed. The value alone matters.
    match mark.load(Ordering::Relaxed) {
        0 => begin(mark),
        epoch => epoch,
    }
}

/// The first question in this process.
#[cold]
fn begin(mark: &AtomicU64) -> u64 {
    // ORDERING: Relaxed. Only uniqueness matters, and one thread wins.
    let next = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    match mark.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => next,
        Err(epoch) => epoch,
    }
}

/// The first question in this program.
#[cold]
fn first() -> &'static AtomicU64 {
    let new = match wiped_page() {
        Ok(page) => page,
        Err(_) => {
            // SAFETY: the handler is never unloaded, and only stores to an atomic.
            unsafe { libc::pthread_atfork(None, None, Some(wipe)) };
            ptr::from_ref(&PLAIN).cast_mut()
        }
    };
    // ORDERING(fork_mark.page): Release on success: the page is ready. Acquire on failure: so is
    // the other one.
    let other = MARK.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire);
    match other {
        // SAFETY: a page or static that is never freed from now on.
        Ok(_) => unsafe { &*new },
        Err(page) => {
            if !ptr::eq(new, &raw const PLAIN) {
                if let Some(page) = ptr::NonNull::new(new) {
                    // SAFETY: made above, and nobody has seen it.
                    let _ = unsafe { munmap(page.cast(), size_of::<AtomicU64>()) };
                }
            }
            // SAFETY: whoever came first has put it there, for ever.
            unsafe { &*page }
        }
    }
}

extern "C" fn wipe() {
    // ORDERING: Relaxed. The copy has one thread.
    PLAIN.store(0, Ordering::Relaxed);
}

/// A page of zeroes that is zeroes again in every copy.
fn wiped_page() -> Result<*mut AtomicU64, Errno> {
    let len = NonZeroUsize::new(size_of::<AtomicU64>()).ok_or(Errno::EINVAL)?;
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: no address is asked for, so the kernel takes a range that nobody uses.
    let page = unsafe { mmap_anonymous(None, len, protection, MapFlags::MAP_PRIVATE) }?;
    // SAFETY: the page is ours, and empty.
    let advised = unsafe { madvise(page, len.get(), MmapAdvise::MADV_WIPEONFORK) };
    if let Err(error) = advised {
        // SAFETY: nobody has seen it.
        unsafe { munmap(page, len.get()) }?;
        return Err(error);
    }
    Ok(page.as_ptr().cast())
}

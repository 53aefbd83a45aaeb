//! The bytes of a segment.

use super::Memory;
use crate::segment::Segment;
use conc_core::sync::{AtomicU64, Ordering};
use std::convert::Infallible;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

const WORD: usize = size_of::<u64>();
const PAIR: usize = 2 * WORD;

/// Messages up to so many bytes are copied in word by word: they were written just now, maybe in
/// pieces no larger than that.
const SHORT: usize = 64;

/// The words of a segment's content, from its start on.
///
/// # Happens-before
///
/// The edge of every hand-over in shared memory is `shm.word`: whoever reads what an exchange or a
/// store has written sees everything that its writer did before.
#[derive(Debug, Clone)]
pub(crate) struct Mapped {
    start: NonNull<AtomicU64>,
    words: usize,
    /// Keeps the mapping. A content that is only being prepared is kept by its creator.
    _segment: Option<Segment>,
}

// SAFETY:
// - All accesses go through atomics.
// - The segment keeps its bytes mapped for as long as this value lives, on whatever thread.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    pub(crate) fn new(segment: &Segment) -> Self {
        let words = usize::try_from(segment.content_len()).unwrap_or(0) / WORD;
        Self { start: segment.content().cast(), words, _segment: Some(segment.clone()) }
    }

    /// A content that nobody else can see yet.
    ///
    /// # Safety
    ///
    /// It has so many bytes, is aligned to a page, and stays mapped as long as the value lives.
    pub(crate) const unsafe fn unborn(content: NonNull<u8>, bytes: u64) -> Self {
        Self { start: content.cast(), words: bytes as usize / WORD, _segment: None }
    }

    /// The word with this number.
    #[inline]
    fn at(&self, word: usize) -> &AtomicU64 {
        debug_assert!(word < self.words, "word {word} of {}", self.words);
        // SAFETY: the geometry was checked against the segment's length when it was attached, and
        // every number comes from the geometry and from indices below its counts.
        let place = unsafe { self.start.add(word) };
        // SAFETY:
        // - The mapping is aligned to a page, so each word is aligned; it lives as long as `self`.
        // - Any bytes are a valid atomic, and all other accesses are atomic as well, or exclusive
        //   by the protocol of the object.
        unsafe { place.as_ref() }
    }

    /// Where a word lies, for what is more than words.
    #[inline]
    pub(crate) fn pointer(&self, word: usize) -> NonNull<u8> {
        debug_assert!(word < self.words, "word {word} of {}", self.words);
        // SAFETY: as in `at`.
        unsafe { self.start.add(word) }.cast()
    }
}

impl Mapped {
    /// Reads bytes, from the start of a word on. All of `bytes` are initialised afterwards.
    #[inline]
    pub(crate) fn copy_to(&self, word: usize, bytes: &mut [MaybeUninit<u8>]) {
        let (pairs, rest) = bytes.split_at_mut(in_pairs(bytes.len()));
        for (at, pair) in pairs.chunks_exact_mut(PAIR).enumerate() {
            let from = self.pointer(word + 2 * at);
            // SAFETY: both are there for two words; the words of the segment are shared, see
            // `copy_pair`.
            unsafe { copy_pair(from.as_ptr(), pair.as_mut_ptr().cast()) };
        }
        let first = word + pairs.len() / WORD;
        for (word, part) in (first..).zip(rest.chunks_mut(WORD)) {
            // ORDERING: Relaxed. Ordered after the word that was looked at, which is an acquire,
            // and before the exchange that takes, which is a release.
            let value = self.at(word).load(Ordering::Relaxed).to_ne_bytes();
            for (to, byte) in part.iter_mut().zip(value) {
                to.write(byte);
            }
        }
    }
}

impl Mapped {
    /// Reads bytes, from the start of a word on, behind those that `into` has.
    pub(crate) fn append_to(&self, word: usize, length: usize, into: &mut Vec<u8>) {
        into.reserve(length);
        self.copy_to(word, &mut into.spare_capacity_mut()[..length]);
        let whole = into.len() + length;
        // SAFETY: reserved, and initialised by the copy.
        unsafe { into.set_len(whole) };
    }
}

/// Copies two words of which one side is shared and may be written meanwhile.
///
/// Both sides of a queue copy messages that others may overwrite at the same time: each byte is
/// read and written once, by an instruction of the processor, as a relaxed access would be. On
/// x86-64 by one that takes both words at once, since what is read next is often read in one
/// piece, and a piece that was written in two has to wait until both have reached the cache.
///
/// # Safety
///
/// Two words can be read at `from`, and written at `to`. Who else accesses the shared side does so
/// by atomics or by this function.
#[inline]
unsafe fn copy_pair(from: *const u8, to: *mut u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's contract; nothing but `to` and the register changes.
    unsafe {
        std::arch::asm!(
            "movups {pair}, [{from}]",
            "movups [{to}], {pair}",
            pair = out(xmm_reg) _,
            from = in(reg) from,
            to = in(reg) to,
            options(nostack, preserves_flags),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    unreachable!("{from:p} to {to:p}: no pairs on this processor");
}

/// So many of these bytes are copied two words at a time.
const fn in_pairs(bytes: usize) -> usize {
    if cfg!(target_arch = "x86_64") { bytes / PAIR * PAIR } else { 0 }
}

impl Memory for Mapped {
    type Halt = Infallible;

    #[inline]
    fn load(&self, word: usize) -> Result<u64, Infallible> {
        // ORDERING(shm.word): SeqCst. One order of all accesses: who announces that it will sleep
        // and then looks, or publishes and then looks for sleepers, cannot both miss the other.
        Ok(self.at(word).load(Ordering::SeqCst))
    }

    #[inline]
    fn store(&self, word: usize, value: u64) -> Result<(), Infallible> {
        // ORDERING(shm.word): SeqCst. As `load`.
        self.at(word).store(value, Ordering::SeqCst);
        Ok(())
    }

    #[inline]
    fn exchange(&self, word: usize, old: u64, new: u64) -> Result<Result<(), u64>, Infallible> {
        // ORDERING(shm.word): SeqCst. As `load`; a failure has seen what it answers.
        let exchanged =
            self.at(word).compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst);
        Ok(exchanged.map(drop))
    }

    #[inline]
    fn add(&self, word: usize, value: u64) -> Result<u64, Infallible> {
        // ORDERING(shm.word): SeqCst. As `load`.
        Ok(self.at(word).fetch_add(value, Ordering::SeqCst))
    }

    #[inline]
    fn hint(&self, word: usize) -> Result<u64, Infallible> {
        // ORDERING(shm.hint): Acquire. Whoever goes by a hint sees what its writer had passed.
        Ok(self.at(word).load(Ordering::Acquire))
    }

    #[inline]
    fn set_hint(&self, word: usize, value: u64) -> Result<(), Infallible> {
        // ORDERING(shm.hint): Release. As above.
        self.at(word).store(value, Ordering::Release);
        Ok(())
    }

    #[inline]
    fn copy_in(&self, word: usize, bytes: &[u8]) -> Result<(), Infallible> {
        let (pairs, rest) = if bytes.len() > SHORT {
            bytes.split_at(in_pairs(bytes.len()))
        } else {
            bytes.split_at(0)
        };
        for (at, pair) in pairs.chunks_exact(PAIR).enumerate() {
            let to = self.pointer(word + 2 * at);
            // SAFETY: both are there for two words; the words of the segment are shared, see
            // `copy_pair`.
            unsafe { copy_pair(pair.as_ptr(), to.as_ptr()) };
        }
        let word = word + pairs.len() / WORD;
        let words = rest.chunks_exact(WORD);
        let (count, rest) = (words.len(), words.remainder());
        for (at, chunk) in words.enumerate() {
            let value = u64::from_ne_bytes(chunk.try_into().expect("chunks of a word"));
            // ORDERING: Relaxed. The exchange that publishes orders it.
            self.at(word + at).store(value, Ordering::Relaxed);
        }
        if !rest.is_empty() {
            let mut last = [0; WORD];
            last[..rest.len()].copy_from_slice(rest);
            // ORDERING: Relaxed. As above.
            self.at(word + count).store(u64::from_ne_bytes(last), Ordering::Relaxed);
        }
        Ok(())
    }

    #[inline]
    fn copy_out(&self, word: usize, bytes: &mut [u8]) -> Result<(), Infallible> {
        // SAFETY: initialised bytes may be used as maybe uninitialised ones that are only written.
        let bytes = unsafe { &mut *(std::ptr::from_mut(bytes) as *mut [MaybeUninit<u8>]) };
        self.copy_to(word, bytes);
        Ok(())
    }

    #[inline]
    fn write_soon(&self, word: usize) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch touches nothing, wherever it points; processors that do not know this
        // one take it for no instruction.
        unsafe {
            std::arch::asm!(
                "prefetchw [{}]",
                in(reg) self.pointer(word).as_ptr(),
                options(nostack, preserves_flags, readonly),
            );
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = word;
    }

    #[inline]
    fn read_soon(&self, word: usize) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch touches nothing, wherever it points.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.pointer(word).as_ptr().cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = word;
    }
}

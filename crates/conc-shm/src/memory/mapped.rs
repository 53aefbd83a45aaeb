//! The bytes of a segment.

use super::Memory;
use crate::segment::Segment;
use conc_core::sync::{AtomicU64, Ordering};
use std::convert::Infallible;
use std::ptr::NonNull;

const WORD: usize = size_of::<u64>();

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
        let words = bytes.chunks_exact(WORD);
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
        let mut words = bytes.chunks_exact_mut(WORD);
        let count = words.len();
        for (at, chunk) in words.by_ref().enumerate() {
            // ORDERING: Relaxed. Ordered after the word that was looked at, which is an acquire,
            // and before the exchange that takes, which is a release.
            chunk.copy_from_slice(&self.at(word + at).load(Ordering::Relaxed).to_ne_bytes());
        }
        let rest = words.into_remainder();
        if !rest.is_empty() {
            // ORDERING: Relaxed. As above.
            let last = self.at(word + count).load(Ordering::Relaxed).to_ne_bytes();
            rest.copy_from_slice(&last[..rest.len()]);
        }
        Ok(())
    }

    #[inline]
    fn write_soon(&self, word: usize) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
            // SAFETY: a prefetch touches nothing, wherever it points.
            unsafe { _mm_prefetch::<_MM_HINT_ET0>(self.pointer(word).as_ptr().cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = word;
    }
}

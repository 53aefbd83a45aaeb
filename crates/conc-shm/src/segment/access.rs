//! Plain access to the content, which other processes access, too.
//!
//! Whatever is read or written here goes through relaxed atomic words: a race gives old bytes, new
//! bytes, or some of both, and never undefined behaviour.

use super::Segment;
use crate::OutOfRange;
use conc_core::sync::{AtomicU64, Ordering};

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

impl Segment {
    /// Copies bytes out of the content. A race with a writer gives old bytes, new ones, or some of
    /// both.
    ///
    /// # Errors
    ///
    /// The range is not within the content.
    pub fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), OutOfRange> {
        let mut at = self.within(offset, bytes.len() as u64)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (word, skip) = (self.word(at / WORD), at % WORD);
            let len = rest.len().min(WORD - skip);
            let (now, later) = rest.split_at_mut(len);
            // ORDERING: Relaxed. Whoever needs order has words of its own.
            let value = word.load(Ordering::Relaxed).to_ne_bytes();
            now.copy_from_slice(&value[skip..skip + len]);
            (rest, at) = (later, at + len);
        }
        Ok(())
    }

    /// Copies bytes into the content. Two writers of the same bytes may leave some of each; bytes
    /// beside them stay whole.
    ///
    /// # What if a process dies
    ///
    /// Some of the bytes are written.
    ///
    /// # Errors
    ///
    /// The range is not within the content.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), OutOfRange> {
        let mut at = self.within(offset, bytes.len() as u64)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (word, skip) = (self.word(at / WORD), at % WORD);
            let len = rest.len().min(WORD - skip);
            let (now, later) = rest.split_at(len);
            if let Ok(whole) = now.try_into() {
                // ORDERING: Relaxed. Whoever needs order has words of its own.
                word.store(u64::from_ne_bytes(whole), Ordering::Relaxed);
            } else {
                let merged = |old: u64| {
                    let mut value = old.to_ne_bytes();
                    value[skip..skip + len].copy_from_slice(now);
                    Some(u64::from_ne_bytes(value))
                };
                // ORDERING: Relaxed. As above; the neighbours' bytes stay by the exchange itself.
                let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, merged);
            }
            (rest, at) = (later, at + len);
        }
        Ok(())
    }

    /// The word of the content with this index: eight bytes at eight times the index.
    ///
    /// # Errors
    ///
    /// It is not within the content.
    pub fn atomic_u64(&self, index: u64) -> Result<&AtomicU64, OutOfRange> {
        let offset = index.saturating_mul(WORD as u64);
        Ok(self.word(self.within(offset, WORD as u64)? / WORD))
    }

    /// The content as it is.
    ///
    /// # Safety
    ///
    /// As long as the slice exists, no process writes to the content, by whatever way. Its pages
    /// exist, or there is memory for them.
    #[must_use]
    pub unsafe fn as_slice(&self) -> &[u8] {
        // SAFETY: mapped and so long; nobody writes (contract).
        unsafe {
            std::slice::from_raw_parts(
                self.content().as_ptr(),
                self.attachment.checked().content_len,
            )
        }
    }

    /// Where the range begins, if it is in the content.
    fn within(&self, offset: u64, len: u64) -> Result<usize, OutOfRange> {
        let content_len = self.content_len();
        match offset.checked_add(len).filter(|&end| end <= content_len) {
            Some(_) => Ok(offset as usize),
            None => Err(OutOfRange { offset, len, content_len }),
        }
    }

    /// A word at least a byte of which is in the content; the mapping ends with a whole page.
    fn word(&self, index: usize) -> &AtomicU64 {
        debug_assert!(index * WORD < self.attachment.checked().content_len);
        // SAFETY: in the mapping (above).
        let word = unsafe { self.content().cast::<AtomicU64>().add(index) };
        // SAFETY:
        // - Aligned: the content begins with a page. Any bytes are a valid word.
        // - The handle that is borrowed keeps the mapping.
        // - All accesses of this crate to shared bytes are atomic.
        unsafe { word.as_ref() }
    }
}

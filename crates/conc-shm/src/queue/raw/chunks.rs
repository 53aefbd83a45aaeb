//! Room for messages that do not fit into a place.

use super::{RawQueue, word_at};
use crate::OutOfMemory;
use crate::memory::Memory;
use crate::queue::geometry::Happening;
use crate::queue::protocol::{Position, chunks};
use crate::waiting::Host;
use conc_core::sync::Ordering;

/// Why there are no chunks for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoChunks {
    /// Others use them.
    Full,
    /// There would be some if the machine had memory.
    OutOfMemory(OutOfMemory),
}

/// Chunks that this process owns, in the order of the message. Dropped: free again.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    raw: &'a RawQueue,
    chunks: Vec<u32>,
    /// Bytes of the message.
    length: u32,
}

impl RawQueue {
    /// Takes enough chunks for so many bytes, or none.
    pub(crate) fn try_chain(&self, length: u32) -> Result<Chain<'_>, NoChunks> {
        let chunk = self.geometry.numbers.chunk;
        let count = length.div_ceil(chunk.max(1)) as usize;
        let mut exist = self.chunks_that_exist();
        // Looked first, taken then: to take some and give them back would wake those who wait,
        // this one included.
        let mut unused = self.unused_chunks(0..exist, count);
        while unused < count {
            let grown = self.grow(exist)?;
            if grown == exist {
                return Err(NoChunks::Full);
            }
            unused += self.unused_chunks(exist..grown, count - unused);
            exist = grown;
        }
        let mut chain = Chain { raw: self, chunks: Vec::with_capacity(count), length };
        let owned = self.owned();
        // ORDERING: Relaxed. A guess.
        let start = self.free_chunk.load(Ordering::Relaxed) as u32;
        let start = if start < exist { start } else { 0 };
        for chunk in (start..exist).chain(0..start) {
            if chain.chunks.len() == count {
                break;
            }
            if self.take_chunk(chunk, owned) {
                chain.chunks.push(chunk);
            }
        }
        if chain.chunks.len() < count {
            return Err(NoChunks::Full);
        }
        let next = chain.chunks.last().map_or(0, |last| last + 1);
        // ORDERING: Relaxed. A guess.
        self.free_chunk.store(next.into(), Ordering::Relaxed);
        Ok(chain)
    }

    /// How many of these chunks could be taken; no more than `wanted` are counted.
    fn unused_chunks(&self, chunks: std::ops::Range<u32>, wanted: usize) -> usize {
        let is_unused = |chunk: &u32| {
            let word = word_at(&self.memory, self.geometry.chunk_words + *chunk as usize);
            let Ok(unused) = self.ring().is_chunk_unused(word);
            unused
        };
        chunks.filter(is_unused).take(wanted).count()
    }

    fn owned(&self) -> u64 {
        chunks::owned(self.me.row, self.me.generation)
    }

    fn take_chunk(&self, chunk: u32, owned: u64) -> bool {
        let at = self.geometry.chunk_words + chunk as usize;
        let word = word_at(&self.memory, at);
        let Ok(unused) = self.ring().is_chunk_unused(word);
        if !unused {
            return false;
        }
        let Ok(exchanged) = self.memory.exchange(at, word, owned);
        exchanged.is_ok()
    }

    /// How many chunks have pages.
    fn chunks_that_exist(&self) -> u32 {
        let word = word_at(&self.memory, self.geometry.extent_word());
        u32::try_from(word).unwrap_or(0).min(self.geometry.numbers.chunks)
    }

    /// Makes more chunks exist; how many there are then.
    fn grow(&self, exist: u32) -> Result<u32, NoChunks> {
        let all = self.geometry.numbers.chunks;
        let more = exist.saturating_add(self.geometry.chunks_of_an_extent()).min(all);
        if more > exist {
            let bytes = self.geometry.bytes_of(exist..more);
            self.segment().reserve(bytes).map_err(NoChunks::OutOfMemory)?;
            // Who loses this exchange has reserved the same pages.
            let at = self.geometry.extent_word();
            let Ok(_) = self.memory.exchange(at, exist.into(), more.into());
        }
        Ok(self.chunks_that_exist())
    }

    /// The chunks of a message that this process has leased, in their order. Bounded and within
    /// the queue whatever is in memory.
    pub(crate) fn chunks_of(&self, first: u32, length: u32) -> Vec<u32> {
        let count = length.div_ceil(self.geometry.numbers.chunk.max(1));
        let mut chunks = Vec::new();
        let mut next = first;
        while (chunks.len() as u32) < count && next < self.geometry.numbers.chunks {
            chunks.push(next);
            let link = word_at(&self.memory, self.geometry.links + next as usize);
            next = u32::try_from(link).unwrap_or(u32::MAX);
        }
        chunks
    }

    /// The chunks of the message at a place of ours, and the position that they are bound to.
    pub(crate) fn chunks_at(&self, index: u32) -> Option<(Position, Vec<u32>)> {
        let (length, first) = self.length(index);
        let first = first.filter(|_| self.geometry.numbers.chunks > 0)?;
        let Ok(at) = self.ring().claimed_at(index);
        Some((at, self.chunks_of(first, self.sane_length(length))))
    }

    /// A length that a message can have, whatever somebody has forged.
    pub(crate) fn sane_length(&self, length: u32) -> u32 {
        u64::from(length).min(self.geometry.message_max()) as u32
    }

    /// Reads a message out of its chunks, behind what `into` has.
    pub(crate) fn read_chunks(&self, chunks: &[u32], length: usize, into: &mut Vec<u8>) {
        let end = into.len() + length;
        into.reserve(length);
        for chunk in chunks {
            let part = (self.geometry.numbers.chunk as usize).min(end - into.len());
            self.memory.append_to(self.geometry.chunk(*chunk), part, into);
        }
        // Shorter only if somebody has forged the links, or the length.
        into.resize(end, 0);
    }

    /// Frees the chunks of a message that is over. Those that somebody has taken already are
    /// theirs.
    pub(crate) fn free_chunks(&self, at: Position, chunks: &[u32]) {
        for chunk in chunks {
            let word = self.geometry.chunk_words + *chunk as usize;
            let Ok(_) = self.memory.exchange(word, chunks::bound(at), chunks::FREE);
        }
        self.event(Happening::Chunk).notify_all();
        self.wakers(Happening::Chunk).nudge();
    }

    /// Frees the chunks of a process that died in the middle of a message.
    pub(super) fn recover_chunks(&self, dead: crate::Member, is_current: impl Fn() -> bool) {
        let owned = chunks::owned(dead.row, dead.generation);
        for chunk in 0..self.chunks_that_exist() {
            let at = self.geometry.chunk_words + chunk as usize;
            if word_at(&self.memory, at) == owned && is_current() {
                let Ok(_) = self.memory.exchange(at, owned, chunks::FREE);
            }
        }
    }
}

impl Chain<'_> {
    pub(crate) fn first(&self) -> u32 {
        self.chunks.first().copied().unwrap_or(0)
    }

    pub(crate) const fn length(&self) -> u32 {
        self.length
    }

    /// Writes the message, and how its chunks hang together.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let raw = self.raw;
        let size = raw.geometry.numbers.chunk as usize;
        for (chunk, part) in self.chunks.iter().zip(bytes.chunks(size.max(1))) {
            let Ok(()) = raw.memory.copy_in(raw.geometry.chunk(*chunk), part);
        }
        for pair in self.chunks.windows(2) {
            let Ok(()) = raw.memory.store(raw.geometry.links + pair[0] as usize, pair[1].into());
        }
    }

    /// From here on the chunks belong to the message at this position.
    pub(crate) fn bind(&self, at: Position) {
        self.exchange_all(self.raw.owned(), chunks::bound(at));
    }

    /// Back to us: the place is given back next.
    pub(crate) fn unbind(&self, at: Position) {
        self.exchange_all(chunks::bound(at), self.raw.owned());
    }

    /// The message is published: nothing is freed.
    pub(crate) fn forget(&mut self) {
        self.chunks.clear();
    }

    fn exchange_all(&self, from: u64, to: u64) {
        for chunk in &self.chunks {
            let word = self.raw.geometry.chunk_words + *chunk as usize;
            let Ok(exchanged) = self.raw.memory.exchange(word, from, to);
            assert!(exchanged.is_ok(), "a chunk of ours was taken");
        }
    }
}

impl Drop for Chain<'_> {
    fn drop(&mut self) {
        if self.chunks.is_empty() || self.raw.is_forked() {
            return;
        }
        let owned = self.raw.owned();
        for chunk in &self.chunks {
            let word = self.raw.geometry.chunk_words + *chunk as usize;
            let Ok(_) = self.raw.memory.exchange(word, owned, chunks::FREE);
        }
        self.raw.event(Happening::Chunk).notify_all();
    }
}

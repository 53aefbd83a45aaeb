//! The queue without the types of its items: what this process has of it.
//!
//! | file | holds |
//! |---|---|
//! | `ahead` | places that are fetched before they are used |
//! | `put` | claim, write, publish, again if the line went past |
//! | `get` | look, copy, take, or lease |
//! | `chunks` | room for messages that do not fit into a place |
//! | `wait` | what is waited for, with [`crate::waiting`] |
//! | `census` | lengths, what is not done yet |
//! | `recover` | what this process does for the dead, and when it leaves |

mod ahead;
mod census;
mod chunks;
mod get;
mod lease;
mod put;
mod recover;
mod wait;

pub(crate) use crate::waiting::{Gone, Moment};
pub(crate) use chunks::{Chain, NoChunks};
pub(crate) use get::{Holes, Leased, Read, Seen};
pub(crate) use put::{NoPlace, Place, Search};

use ahead::Ahead;

use super::geometry::{Geometry, Happening, Numbers};
use super::protocol::{Lap, Position, Ring, Row};
use crate::event::Event;
use crate::memory::{Mapped, Memory};
use crate::segment::{Kind, Layout, Segment};
use crate::waiting::{Presence, Wakers};
use crate::{AttachError, CreateError, Member};
use conc_core::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::Arc;

/// What a segment with a queue says that it is.
pub(crate) const KIND: Kind = Kind { name: *b"queue   ", version: 2 };

/// A queue, as this process has attached it.
#[derive(Debug)]
pub(crate) struct RawQueue {
    memory: Mapped,
    segment: Segment,
    geometry: Geometry,
    ahead: Ahead,
    me: Member,
    /// Futures that wait, by what for.
    wakers: [Wakers; 4],
    presence: Presence,
    /// Where the next search for a free chunk begins.
    free_chunk: AtomicU64,
}

/// Where a handle stands in the line. Guesses: the words of the places are the truth.
#[derive(Debug)]
pub(crate) struct Cursors {
    put: AtomicU64,
    get: AtomicU64,
    /// The returns that this handle has looked for.
    returns: AtomicU64,
    /// The detours by which all places were in use, and in turn.
    detours: AtomicU64,
    /// Messages that were got without a wait.
    flow: AtomicU32,
    /// The last message did not fit into a place.
    pub(crate) large: AtomicBool,
}

impl Clone for Cursors {
    fn clone(&self) -> Self {
        // ORDERING: Relaxed. Guesses.
        let copy = |word: &AtomicU64| AtomicU64::new(word.load(Ordering::Relaxed));
        Self {
            put: copy(&self.put),
            get: copy(&self.get),
            returns: copy(&self.returns),
            detours: copy(&self.detours),
            flow: AtomicU32::new(0),
            // ORDERING: Relaxed. A guess.
            large: AtomicBool::new(self.large.load(Ordering::Relaxed)),
        }
    }
}

impl RawQueue {
    /// A new queue, with a name or without.
    pub(crate) fn create(numbers: Numbers, name: Option<&str>) -> Result<Arc<Self>, CreateError> {
        let too_large = CreateError::TooLarge { content_len: u64::MAX };
        let geometry = Geometry::new(numbers).ok_or(too_large)?;
        let layout = Layout {
            kind: KIND,
            content_len: geometry.length,
            reserve: geometry.reserved,
            parameters: numbers.to_parameters(),
            recovers: true,
        };
        let segment = Segment::create_with(&layout, name, |content| {
            // SAFETY: the content of a segment that is just being made, of this length.
            let memory = unsafe { Mapped::unborn(content, geometry.length) };
            let Ok(()) = Ring::new(&memory, &geometry.shape).format(Lap::FIRST);
        })?;
        Ok(Self::over(&segment, geometry))
    }

    /// The queue of a segment.
    pub(crate) fn attach(segment: &Segment) -> Result<Arc<Self>, AttachError> {
        if segment.kind() != KIND {
            let found = segment.kind().to_string().into();
            return Err(AttachError::Kind { found, expected: KIND.to_string().into() });
        }
        let damaged = AttachError::Damaged { what: "the numbers of the queue" };
        let geometry = Geometry::of(segment.parameters(), segment.content_len()).ok_or(damaged)?;
        Ok(Self::over(segment, geometry))
    }

    fn over(segment: &Segment, geometry: Geometry) -> Arc<Self> {
        let raw = Arc::new(Self {
            memory: Mapped::new(segment),
            segment: segment.clone(),
            geometry,
            ahead: Ahead::of(geometry.shape.stride),
            me: segment.me(),
            wakers: std::array::from_fn(|_| Wakers::new()),
            presence: Presence::new(),
            free_chunk: AtomicU64::new(0),
        });
        raw.take_part();
        // Whoever died without a survivor waits for the next one who comes.
        let _ = segment.recover_dead();
        raw
    }

    pub(crate) const fn segment(&self) -> &Segment {
        &self.segment
    }

    pub(crate) const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    pub(crate) const fn memory(&self) -> &Mapped {
        &self.memory
    }

    #[inline]
    pub(crate) const fn ring(&self) -> Ring<'_, Mapped> {
        Ring::new(&self.memory, &self.geometry.shape)
    }

    /// Our row of the process table.
    #[inline]
    pub(crate) const fn row(&self) -> Row {
        self.me.row
    }

    #[inline]
    pub(crate) fn is_forked(&self) -> bool {
        self.segment().is_forked()
    }

    #[inline]
    pub(crate) fn event(&self, happening: Happening) -> &Event {
        let place = self.memory.pointer(self.geometry.event(happening)).cast::<Event>();
        // SAFETY:
        // - The geometry gives each event a word of its own, aligned, inside the mapping, which
        //   lives as long as `self`.
        // - An event is one atomic of 32 bits: any bytes are valid, all accesses are atomic.
        unsafe { place.as_ref() }
    }

    /// Cursors of a handle that begins now.
    pub(crate) fn cursors(&self) -> Cursors {
        let (Ok(head), Ok(tail)) = (self.ring().head(), self.ring().tail());
        Cursors {
            put: AtomicU64::new(tail.raw()),
            get: AtomicU64::new(head.raw()),
            returns: AtomicU64::new(0),
            detours: AtomicU64::new(0),
            flow: AtomicU32::new(0),
            large: AtomicBool::new(false),
        }
    }

    /// Says how long the message at a place is, and where it goes on.
    #[inline]
    pub(crate) fn set_length(&self, index: u32, length: u32, first_chunk: Option<u32>) {
        let chunk = first_chunk.map_or(0, |chunk| u64::from(chunk) + 1);
        let word = u64::from(length) | chunk << 32;
        let bytes = word.to_ne_bytes();
        let Ok(()) = self.memory.copy_in(self.geometry.length_word(index), &bytes);
    }

    /// What [`set_length`](Self::set_length) said. Anything, if the message is not ours.
    #[inline]
    pub(crate) fn length(&self, index: u32) -> (u32, Option<u32>) {
        let mut bytes = [0; 8];
        let Ok(()) = self.memory.copy_out(self.geometry.length_word(index), &mut bytes);
        let word = u64::from_ne_bytes(bytes);
        (word as u32, ((word >> 32) as u32).checked_sub(1))
    }

    pub(crate) fn close(&self) {
        let Ok(()) = self.ring().close();
        for happening in [Happening::Message, Happening::Place, Happening::Chunk, Happening::Done] {
            self.event(happening).notify_all();
        }
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        let Ok(closed) = self.ring().is_closed();
        closed
    }

    pub(crate) fn keep_open(&self) {
        self.segment.keep_open();
    }
}

#[inline]
fn cursor(word: &AtomicU64) -> Position {
    // ORDERING: Relaxed. A guess that each use checks against the words of the places.
    Position::from_raw(word.load(Ordering::Relaxed))
}

#[inline]
fn set_cursor(word: &AtomicU64, at: Position) {
    // ORDERING: Relaxed. As above.
    word.store(at.raw(), Ordering::Relaxed);
}

/// Reads a word of mapped memory, which never fails.
#[inline]
fn word_at(memory: &Mapped, word: usize) -> u64 {
    let Ok(value) = memory.load(word);
    value
}
